"""What a training has left on disk: losses, held-out metrics, previews, checkpoints. Reads only; no TensorFlow.

Public: `read`, `History`, `Save`, `Note`.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ddsing.formats import event_log
from ddsing.training import checkpoints, folder, judge, saves
from ddsing.training.judge import Verdict
from ddsing.training.saves import Note, Save

LOSS_TAG, SPEED_TAG = "losses/total_loss", "steps_per_sec"


@dataclass(frozen=True, eq=False)
class History:
    """A training's history; empty arrays and tuples where nothing has happened yet.

    Attributes
    ----------
    steps : np.ndarray [shape=(n,), int64]
        Steps whose loss is known, ascending; what a resume did again counts once, as it went the last time.
    loss : np.ndarray [shape=(n,), float32]
    speed_steps : np.ndarray [shape=(m,), int64]
    steps_per_s : np.ndarray [shape=(m,), float32]
    saves : tuple[Save, ...]
        In the order of their steps.
    notes : tuple[Note, ...]
        In the order in which they were made.
    best_step : int or None
        With the lowest loss, by which nothing is chosen alone: see `verdict`.
    best_by : str
        ``held-out spectral loss`` or ``training loss``.
    recipe : dict
        As the run was started.
    """

    steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    loss: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    speed_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    steps_per_s: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    saves: tuple[Save, ...] = ()
    notes: tuple[Note, ...] = ()
    best_step: int | None = None
    best_by: str = ""
    recipe: dict = field(default_factory=dict)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The steps that can be exported or branched from."""
        return tuple(save.step for save in self.saves if save.on_disk)

    @cached_property
    def verdict(self) -> Verdict | None:
        """Which checkpoint becomes the instrument; None where none is kept."""
        return judge.judge(self.saves)


def read(checkpoints_folder: Path) -> History:
    """The history of the training in a ``<voice>_checkpoints`` folder."""
    path = Path(checkpoints_folder)
    series = event_log.read(path / folder.SUMMARIES)
    none = event_log.Series(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0))
    loss, speed = series.get(LOSS_TAG, none), series.get(SPEED_TAG, none)
    found, notes = saves.read(path)
    best = checkpoints.read_best(path)
    how = folder.begun(path)
    return History(
        steps=loss.steps,
        loss=loss.values,
        speed_steps=speed.steps,
        steps_per_s=speed.values,
        saves=found,
        notes=notes,
        best_step=best and best[0],
        best_by=best[2] if best else "",
        recipe=dict(how.recipe) if how else {},
    )
