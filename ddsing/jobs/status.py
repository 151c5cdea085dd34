"""What a job's files mean: a pure function of what is on disk and whether its lock is held.

States
------
starting, waiting, running, stopping
    Live. ``waiting`` is for its turn on the device; ``stopping``, asked to stop and not there yet.
done, failed
    Ended, by success or by an error, which `message` tells.
stopped, paused, lost
    Ended before the end, by the user, by a full disk, or by a crash; like a failed one it can be resumed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LIVE = frozenset({"starting", "waiting", "running", "stopping"})
RESUMABLE = frozenset({"stopped", "paused", "lost", "failed"})
ENDED = RESUMABLE | {"done"}
STATES = LIVE | ENDED
START_TIMEOUT_S = 30.0  # from the order to start until the process must hold its lock


@dataclass(frozen=True)
class JobStatus:
    """A job at one moment.

    Attributes
    ----------
    voice : str | None
        ``options["voice"]``.
    stage, step, steps, loss, steps_per_s, eta_s, fraction, message, extra
        What the job reported last; `eta_s` and `fraction` follow from the steps where it reported none. `extra` is
        a dictionary of the kind's own.
    created, started, ended : float | None
        Seconds since 1970; `started` is when the latest run began, after it had waited.
    ahead : tuple[str, ...]
        While waiting: the titles of the jobs before it, the one that has the device first.
    alive : bool
        Whether its process lives.
    heartbeat_age_s : float | None
        Since its process was last heard of.
    log_tail : str
        The last lines it printed; empty in `JobStore.list`.
    result : dict | None
        What it returned, once done.
    """

    id: str
    kind: str
    title: str
    voice: str | None
    options: Mapping[str, Any]
    device: str | None
    key: str
    state: str
    stage: str = ""
    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    steps_per_s: float | None = None
    eta_s: float | None = None
    fraction: float | None = None
    message: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    ahead: tuple[str, ...] = ()
    alive: bool = False
    heartbeat_age_s: float | None = None
    log_tail: str = ""
    result: Mapping[str, Any] | None = None

    @property
    def live(self) -> bool:
        """Whether it runs, or is going to by itself."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether `JobStore.resume` would take it up again."""
        return self.state in RESUMABLE


def classify(record: Mapping[str, Any] | None, *, locked: bool, stop_requested: bool, now_s: float) -> str:
    """The state of a job.

    Parameters
    ----------
    record : Mapping | None
        ``status.json``: ``state`` as its process, or whoever ordered its start, wrote it, and ``ordered`` (seconds since
        1970, when its start was ordered). None if it can't be read.
    locked : bool
        Whether its process lives.
    stop_requested : bool
        Whether somebody has asked it to stop.
    now_s : float
        Seconds since 1970.
    """
    written = record.get("state") if record else None
    if written in ENDED:
        return str(written)
    if locked:
        return "stopping" if stop_requested else str(written) if written in LIVE else "starting"
    ordered = record.get("ordered") if record else None
    if written == "starting" and isinstance(ordered, int | float):
        if -1.0 <= now_s - ordered < START_TIMEOUT_S:
            return "stopping" if stop_requested else "starting"
        if stop_requested:
            return "stopped"
    return "lost"
