"""All that a run needs before its first step, made in this order: dataset, model, statistics, weights, batches."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.dataset import facts, prepare
from ddsing.dataset.voices import Voice
from ddsing.errors import TrainingError
from ddsing.formats import tfrecord
from ddsing.formats.tfrecord import Records
from ddsing.model.weights import random_weights
from ddsing.training import checkpoints, evaluation, folder, head_start, preparing, ranges, resume, top
from ddsing.training import listening as listenings
from ddsing.training.batches import Batches
from ddsing.training.building import Building
from ddsing.training.folder import Begun, Where
from ddsing.training.listening import Listening
from ddsing.training.recipe import Config, Recipe
from ddsing.training.saving import Saver

if TYPE_CHECKING:
    from ddsing.engine.tf.step import Step

Tell = Callable[..., None]  # a stage of `ddsing.training.run.STAGES`, its fraction or None, a message


@dataclass(frozen=True, eq=False)
class Ready:
    """All that the loop needs."""

    path: Path
    config: Config
    recipe: Recipe
    step: int
    building: Building | None  # None where no step is left to take
    records: Records
    batches: Batches
    saver: Saver
    head_start_s: float = 0.0  # that it took
    loss: float | None = None  # of the checkpoint that is taken up

    @property
    def stepper(self) -> "Step":
        """The model in training; waits until it is built."""
        assert self.building is not None
        return self.building.step

    def worked(self) -> None:
        """Note that a step was taken."""
        if self.building is not None:
            self.building.worked()

    def finish_building(self) -> None:
        """Wait until a checkpoint can be written, and the model is described."""
        if self.building is not None:
            self.building.finish()

    def close(self) -> None:
        """Let all threads go."""
        self.batches.close()
        if self.building is not None:
            self.building.close()

    @property
    def steps(self) -> int:
        """To train in all."""
        return self.recipe.steps or self.config.steps

    @property
    def save_every(self) -> int:
        """Steps between two checkpoints."""
        return self.recipe.save_every or self.config.save_every

    @property
    def batch_size(self) -> int:
        """Windows in a step."""
        return self.batches.batch_size


def make(where: Where, recipe: Recipe, tell: Tell) -> Ready:
    """Prepare the dataset, build the model, and take up the newest checkpoint."""
    checkpoints.tidy(where.path)
    how = folder.begun(where.path)
    asked, recipe = recipe, recipe.merged(how.recipe) if how else recipe
    trained = resume.model(where.path, asked, recipe)
    checkpoints.require_room(where.path, trained.model)
    _prepare(where.source, recipe, tell)
    if recipe.full_band and not checkpoints.published(where.path):  # what was begun is trained to its end
        top.require(where.source)
    records = tfrecord.open_all(where.source.dataset_folder, "train")
    try:
        return _made(where, how, recipe, trained, records, tell)
    except BaseException:
        records.close()
        raise


def _made(where: Where, how: Begun | None, recipe: Recipe, trained: Config, records: Records, tell: Tell) -> Ready:
    path, source = where.path, where.source
    if not len(records):
        raise TrainingError(
            f"Nothing to train {where.voice.name!r} on: its dataset has no training windows. Add "
            "recordings, or include some windows again."
        )
    tell("loading", message="Loading TensorFlow")
    listening = listenings.of(source, records, trained)
    known = ranges.of(source, records, listening)
    dataset_hash = facts.dataset_hash(source)
    newest = checkpoints.newest_state(path, trained.model)
    folder.write_begun(
        path, Begun(recipe.to_json(), how.dataset_of if how else "", dataset_hash, bool(how and how.notebook))
    )
    folder.write_statistics(path, known)
    saver = Saver(path, trained.model, dataset_hash, _held_out(source, listening), listening, known, recipe.keep)
    batch_size = recipe.batch_size or trained.batch_size
    batches = Batches(
        records,
        batch_size,
        trained.window_frames,
        recipe.seed or 0,
        listening,
        trained.teaching,
        trained.model.voicing,
    )
    if newest is None:
        building, head_start_s = _begun(path, source, recipe, trained, batch_size, listening, tell)
        return Ready(path, trained, recipe, 0, building, records, batches, saver, head_start_s)
    resume.note(path, how, newest, dataset_hash, source.name, saver)
    step, loss = newest.checkpoint.step, newest.checkpoint.facts.get("loss")
    left = step < (recipe.steps or trained.steps)
    again = lambda: resume.resumed(trained, recipe, batch_size, newest)  # noqa: E731
    resumed = Building(again, ahead=False, describe=None) if left else None
    known_loss = loss if isinstance(loss, float) else None
    return Ready(path, trained, recipe, step, resumed, records, batches, saver, loss=known_loss)


def _begun(
    path: Path, source: Voice, recipe: Recipe, trained: Config, batch_size: int, listening: Listening, tell: Tell
) -> tuple[Building, float]:
    """The model of a training that begins, being built, and how long its head start took in the meantime."""
    weights, seed = random_weights(trained.model, seed=recipe.seed or 0), recipe.seed or 0
    build = lambda: resume.stepper(trained, recipe, batch_size, weights)  # noqa: E731
    building = Building(build, ahead=bool(trained.head_start_steps), describe=(path, trained))
    if not trained.head_start_steps:
        return building, 0.0
    began = time.monotonic()
    try:
        building.begin_with(head_start.weights(source, trained, listening, seed, tell))
    except BaseException:
        building.close()
        raise
    return building, time.monotonic() - began


def _prepare(source: Voice, recipe: Recipe, tell: Tell) -> None:
    """Prepare what is to be trained on, if need be."""
    tell("preparing", 0.0)
    if preparing.needed(source):
        tracker = preparing.tracker(source, recipe)
        progress = lambda what, done: tell("preparing", done, what)  # noqa: E731
        prepare.prepare(source, tracker=tracker, progress=progress, last=False)


def _held_out(source: Voice, listening: Listening) -> list[dict]:
    with tfrecord.open_all(source.dataset_folder, "held_out") as records:
        return evaluation.windows(records, listening) if len(records) else []
