"""What a training has left on disk: losses, held-out metrics, previews, checkpoints. Reads only; no TensorFlow.

Public: `read`, `History`, `Save`, `Note`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Save:
    """A save, and what was measured there; None where nothing was held out, or the save was a hurried one.

    Attributes
    ----------
    step : int
    loss : float
        Mean training loss since the save before.
    spectral_loss, f0_cents, loudness_db : float or None
        Of the resynthesis of held-out windows: ddsp's spectral loss; median distance in cents over voiced frames; mean
        distance in dB.
    preview : Path or None
        The built-in phrase as the voice sang it, FLAC.
    on_disk : bool
        Whether its checkpoint is still kept.
    date : str
        ISO 8601.
    """

    step: int
    loss: float
    spectral_loss: float | None = None
    f0_cents: float | None = None
    loudness_db: float | None = None
    preview: Path | None = None
    on_disk: bool = False
    date: str = ""


@dataclass(frozen=True)
class Note:
    """Something that happened at a step: a resume, more data, a branch."""

    step: int
    text: str
    date: str = ""


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
    best_step : int or None
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

    def smoothed(self, *, half_life_steps: float = 50.0) -> np.ndarray:
        """The loss [shape=(n,), float32] with its noise averaged out over about `half_life_steps`."""
        raise NotImplementedError


def read(checkpoints_folder: Path) -> History:
    """The history of the training in a ``<voice>_checkpoints`` folder."""
    raise NotImplementedError
