"""A training run: prepares the dataset, resumes, steps, saves, listens, and exports the instrument.

A run goes on from the newest checkpoint that verifies, always. Batches depend on seed and step only, so that a
training that was stopped goes on as if it had not been. Public: `train`, `Progress`, `Outcome`.
"""

import errno
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ddsing.errors import Cancelled, DiskFull, TrainingError
from ddsing.formats.event_log import EventWriter
from ddsing.jobs import paces
from ddsing.jobs.time_left import Clock, Range
from ddsing.training import estimate, export, folder, ready, saving
from ddsing.training.ready import Ready
from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace

_SPEED_S = 30.0  # the speed that is told is that of about this long


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes
    ----------
    stage : str
        One of `stages.STAGES`.
    fraction : float or None
        Of the stage, if it has one.
    left : Range or None
        How long all that is left will take.
    """

    step: int
    steps: int
    loss: float | None = None
    steps_per_s: float | None = None
    stage: str = "training"
    message: str = ""
    fraction: float | None = None
    left: Range | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    instrument_name : str or None
        None where it was stopped before its last step, or asked for none; so are the next two.
    exported_step : int or None
    exported_why : str
        Why that checkpoint was taken, in a sentence.
    top : str
        What the instrument sings above 8 kHz, or why it does not, see `ddsing.training.export.Made`.
    """

    step: int
    loss: float | None
    instrument_name: str | None
    stopped: bool
    exported_step: int | None = None
    exported_why: str = ""
    top: str = ""


Report = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


def train(
    workspace: Workspace,
    voice_name: str,
    recipe: Recipe,
    *,
    report: Report = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    make_instrument: bool = True,
) -> Outcome:
    """Train a voice up to the recipe's number of steps, from its newest checkpoint if there is one.

    Asked to stop, it finishes its step, saves and returns. It ends by exporting the instrument, unless told not to.

    Raises
    ------
    DiskFull
        Before anything is lost: make room, and start it again.
    Diverged
        The loss or a weight is no number any more; the checkpoints are those of before.
    TrainingError
        The voice is being trained by another process, or was begun with another model.
    """

    def tell(stage: str, fraction: float | None = None, message: str = "") -> None:
        if should_stop():
            raise Cancelled("Stopped before the first step.")
        clock.at(stage, fraction)
        report(Progress(0, recipe.steps or 0, stage=stage, message=message, fraction=fraction, left=clock.left()))

    where = folder.locate(workspace, voice_name)
    known = paces.of(workspace)
    clock = Clock(estimate.parts(known, workspace, where, recipe))
    try:
        with folder.held(where.path, voice_name):
            try:
                made = ready.make(where, recipe, tell)
            except Cancelled:
                return Outcome(0, None, None, stopped=True)
            with made.records:
                run = _Run(workspace, made, report, should_stop, clock)
                try:
                    stopped = run.to_the_end()
                finally:
                    known.learn(clock.took())
            loss = made.loss if run.loss is None else run.loss  # where nothing was left to train, that of before
            if stopped:
                return Outcome(run.step, loss, None, stopped=True)
            if not make_instrument:
                return Outcome(run.step, loss, None, stopped=False)
            entry, why, top = run.exported(voice_name, recipe.export)
            known.learn({key: unit_s for key, unit_s in clock.took().items() if key == estimate.TOP})
            return Outcome(run.step, loss, entry.name, False, entry.provenance.step, why, top)
    except OSError as error:
        raise _in_a_sentence(error, where.path) from error


