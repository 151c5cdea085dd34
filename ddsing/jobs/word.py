"""What an engine says of a job: the one thing about a job on a cluster that its folder can't tell.

Where a folder is shared by many machines, a lock may lie, so nobody asks the lock of such a job. Its folder still says
how far it is and how it ended; only whether it lives, waits or is gone is the engine's word.
"""

from dataclasses import dataclass, replace

QUEUED, RUNNING, LEAVING, OVER, SILENT = "queued", "running", "leaving", "over", "silent"
CANCELLED, MEMORY = "cancelled", "memory"


@dataclass(frozen=True)
class Word:
    """What an engine says of a job at one moment.

    Attributes
    ----------
    state : str
        ``queued``, ``running``, ``over``, ``silent`` where it does not answer, or ``leaving``: over, and so lately that
        the last thing the job wrote may not be seen here yet.
    engine : str
        For people: ``Slurm``.
    why : str
        How it was over: ``cancelled`` by somebody at the cluster, ``memory`` where it took more than it had asked for;
        else empty.
    said : str
        The engine's own word for it, such as ``TIMEOUT``, or for why it waits, such as ``Resources``.
    starts : float | None
        Of one that waits: when it is expected to start, in seconds since 1970.
    since : float | None
        Of one that is over: since when.
    id : str
        The engine's own name of it.
    order : int
        The place in the engine's own order.
    """

    state: str
    engine: str
    why: str = ""
    said: str = ""
    starts: float | None = None
    since: float | None = None
    id: str = ""
    order: int = 0

    def seen(self, last_sign: float, *, delay_s: float, now_s: float) -> "Word":
        """``leaving`` instead of ``over`` until `delay_s` after its last sign of life."""
        if self.state == OVER and now_s - max(last_sign, self.since or 0.0) < delay_s:
            return replace(self, state=LEAVING)
        return self


def silence(engine: str, reason: str = "") -> Word:
    """The word of an engine that does not answer."""
    return Word(SILENT, engine, said=reason)
