"""Which checkpoint is meant: by a step, by a name, or by the rule of `ddsing.training.judge`.

``chosen``
    The latest, unless timbre, pitch, loudness or harmonics got worse.
``latest``
    The newest that can be read.
``best``
    That with the lowest loss, of the held-out windows where there are any; the latest where none was found.
"""

from pathlib import Path
from typing import NamedTuple

from ddsing.errors import TrainingError
from ddsing.model.config import ModelConfig
from ddsing.training import checkpoints, judge, saves
from ddsing.training.checkpoints import Checkpoint
from ddsing.training.recipe import EXPORTS

CHOSEN, LATEST, BEST = EXPORTS


class Choice(NamedTuple):
    """A checkpoint, and a sentence on why it was taken."""

    checkpoint: Checkpoint
    why: str


def choose(folder: Path, step: str | int, config: ModelConfig) -> Choice:
    """The checkpoint that ``chosen``, ``latest``, ``best`` or a step means; raises `TrainingError` for any other."""
    if isinstance(step, int):
        return Choice(checkpoints.get(folder, step), f"You chose step {step:,}.")
    if step not in EXPORTS:
        raise TrainingError(f"No checkpoint {step!r}; choose {', '.join(EXPORTS)} or a step.")
    best = checkpoints.read_best(folder)
    if step == BEST and best is not None and any(kept.step == best[0] for kept in checkpoints.published(folder)):
        return Choice(checkpoints.get(folder, best[0]), f"Step {best[0]:,} has the lowest {best[2]}.")
    verdict = judge.judge(saves.read(folder)[0]) if step == CHOSEN else None
    if verdict is not None and verdict.rule == judge.EARLIER:
        return Choice(checkpoints.get(folder, verdict.step), verdict.why)
    newest = checkpoints.newest_state(folder, config)
    if newest is None:
        raise TrainingError(f"{folder.name!r} has no checkpoint yet.")
    found = newest.checkpoint
    if verdict is not None and verdict.step == found.step:
        return Choice(found, verdict.why)
    return Choice(found, f"Step {found.step:,} is the latest{' readable one' if newest.skipped else ''}.")


def named(text: str) -> str | int:
    """What a command names: a step where it is a number, else a name of `choose`."""
    return int(text) if text.isdecimal() else text