class _Run:
    """The loop: steps, the event file, and saves."""

    def __init__(self, workspace: Workspace, ready: Ready, report: Report, should_stop: ShouldStop, clock: Clock):
        self._workspace, self._ready = workspace, ready
        self._report, self._should_stop, self._clock = report, should_stop, clock
        self._first = ready.step
        self.step = self._saved = ready.step
        self.loss: float | None = None
        self._recent: list[float] = []
        self._durations: list[float] = []
        self._save_seconds: list[float] = []

    def to_the_end(self) -> bool:
        """Train; returns whether it was stopped before the end."""
        ready = self._ready
        if self.step >= ready.steps:
            return False
        events = EventWriter(ready.path / folder.SUMMARIES)
        try:
            self._clock.at(estimate.BUILDING)
            self._report(replace(self.progress(), message="Building the model"))
            while self.step < ready.steps and not self._should_stop():
                self._one_step(events)
                if self.step % ready.save_every == 0 and self.step < ready.steps:
                    self._save(events)
            if self.step > self._saved:
                self._save(events)
        finally:
            ready.close()
            _close(events)
            estimate.learn(self._workspace, ready, self._durations, self._save_seconds)
        return self.step < ready.steps

    def exported(self, voice_name: str, step: str) -> export.Made:
        """The instrument, made and kept."""

        def tell(stage: str, fraction: float) -> None:
            self._clock.at("exporting", fraction)
            self._report(replace(self.progress(), stage="exporting", message=f"{stage}: {fraction:.0%}"))

        self._clock.at("exporting")
        self._report(replace(self.progress(), stage="exporting"))
        return export.make(self._workspace, voice_name, step=step, progress=tell)

    def progress(self) -> Progress:
        """Where it is now."""
        return Progress(self.step, self._ready.steps, self.loss, self._speed(), left=self._clock.left())

    def _note(self, stage: str) -> None:
        """Tell the clock how much of the steps, or of the saves, is done; the first step belongs to the building."""
        ready = self._ready
        if stage == "saving":
            n_saves = max(1, len(self._save_seconds) + estimate.n_saves(self.step, ready.steps, ready.save_every))
            self._clock.at(stage, len(self._save_seconds) / n_saves)
        else:
            self._clock.at(stage, (self.step - self._first - 1) / max(1, ready.steps - self._first - 1))

    def _one_step(self, events: EventWriter) -> None:
        ready, began = self._ready, time.monotonic()
        loss = ready.stepper.run(ready.batches.get(self.step + 1))
        if not math.isfinite(loss):
            ready.finish_building()
            raise saving.diverged(ready.path, self.step + 1, "the loss became")
        self.step, self.loss = self.step + 1, loss
        self._recent.append(loss)
        self._durations.append(time.monotonic() - began)
        ready.worked()
        self._note("training")
        speed = self._speed()
        self._report(self.progress())  # first: a curve that outlives a crash has no step that nobody was told of
        events.add(self.step, {"losses/total_loss": loss} | ({} if speed is None else {"steps_per_sec": speed}))

    def _save(self, events: EventWriter) -> None:
        ready = self._ready
        self._note("saving")
        self._report(replace(self.progress(), stage="saving"))
        events.sync()
        ready.finish_building()
        seconds = ready.saver.save(
            self.step,
            loss=float(np.mean(self._recent)),
            weights=ready.stepper.weights(),
            write=lambda prefix: ready.stepper.checkpoint_object().write(str(prefix)),
            should_stop=self._should_stop,
            loss_scale=ready.stepper.loss_scale(),
        )
        self._recent, self._saved = [], self.step
        self._save_seconds.append(seconds)
        self._note("saving")
        self._note("training")
        self._report(self.progress())

    def _speed(self) -> float | None:
        """Steps per second lately; the first step, which builds the model, is left out."""
        recent = self._durations[1:]
        if not recent:
            return None
        typical = float(np.median(recent[-200:]))
        count = max(1, min(len(recent), round(_SPEED_S / max(typical, 1e-6))))
        return count / max(sum(recent[-count:]), 1e-9)


def _in_a_sentence(error: OSError, path: Path) -> DiskFull | TrainingError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"The disk of {path.name!r} is full. All checkpoints are safe. Free some space and start training again."
        )
    return TrainingError(f"The run's folder {path.name!r} can't be written to: {error.strerror or error}.")


def _close(events: EventWriter) -> None:
    try:
        events.close()
    except OSError:  # the disk is full; what could not be written is only a piece of the curve
        return
