"""A voice that is prepared without preparing: a small dataset of sung windows, written as records; and a tiny model."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ddsing.formats import tfrecord
from ddsing.sound import loudness
from ddsing.training import recipe as recipes
from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace, open_workspace
from demo.singer import SOPRANO, practice, sing
from tests.support import tiny_workspace
from tests.support.paths import ROOT

WINDOW_S = 4
GIN = """# -*-Python-*-
# Tiny
# For tests only.

include 'models/base.gin'
include 'datasets/tfrecord.gin'
include 'optimization/base.gin'

units = 8
layers = 1
n_harmonics = 12
n_noise_bands = 9
time_steps = 32
n_samples = 2048

learning_rate = 3e-3
batch_size = 2
steps = 12
save_every = 4
"""


def add_tiny_model(folder: Path) -> None:
    """Let this process find the model ``tiny``, in a copy of the ``gin`` folder, until `recipes.GIN` is set back."""
    shutil.copytree(ROOT / "gin", folder, dirs_exist_ok=True)
    (folder / "models" / "tiny.gin").write_text(GIN)
    recipes.GIN = folder
    recipes.config_file.cache_clear()


def tiny(**changes) -> Recipe:
    """A recipe of the tiny model; `add_tiny_model` must have been called."""
    return Recipe(**{"config": "tiny", "keep": 3} | changes)


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Trainings in this process compile nothing, which takes longer than a few steps of a tiny model."""
    from ddsing.engine.tf import runtime

    config = runtime.tensorflow().config
    config.run_functions_eagerly(True)
    try:
        yield
    finally:
        config.run_functions_eagerly(False)


def untrained(folder: Path) -> Workspace:
    """A workspace with two voices, prepared and never trained."""
    workspace = open_workspace(tiny_workspace.empty(folder / "ws"))
    for name in ("alto", "bass"):
        prepared_voice(workspace, name, n_train=2, n_held_out=0)
    return workspace


def windows(n_windows: int, *, seed: int = 0, generation: int = 3) -> list[dict[str, np.ndarray]]:
    """Sung windows of four seconds, as `prepare` writes them."""
    notes = practice(minutes=n_windows * WINDOW_S / 60 + 0.1, low=55, high=72, seed=seed)
    audio, f0_hz, sounding = sing(SOPRANO, notes, seed=seed)
    made = []
    for number in range(n_windows):
        part = slice(number * 64_000, (number + 1) * 64_000)
        sound = audio[part]
        made.append(
            {
                "audio": sound,
                "audio_16k": sound,
                "f0_hz": f0_hz[part][::64].astype(np.float32),
                "f0_confidence": np.where(sounding[part][::64], 0.9, 0.1).astype(np.float32),
                "loudness_db": loudness.compute(sound, generation=generation, padding="same")[:1000],
            }
        )
    return made


def prepared_voice(
    workspace: Workspace, name: str = "alto", *, n_train: int = 5, n_held_out: int = 1, **options
) -> Path:
    """Give a workspace a voice with a dataset and no recordings; returns the folder of its checkpoints-to-be."""
    folder = workspace.audio / f"{name}_dataset"
    folder.mkdir(parents=True, exist_ok=True)
    made = windows(n_train + n_held_out, **options)
    tfrecord.write(folder / "train.tfrecord-00000-of-00001", made[:n_train])
    if n_held_out:
        tfrecord.write(folder / "held_out.tfrecord-00000-of-00001", made[n_train:])
    return workspace.audio / f"{name}_checkpoints"
