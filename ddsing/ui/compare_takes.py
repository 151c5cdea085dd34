"""Takes side by side."""

from ddsing.ui import takes_table


def show() -> None:
    """All takes."""
    takes_table.show()
