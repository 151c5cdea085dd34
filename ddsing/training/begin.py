"""How a run begins: which folder, which model, which windows, from which step.

A voice without checkpoints begins with the recipe's model. One with checkpoints goes on with the model that it has; a
recipe that asks for another one is refused. Checkpoints of 2021 go on with their own model and their own scale of
loudness.
"""

import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ddsing.dataset import prepare, voices
from ddsing.errors import TrainingError
from ddsing.files import read_json, safe_name, write_atomic
from ddsing.formats import tfrecord as record_files
from ddsing.model.statistics import DatasetStatistics
from ddsing.model.weights import random_weights
from ddsing.training import batches, checkpoints, evaluation, folder, ranges, saving
from ddsing.training.folder import Begun
from ddsing.training.listening import Listening, recorded_generation
from ddsing.training.recipe import Config, Recipe, resolved
from ddsing.training.state import SLOTS, State
from ddsing.workspace import Workspace

Tell = Callable[..., None]
HEAD_START_WINDOWS = 120  # more teach no other levels


@dataclass(frozen=True)
class Where:
    """A voice's checkpoints folder, and the voice whose dataset it is trained on: itself, but for a branch."""

    voice: voices.Voice
    source: voices.Voice

    @property
    def path(self) -> Path:
        """The checkpoints folder."""
        return self.voice.checkpoints_folder


@dataclass(frozen=True, eq=False)
class Ready:
    """All that the loop needs."""

    path: Path
    config: Config
    recipe: Recipe
    step: int
    stepper: Any
    records: Any
    batches: batches.Batches
    saver: saving.Saver

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


def locate(workspace: Workspace, voice_name: str) -> Where:
    """Where a voice is trained; raises `DatasetError` if there is no such voice."""
    voice = voices.get(workspace, voice_name)
    how = folder.begun(voice.checkpoints_folder)
    source = voices.get(workspace, how.dataset_of) if how and how.dataset_of else voice
    return Where(voice, source)


def make_ready(where: Where, recipe: Recipe, tell: Tell) -> Ready:
    """Prepare the dataset, build the model, and take up the newest checkpoint."""
    path = where.path
    checkpoints.tidy(path)
    how = folder.begun(path)
    asked, recipe = recipe, recipe.merged(how.recipe) if how else recipe
    trained = _model(path, asked, recipe)
    checkpoints.require_room(path, trained.model)
    _prepare(where.source, recipe, tell)
    records = record_files.open_all(where.source.dataset_folder, "train")
    try:
        return _ready(where, how, recipe, trained, records, tell)
    except BaseException:
        records.close()
        raise


def _ready(where, how, recipe, trained, records, tell) -> Ready:
    path = where.path
    if not len(records):
        raise TrainingError(
            f"There is nothing to train {where.voice.name!r} on: its dataset holds no training windows. Add "
            "recordings, or include some windows again."
        )
    tell("loading", message="Loading TensorFlow")
    heard = listening(where.source, records, trained)
    known = _statistics(where.source, records, heard)
    dataset_hash = _dataset_hash(where.source)
    newest = checkpoints.newest_state(path, trained.model)
    if newest is None:
        trained = _write_model(path, trained)
    folder.write_begun(
        path, Begun(recipe.to_json(), how.dataset_of if how else "", dataset_hash, bool(how and how.notebook))
    )
    folder.write_statistics(path, known)
    saver = saving.Saver(path, trained.model, dataset_hash, _held_out(where.source, heard), heard, known, recipe.keep)
    batch_size = recipe.batch_size or trained.batch_size
    first = None if newest else _first_weights(trained, recipe, records, heard, tell)
    stepper, step = _stepper(trained, recipe, batch_size, newest, first)
    _note(path, how, newest, dataset_hash, where.source, saver)
    served = batches.Batches(records, batch_size, trained.window_frames, recipe.seed or 0, heard)
    return Ready(path, trained, recipe, step, stepper, records, served, saver)


