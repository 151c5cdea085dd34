"""The devices that jobs take turns on: ``cpu``, ``gpu:0``, ``gpu:1``, …"""


def names() -> tuple[str, ...]:
    """The GPUs, or ``("cpu",)`` where there is none."""
    raise NotImplementedError


def name() -> str:
    """The device for the next job: the one with the shortest queue."""
    raise NotImplementedError
