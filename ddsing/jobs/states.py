"""What a job's files mean: a pure function of what is on disk and whether its lock is held.

States
------
starting, waiting, running, stopping
    Live. ``waiting`` is for its turn on the device; ``stopping``, asked to stop and not there yet.
done, failed
    Ended, by success or by an error, which the message tells.
stopped, paused, lost
    Ended before the end, by the user, by a full disk, or by a crash; like a failed one it can be resumed.
"""

from collections.abc import Mapping
from typing import Any

LIVE = frozenset({"starting", "waiting", "running", "stopping"})
RESUMABLE = frozenset({"stopped", "paused", "lost", "failed"})
ENDED = RESUMABLE | {"done"}
STATES = LIVE | ENDED
START_TIMEOUT_S = 30.0  # from the order to start until the process must hold its lock


def classify(record: Mapping[str, Any] | None, *, locked: bool, stop_requested: bool, now_s: float) -> str:
    """The state of a job.

    Parameters
    ----------
    record : Mapping | None
        ``status.json``: ``state`` as its process, or whoever ordered its start, wrote it, and ``ordered``, when that
        was (seconds since 1970). None if it can't be read.
    locked : bool
        Whether its process lives.
    stop_requested : bool
        Whether somebody has asked it to stop.
    now_s : float
        Seconds since 1970.
    """
    written = written_state(record)
    if written in ENDED:
        return written
    if locked:
        return "stopping" if stop_requested else written if written in LIVE else "starting"
    ordered = record.get("ordered") if record else None
    if written == "starting" and isinstance(ordered, int | float):
        if -1.0 <= now_s - ordered < START_TIMEOUT_S:
            return "stopping" if stop_requested else "starting"
        if stop_requested:
            return "stopped"
    return "lost"


def written_state(record: Mapping[str, Any] | None) -> str:
    """The state that a record names; empty if it names none."""
    state = record.get("state") if record else None
    return state if isinstance(state, str) else ""