def _model(path: Path, asked: Recipe, recipe: Recipe) -> Config:
    """The model of the folder's checkpoints, with the recipe's training values; without any, the recipe's own."""
    if not checkpoints.published(path):
        return resolved(recipe)
    has = folder.config(path)
    if has is None:
        raise TrainingError(
            f"{path.name!r} has checkpoints but no operative_config-0.gin, so nobody can tell their model."
        )
    if asked.names_a_model:
        wanted = resolved(recipe)
        if (
            replace(wanted.model, generation=has.model.generation) != has.model
            or wanted.window_frames != has.window_frames
            or asked.centred_frames not in (None, has.centred_frames)
        ):
            raise TrainingError(
                f"The training in {path.name!r} was begun with another model than {wanted.name} with these settings; "
                "go on without naming a model, or move the folder away to begin anew."
            )
    learning_rate = recipe.learning_rate or has.learning_rate
    return replace(has, learning_rate=learning_rate)


def _write_model(path: Path, trained: Config) -> Config:
    """Write ``operative_config-0.gin``, by gin itself, of a training that begins; returns the model with that text."""
    from ddsing.engine.tf import gin_config as engine_config

    text = engine_config.operative(trained.text)
    write_atomic(path / folder.GIN_NAME, text.encode())
    again = folder.config(path)
    if again is None or again.model != trained.model:
        raise TrainingError(f"gin builds another model from {trained.name} than ddsing reads in it.")
    return replace(trained, text=text)


def _prepare(source: voices.Voice, recipe: Recipe, tell: Tell) -> None:
    """Prepare what is to be trained on, if need be; a dataset of 2021 is taken as it is."""
    if not source.recordings() or (source.prepared and not (source.dataset_folder / "dataset.json").is_file()):
        return
    tell("preparing", 0.0)
    if not prepare.is_current(source):
        prepare.prepare(source, tracker=recipe.tracker, progress=lambda what, done: tell("preparing", done, what))


def _first_weights(trained: Config, recipe: Recipe, records, heard: Listening, tell: Tell) -> dict[str, np.ndarray]:
    """Random weights, or what a head start makes of them."""
    from ddsing.engine.tf import head_start

    weights = random_weights(trained.model, seed=recipe.seed or 0)
    steps = trained.head_start_steps
    if not steps:
        return weights
    spread = np.linspace(0, len(records) - 1, min(HEAD_START_WINDOWS, len(records))).round().astype(int)
    tell("head start", 0.0)
    return head_start.head_start(
        trained.model,
        weights,
        [heard.window(records.read(number)) for number in np.unique(spread).tolist()],
        steps=steps,
        centred=heard.centred,
        seed=recipe.seed or 0,
        report=lambda step, off_db: tell("head start", step / steps, f"Levels are off by {off_db:.1f} dB"),
    )


def _stepper(trained: Config, recipe: Recipe, batch_size: int, newest, first):
    """The model in training, at the newest checkpoint or at its beginning; and the step that it has done."""
    from ddsing.engine.tf import step as engine_step

    state: State | None = newest and newest[1]
    weights = state.weights if state else first
    stepper = engine_step.Step(
        trained.model,
        weights,
        batch_size=batch_size,
        window_frames=trained.window_frames,
        learning_rate=trained.learning_rate,
        lr_decay_steps=trained.lr_decay_steps,
        lr_decay_rate=trained.lr_decay_rate,
        grad_clip_norm=trained.grad_clip_norm,
        mixed_precision=recipe.mixed_precision,
        seed=recipe.seed or 0,
    )
    if newest is None or state is None:
        return stepper, 0
    slots = state.slots or {slot: {n: np.zeros_like(w) for n, w in weights.items()} for slot in SLOTS}
    step = newest[0].step
    stepper.set_state(weights, slots, state.iterations if state.iterations is not None else step)
    stepper.set_loss_scale(newest[0].facts.get("loss_scale"))
    return stepper, step


def _note(path: Path, how: Begun | None, newest, dataset_hash: str, source: voices.Voice, saver: saving.Saver) -> None:
    """Keep in the history what is not as it was; and compare the best with what comes on the same windows."""
    if newest is None:
        return
    checkpoint, state, skipped = newest
    notes = [*skipped]
    if state.slots is None:
        notes.append("The checkpoint holds no averages of Adam's; they begin anew.")
    if how is not None and how.dataset_hash and how.dataset_hash != dataset_hash:
        notes.append(f"The dataset of {source.name!r} has changed; the training goes on with it as it is now.")
        saver.measure_best_again()
    if how is not None and how.notebook and not how.recipe:
        notes.append("Goes on from a training of the 2021 notebooks.")
    for text in notes:
        saving.append(path, {"note": text, "step": checkpoint.step, "date": saving.now()})


