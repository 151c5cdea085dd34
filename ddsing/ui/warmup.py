"""Imports TensorFlow in the background while the user looks at the first page, once per process."""

import logging
import threading
from dataclasses import dataclass

DELAY_S = 1.0  # lets the first page reach the browser before the import takes the interpreter
_lock = threading.Lock()
_state = {"started": False, "device": None, "failed": False}


@dataclass(frozen=True)
class Warmup:
    """How far the import is: `device` is None until it is done."""

    device: str | None
    failed: bool


def start() -> None:
    """Start the import unless it was started before; returns at once."""
    with _lock:
        if _state["started"]:
            return
        _state["started"] = True
    threading.Thread(target=_import, name="warm-up", daemon=True).start()


def status() -> Warmup:
    """Where the import stands."""
    return Warmup(device=_state["device"], failed=_state["failed"])


def _import() -> None:
    threading.Event().wait(DELAY_S)
    try:
        from ddsing.engine import runtime

        runtime.tensorflow()
        found = runtime.device()
        _state["device"] = found.name
    except Exception:
        logging.getLogger("ddsing").exception("TensorFlow can't be imported")
        _state["failed"] = True
