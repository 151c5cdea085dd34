"""What a job's files mean: a pure function of what is on disk, and of whether its lock is held.

Of a job on a cluster the engine's word takes the place of the lock (`ddsing.jobs.word`).

States
------
starting, waiting, running, stopping
    Live. ``waiting`` is for its turn on the device; ``stopping``, asked to stop and not there yet.
unknown
    Live as far as anybody knows: on a cluster that does not answer.
done, failed
    Ended, by success or by an error, which the message tells.
stopped, paused, lost
    Ended before the end, by the user, by a full disk, or by a crash; like a failed one it can be resumed.
"""

from collections.abc import Mapping
from typing import Any

from ddsing.jobs.word import CANCELLED, LEAVING, MEMORY, OVER, QUEUED, SILENT, Word

LIVE = frozenset({"starting", "waiting", "running", "stopping", "unknown"})
RESUMABLE = frozenset({"stopped", "paused", "lost", "failed"})
ENDED = RESUMABLE | {"done"}
STATES = LIVE | ENDED
START_TIMEOUT_S = 30.0  # from the order to start until the process must hold its lock


def classify(
    record: Mapping[str, Any] | None, *, locked: bool, stop_requested: bool, now_s: float, word: Word | None = None
) -> str:
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
    word : Word | None
        Of a job on a cluster: what the engine says; `locked` and `now_s` don't count then.
    """
    written = written_state(record)
    if written in ENDED:
        return written
    if word is not None:
        return _by_word(written, word, stop_requested)
    if locked:
        return "stopping" if stop_requested else written if written in LIVE else "starting"
    ordered = record.get("ordered") if record else None
    if written == "starting" and isinstance(ordered, int | float):
        if -1.0 <= now_s - ordered < START_TIMEOUT_S:
            return "stopping" if stop_requested else "starting"
        if stop_requested:
            return "stopped"
    return "lost"


def _by_word(written: str, word: Word, stop_requested: bool) -> str:
    """The state of a job that has not written its end, on a cluster."""
    if word.state == SILENT:
        return "unknown"
    if word.state == OVER:
        if stop_requested or word.why == CANCELLED:
            return "stopped"
        return "failed" if word.why == MEMORY else "waiting"  # for its next attempt
    if stop_requested:
        return "stopping"
    if word.state == QUEUED:
        return "waiting"
    if word.state == LEAVING and written == "waiting":
        return "waiting"
    return "running" if written == "running" else "starting"


def written_state(record: Mapping[str, Any] | None) -> str:
    """The state that a record names; empty if it names none."""
    state = record.get("state") if record else None
    return state if isinstance(state, str) else ""