def _held_out(source: voices.Voice, heard: Listening) -> list[dict]:
    with record_files.open_all(source.dataset_folder, "held_out") as records:
        if not len(records):
            return []
        return evaluation.windows(records, heard)


def listening(source: voices.Voice, records, trained: Config) -> Listening:
    """How a model hears a voice's dataset."""
    written = (read_json(source.dataset_folder / "dataset.json") or {}).get("generation")
    recorded = written if written in (1, 3) else recorded_generation(records)
    return Listening(trained.model.generation, recorded, centred=trained.centred_frames)


def _statistics(source: voices.Voice, records, heard: Listening) -> DatasetStatistics:
    """The dataset's statistics on the model's scale, as `prepare` left them or measured anew."""
    document = read_json(source.dataset_folder / folder.STATISTICS_JSON) or {}
    if document.get("generation") == heard.generation:
        return DatasetStatistics.from_json(document)
    return ranges.measured(records, heard)


def _dataset_hash(source: voices.Voice) -> str:
    """The hash that `prepare` gave the dataset; of one of 2021, that of its files."""
    written = (read_json(source.dataset_folder / "dataset.json") or {}).get("dataset_hash")
    if isinstance(written, str) and written:
        return written
    hasher = hashlib.sha256()
    for path in record_files.shards(source.dataset_folder, "train"):
        with open(path, "rb") as file:
            hasher.update(hashlib.file_digest(file, "sha256").digest())
    return hasher.hexdigest()


def minutes(source: voices.Voice) -> float | None:
    """How many minutes a dataset holds, where that is known."""
    written = (read_json(source.dataset_folder / "dataset.json") or {}).get("minutes")
    return float(written) if isinstance(written, int | float) and 0 < written < 1e6 else None


def branch(workspace: Workspace, voice_name: str, *, step: int, label: str) -> str:
    """See `ddsing.training.run.branch`."""
    where = locate(workspace, voice_name)
    label = re.sub(r"[^\w-]+", "-", label).strip("-")
    name = safe_name(f"{voice_name}-{label}")
    if not label or name == voice_name:
        raise TrainingError("A branch needs a label, such as 'brighter': letters and digits.")
    chosen = checkpoints.get(where.path, step)
    trained = folder.config(where.path)
    if trained is None:
        raise TrainingError(f"{where.path.name!r} has no operative_config-0.gin, so nobody can tell its model.")
    chosen.state(trained.model)  # whole, or it says why not
    target = where.path.with_name(f"{name}_checkpoints")
    if target.exists():
        raise TrainingError(f"There is a training called {name!r} already; choose another label.")
    checkpoints.require_room(where.path, trained.model)
    how = folder.begun(where.path) or Begun()
    target.mkdir()
    with folder.held(target, name):
        _copy(where.path, target, chosen, trained, name)
        folder.write_begun(target, replace(how, dataset_of=where.source.name))
    return name


def _copy(path: Path, target: Path, chosen: checkpoints.Checkpoint, trained: Config, name: str) -> None:
    def write(prefix: Path) -> None:
        for file in path.glob(f"ckpt-{chosen.step}.*"):
            if file.suffix != ".json":
                shutil.copyfile(file, prefix.with_name(file.name))

    facts = {key: value for key, value in chosen.facts.items() if key not in ("files", "step")}
    with contextlib.suppress(FileNotFoundError):
        for other in (folder.STATISTICS_JSON, folder.STATISTICS_PICKLE):
            write_atomic(target / other, (path / other).read_bytes())
    write_atomic(target / folder.GIN_NAME, trained.text.encode())
    preview = path / folder.PREVIEWS / f"ckpt-{chosen.step}.flac"
    if preview.is_file():
        (target / folder.PREVIEWS).mkdir()
        write_atomic(target / folder.PREVIEWS / preview.name, preview.read_bytes())
    checkpoints.publish(target, chosen.step, write, facts)
    checkpoints.write_pointer(target)
    came_from = path.name.removesuffix("_checkpoints")
    note = f"Branched from {came_from!r} at step {chosen.step:,} as {name!r}."
    if facts:
        saving.append(target, {"step": chosen.step, **facts})
    saving.append(target, {"note": note, "step": chosen.step, "date": saving.now()})
