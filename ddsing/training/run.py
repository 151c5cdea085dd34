"""A training run: prepares the dataset, resumes, steps, saves, listens, and exports the instrument."""

from collections.abc import Callable
from dataclasses import dataclass

from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace

STAGES = ("preparing", "loading", "training", "saving", "listening", "exporting")


@dataclass(frozen=True)
class Progress:
    """Where a run is. `stage` is one of `STAGES`; `message` is for people."""

    step: int
    steps: int
    loss: float | None = None
    steps_per_s: float | None = None
    stage: str = "training"
    message: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended; `instrument_name` is None where it was stopped before its last step."""

    step: int
    loss: float | None
    instrument_name: str | None
    stopped: bool
    exported_step: int | None = None


def train(
    workspace: Workspace,
    voice_name: str,
    recipe: Recipe,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train a voice up to the recipe's number of steps, from its newest checkpoint if there is one.

    Raises
    ------
    DiskFull
        Before anything is lost: make room, and start it again.
    Diverged
        The loss or a weight is no number any more; the checkpoints are those of before.
    TrainingError
        The voice is being trained by another process, or was begun with another model.
    """
    raise NotImplementedError


def branch(workspace: Workspace, voice_name: str, *, step: int, label: str) -> str:
    """Begin another training from a checkpoint; returns the new voice's name, ``<voice>-<label>``."""
    raise NotImplementedError
