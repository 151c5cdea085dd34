"""What switches hosting on, so light that a local dashboard may ask each time: variables of the environment."""

import os

from ddsing.errors import DdsingError

VARIABLE = "DDSING_HOSTING"  # by the user: the hosting.toml that `ddsing serve` is to use
SERVED = "DDSING_SERVED"  # by `ddsing serve`, to the server: the hosting.toml that it was started with
REST = "DDSING_REST"  # by `ddsing serve --rest`, to the server of one person: programs may use it


class SwitchError(DdsingError):
    """A dashboard for several people that was started as if it were for one."""


def served() -> str | None:
    """The hosting.toml that this process serves; None for a local dashboard.

    Raises `SwitchError` where hosting is asked for, but not by `ddsing serve`: then anybody could come in.
    """
    named = os.environ.get(SERVED)
    if not named and os.environ.get(VARIABLE):
        raise SwitchError(
            f"{VARIABLE} is set, so this dashboard is for several people and needs sign-in: start it with ddsing serve."
        )
    return named or None


def rest() -> bool:
    """Whether this process is a local dashboard that programs may use."""
    return bool(os.environ.get(REST)) and not os.environ.get(SERVED)
