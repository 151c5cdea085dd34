"""How fast each tracker runs on this machine, in seconds per frame: known from finished runs, or from one short trial.

Rates live in memory; given a path they are also kept in a small JSON file, `{tracker: seconds per frame}`. That file is
only a hint: one that is missing, damaged or can't be written is passed over.
"""

import contextlib
import math
import threading
from collections.abc import Callable
from pathlib import Path

from ddsing.files import read_json, write_json

_lock = threading.RLock()
_known: dict[str, float] = {}


def get(tracker: str, measure: Callable[[], float], *, path: Path | None = None) -> float:
    """Seconds per frame of a tracker: remembered, else from the file, else measured once per process."""
    with _lock:
        if tracker not in _known:
            stored = _read(path)
            _known[tracker] = stored[tracker] if tracker in stored else measure()
        return _known[tracker]


def learn(tracker: str, seconds_per_frame: float, *, path: Path | None = None) -> None:
    """Take the rate of a finished run."""
    with _lock:
        _known[tracker] = seconds_per_frame
        if path is not None:
            with contextlib.suppress(OSError):
                write_json(Path(path), {**_read(path), tracker: seconds_per_frame})


def offer(tracker: str, seconds_per_frame: float) -> None:
    """Take a trial's rate, unless one is known already."""
    with _lock:
        _known.setdefault(tracker, seconds_per_frame)


def forget() -> None:
    """Forget what is in memory, as a new process would have it."""
    with _lock:
        _known.clear()


def _read(path: Path | None) -> dict:
    rates = (read_json(Path(path)) if path is not None else None) or {}
    return {name: rate for name, rate in rates.items() if isinstance(rate, float) and math.isfinite(rate) and rate > 0}
