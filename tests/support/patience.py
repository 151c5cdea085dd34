"""How long a test waits for what takes its time on a busy machine."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 900.0  # against a hang only: no test may fail because the machine is slow
T = TypeVar("T")


def until(condition: Callable[[], T], *, again=lambda: None, told=lambda: "", every_s: float = 0.05) -> T:
    """What `condition` returns once that is true; `again` is called between two tries, `told` says what was seen."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"waited too long: {told()}"
        time.sleep(every_s)
        again()
    return found
