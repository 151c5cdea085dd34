"""Notes."""


def show(takes) -> None:
    """Later."""


def actions(takes) -> None:
    """Later."""
