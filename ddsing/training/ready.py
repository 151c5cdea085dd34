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
from ddsing.training import checkpoints, evaluation, folder, preparing, ranges, resume, top
from ddsing.training import listening as listenings
from ddsing.training.batches import Batches
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
    stepper: "Step"
    records: Records
    batches: Batches
    saver: Saver
    head_start_s: float = 0.0  # that it took
    loss: float | None = None  # of the checkpoint that is taken up

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
    if newest is None:
        trained = resume.write_model(path, trained)
    folder.write_begun(
        path, Begun(recipe.to_json(), how.dataset_of if how else "", dataset_hash, bool(how and how.notebook))
    )
    folder.write_statistics(path, known)
    saver = Saver(path, trained.model, dataset_hash, _held_out(source, listening), listening, known, recipe.keep)
    batch_size = recipe.batch_size or trained.batch_size
    head_start_s = 0.0
    if newest is None:
        began = time.monotonic()
        weights = resume.first_weights(trained, recipe, records, listening, tell)
        head_start_s = time.monotonic() - began
        stepper, step = resume.stepper(trained, recipe, batch_size, weights), 0
    else:
        stepper, step = resume.resumed(trained, recipe, batch_size, newest)
        resume.note(path, how, newest, dataset_hash, source.name, saver)
    batches = Batches(
        records,
        batch_size,
        trained.window_frames,
        recipe.seed or 0,
        listening,
        trained.teaching,
        trained.model.voicing,
    )
    loss = newest.checkpoint.facts.get("loss") if newest else None
    known_loss = loss if isinstance(loss, float) else None
    return Ready(path, trained, recipe, step, stepper, records, batches, saver, head_start_s, known_loss)


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
