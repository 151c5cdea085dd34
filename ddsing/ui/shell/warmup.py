"""Work that waits until the first page is painted: what each pitch tracker costs here, and importing TensorFlow.

Once per process, in a daemon thread.
"""

import logging
import threading
from dataclasses import dataclass, field

from ddsing.constants import TRACKERS

DELAY_S = 0.7  # lets the first page reach the browser before the imports take the interpreter
_lock = threading.Lock()
_started = False


@dataclass(frozen=True)
class Warmup:
    """`device` is None until TensorFlow is imported; `costs` are seconds per second of sound, by tracker."""

    device: str | None = None
    failed: bool = False
    costs: dict[str, float] = field(default_factory=dict)


_status = Warmup()


def start() -> None:
    """Start unless it was started before; returns at once."""
    global _started
    with _lock:
        if _started:
            return
        _started = True
    threading.Thread(target=_run, name="warm-up", daemon=True).start()


def status() -> Warmup:
    """Where it stands."""
    return _status


def _run() -> None:
    global _status
    threading.Event().wait(DELAY_S)
    costs: dict[str, float] = {}
    try:
        from ddsing.sound import pitch

        costs = {name: pitch.estimate_seconds(name, 100.0) / 100.0 for name in TRACKERS}
        _status = Warmup(costs=costs)
    except Exception:
        logging.getLogger("ddsing").exception("The pitch trackers can't be measured")
    try:
        from ddsing.engine.tf import runtime

        _status = Warmup(device=runtime.device().name, costs=costs)
    except Exception:
        logging.getLogger("ddsing").exception("TensorFlow can't be imported")
        _status = Warmup(failed=True, costs=costs)
