"""Which model a run trains, and from which weights.

A voice without checkpoints begins with the recipe's model. One with checkpoints goes on with the model that it has; a
recipe that asks for another one is refused. Checkpoints of 2021 go on with their own model and their own scale of
loudness.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddsing.constants import POWER
from ddsing.errors import TrainingError
from ddsing.files import write_atomic
from ddsing.model.config import ModelConfig
from ddsing.training import checkpoints, folder, saving
from ddsing.training.checkpoints import Newest
from ddsing.training.folder import Begun
from ddsing.training.recipe import Config, Recipe, resolved
from ddsing.training.state import SLOTS, read_floats

if TYPE_CHECKING:
    from ddsing.engine.tf.step import Step


def model(path: Path, asked: Recipe, recipe: Recipe) -> Config:
    """The model of the folder's checkpoints, with the recipe's training values; without any, the recipe's own."""
    if not checkpoints.published(path):
        return resolved(recipe)
    has = folder.config(path)
    if has is None:
        raise TrainingError(f"{path.name!r} has checkpoints but no operative_config-0.gin, so their model is unknown.")
    if asked.names_a_model:
        wanted = resolved(recipe)
        if (
            _on_scale_of(wanted.model, has.model) != has.model
            or wanted.window_frames != has.window_frames
            or asked.centred_frames not in (None, has.centred_frames)
            or (asked.macros is not None and wanted.teaching != has.teaching)
        ):
            raise TrainingError(
                f"The run in {path.name!r} was started with another model than {wanted.name} with these settings. "
                "Continue without choosing a model, or move the folder away to start from scratch."
            )
    rates = resolved(recipe) if asked.lr_end is not None else has
    return replace(
        has,
        learning_rate=recipe.learning_rate or has.learning_rate,
        lr_decay_steps=rates.lr_decay_steps,
        lr_decay_rate=rates.lr_decay_rate,
    )


def _on_scale_of(wanted: ModelConfig, has: ModelConfig) -> ModelConfig:
    """A model on another's scale of loudness, which a dataset of 2021 may have; power is no such scale."""
    return wanted if POWER in (wanted.generation, has.generation) else replace(wanted, generation=has.generation)


def write_model(path: Path, trained: Config) -> None:
    """Write ``operative_config-0.gin``, by gin itself, of a training that begins."""
    from ddsing.engine.tf import gin_config as engine_config

    text = engine_config.operative(trained.text)
    write_atomic(path / folder.GIN_NAME, text.encode())
    again = folder.config(path)
    if again is None or again.model != trained.model:
        raise TrainingError(f"gin builds another model from {trained.name} than ddsing reads in it.")


def stepper(trained: Config, recipe: Recipe, batch_size: int, weights: Mapping[str, np.ndarray]) -> "Step":
    """The model in training, at its first step."""
    from ddsing.engine.tf.step import Step

    return Step(
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
        teaching=trained.teaching,
    )


def resumed(trained: Config, recipe: Recipe, batch_size: int, newest: Newest) -> "Step":
    """The model in training as its newest checkpoint left it."""
    step, state = newest.checkpoint.step, newest.state
    made = stepper(trained, recipe, batch_size, state.weights)
    slots = state.slots or {slot: {name: np.zeros_like(w) for name, w in state.weights.items()} for slot in SLOTS}
    made.set_state(state.weights, slots, state.iterations if state.iterations is not None else step)
    made.set_loss_scale(newest.checkpoint.facts.get("loss_scale"))
    if made.room is not None:
        made.room.go_on(read_floats(newest.checkpoint.index_path, made.room.shapes))
    return made


def note(
    path: Path, how: Begun | None, newest: Newest, dataset_hash: str, source_name: str, saver: saving.Saver
) -> None:
    """Keep in the history what is not as it was; and compare the best with what comes on the same windows."""
    notes = [*newest.skipped]
    if newest.state.slots is None:
        notes.append("The checkpoint has no optimizer state; the optimizer starts fresh.")
    if how is not None and how.dataset_hash and how.dataset_hash != dataset_hash:
        notes.append(f"The dataset of {source_name!r} has changed; training continues with the new one.")
        saver.measure_best_again()
    if how is not None and how.notebook and not how.recipe:
        notes.append("Continues a run of the 2021 notebooks.")
    for text in notes:
        saving.append(path, {"note": text, "step": newest.checkpoint.step, "date": saving.now()})
