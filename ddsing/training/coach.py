"""What a training's curves mean, in plain words, each with its evidence."""

from dataclasses import dataclass

from ddsing.training.history import History


@dataclass(frozen=True)
class Advice:
    """One thing to know: `level` is ``good``, ``info``, ``warning`` or ``error``."""

    sentence: str
    evidence: str
    level: str = "info"


def advice(history: History) -> tuple[Advice, ...]:
    """What is worth saying now, most pressing first."""
    raise NotImplementedError
