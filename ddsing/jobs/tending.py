"""What becomes of a job whose process an engine no longer has: a pure function of its record and the engine's word.

A job continues automatically when its time was up, its node was lost or another job came first; one that has ended
three times without a step does not, nor one that somebody cancelled, or that took more memory than it had asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ddsing.jobs.states import ENDED, written_state
from ddsing.jobs.word import CANCELLED, MEMORY, OVER, Word

MOST_FRUITLESS = 3  # attempts in a row


@dataclass(frozen=True)
class Due:
    """What is to be done: write that it ended in `state`, or, where that is ``starting``, give it to the engine again.

    Attributes
    ----------
    fruitless : int
        How many attempts in a row have ended without a step.
    """

    state: str
    message: str = ""
    fruitless: int = 0


def due(record: Mapping[str, Any], word: Word, *, stop_requested: bool, sent: bool) -> Due | None:
    """What is due; None for a job that has ended or that the engine has.

    Parameters
    ----------
    sent : bool
        Whether the engine has taken the job at all.
    """
    if written_state(record) in ENDED or word.state != OVER:
        return None
    if stop_requested:
        return Due("stopped")
    if word.why == CANCELLED:
        return Due("stopped", f"It was cancelled in {word.engine}. Resume it to continue from its last checkpoint.")
    if word.why == MEMORY:
        return Due(
            "failed",
            f"{word.engine} ended it because it needed more memory than it had asked for. Raise memory_gb in the "
            "engine's settings, or choose a smaller batch size, and resume it.",
        )
    fruitless = fruitless_after(record) if sent else _count(record)
    return (
        Due("failed", gave_up(word.said), fruitless) if fruitless >= MOST_FRUITLESS else Due("starting", "", fruitless)
    )


def fruitless_after(record: Mapping[str, Any]) -> int:
    """How many attempts in a row have ended without a step, now that the latest has ended as well."""
    return 0 if record.get("stepped") else _count(record) + 1


def gave_up(said: str) -> str:
    """Why it is not started again."""
    seen = f" (last seen: {said})" if said else ""
    return f"It ended {MOST_FRUITLESS} times before its first step{seen}. See the log for details, then resume it."


def _count(record: Mapping[str, Any]) -> int:
    value = record.get("fruitless")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
