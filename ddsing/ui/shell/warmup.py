"""Work that waits until the first page is painted: what a transfer imports, and what each pitch tracker costs here.

Once per process, in a daemon thread; trackers are measured in a process of its own, so that the weights do not stay
here.
"""

import logging
import threading
from dataclasses import dataclass, field

from ddsing.ui.shell import ordered

DELAY_S = 0.7  # lets the first page reach the browser before the imports take the interpreter
_lock = threading.Lock()
_started = False


@dataclass(frozen=True)
class Warmup:
    """`costs` are seconds per second of sound, by tracker; empty until they are known. `over` once none will come."""

    costs: dict[str, float] = field(default_factory=dict)
    over: bool = False


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
    try:
        if not ordered.by_workers():  # the first press should not wait for it
            from ddsing.work import kinds  # noqa: F401
        from ddsing.sound import pitch

        tried = pitch.try_elsewhere()
        _status = Warmup({name: pitch.estimate_seconds(name, 100.0) / 100.0 for name in tried}, over=True)
    except Exception:
        logging.getLogger("ddsing").exception("The pitch trackers can't be measured")
        _status = Warmup(over=True)
