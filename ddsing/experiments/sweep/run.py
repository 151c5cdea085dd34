"""Training the cells of a sweep, one after another. What is done is left alone; what was begun goes on.

Public: `train`, `Progress`, `Outcome`.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace

from ddsing.dataset import voices
from ddsing.dataset.voices import Voice
from ddsing.errors import Diverged
from ddsing.experiments.sweep import grid
from ddsing.experiments.sweep.grid import Cell, Sweep
from ddsing.training import estimate, folder
from ddsing.training import run as runs
from ddsing.training.folder import Begun
from ddsing.workspace import Workspace


@dataclass(frozen=True)
class Progress:
    """Where a sweep is: its `n`-th cell of `n_cells`, and within it as `ddsing.training.run.Progress`."""

    cell: str
    n: int
    n_cells: int
    step: int
    steps: int
    training: runs.Progress
    eta_s: float | None


@dataclass(frozen=True)
class Outcome:
    """How a sweep ended.

    Attributes
    ----------
    trained, skipped : tuple[str, ...]
        Names of the cells that were trained now, and of those that were done already.
    failed : dict[str, str]
        Cells that came to nothing, each with the sentence that says why.
    """

    trained: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: dict[str, str]
    stopped: bool


def train(
    workspace: Workspace,
    sweep: Sweep,
    *,
    only: str = "",
    report: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train all cells of a sweep that are not done. Asked to stop, the cell at work saves, and the rest is left.

    Parameters
    ----------
    only : str
        The name of the one cell to train; empty for all.

    Raises
    ------
    DiskFull, TrainingError
        As `ddsing.training.run.train`; what is done stays. A cell that diverges is passed over.
    """
    voices.get(workspace, sweep.voice)
    cells = [cell for cell in sweep.cells() if only in ("", cell.name)]
    steps, done = [grid.steps_of(cell) for cell in cells], [grid.steps_done(workspace, cell) for cell in cells]
    pace_s = [estimate.seconds(workspace, cell.recipe)[0] / total for cell, total in zip(cells, steps)]
    trained: list[str] = []
    failed: dict[str, str] = {}
    skipped = [cell.name for cell, total, so_far in zip(cells, steps, done) if so_far >= total]
    for n, cell in enumerate(cells):
        if cell.name in skipped:
            continue

        def tell(progress: runs.Progress, n: int = n, cell: Cell = cell) -> None:
            done[n] = max(done[n], progress.step)
            if progress.steps_per_s:
                pace_s[n] = 1.0 / progress.steps_per_s
            each = [pace * max(0, total - so_far) for pace, total, so_far in zip(pace_s, steps, done)]
            if progress.left is not None:  # the cell at work tells more than its pace
                each[n] = progress.left.middle_s
            left_s = sum(each)
            at = sum(min(total, so_far) for total, so_far in zip(steps, done))
            report(Progress(cell.name, n + 1, len(cells), at, sum(steps), progress, left_s))

        try:
            stopped = _train(workspace, sweep.voice, cell, tell, should_stop)
        except Diverged as error:
            failed[cell.name] = str(error)
            continue
        if stopped or should_stop():
            trained += [] if stopped else [cell.name]
            return Outcome(tuple(trained), tuple(skipped), failed, stopped=True)
        trained.append(cell.name)
        done[n] = steps[n]
    return Outcome(tuple(trained), tuple(skipped), failed, stopped=False)


def _train(workspace: Workspace, voice: str, cell: Cell, tell: runs.Report, should_stop: runs.ShouldStop) -> bool:
    """Train a cell; returns whether it was stopped before its end."""
    path = Voice.named(workspace.audio, cell.name).checkpoints_folder
    path.mkdir(exist_ok=True)
    how = folder.begun(path) or Begun()
    if not how.dataset_of and not voices.get(workspace, cell.name).prepared:
        folder.write_begun(path, replace(how, dataset_of=voice))
    recipe = replace(cell.recipe, keep=grid.KEEP)
    outcome = runs.train(workspace, cell.name, recipe, report=tell, should_stop=should_stop, make_instrument=False)
    gc.collect()  # the graphs of the last cell, before those of the next
    return outcome.stopped
