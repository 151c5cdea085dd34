"""ddsing: teach a computer a voice and sing through it."""

from typing import TYPE_CHECKING, Any

__version__ = "0.3.0"

if TYPE_CHECKING:
    from ddsing.api import (
        DdsingError,
        Features,
        Instrument,
        Outcome,
        Settings,
        Studio,
        Sung,
        Trained,
        TrainingProgress,
        open,
    )

__all__ = [
    "DdsingError",
    "Features",
    "Instrument",
    "Outcome",
    "Settings",
    "Studio",
    "Sung",
    "Trained",
    "TrainingProgress",
    "open",
]


def __getattr__(name: str) -> Any:
    """What `ddsing.api` has, loaded when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("ddsing.api"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
