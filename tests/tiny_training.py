"""A voice that is prepared without preparing: a small dataset of sung windows, written as records; and a tiny model."""

from pathlib import Path

import numpy as np

from ddsing import loudness
from ddsing.engine import records
from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace
from demo.singer import SOPRANO, practice, sing

WINDOW_S = 4
TINY = {"n_harmonics": 20, "n_noise_bands": 17}


def recipe(**changes) -> Recipe:
    """The tiny model of ``tests``: see `tiny_config`."""
    return Recipe(**{"config": "tiny", "steps": 12, "save_every": 4, "batch_size": 2, "keep": 3} | changes)


def windows(n_windows: int, *, seed: int = 0, generation: int = 3) -> list[dict[str, np.ndarray]]:
    """Sung windows of four seconds, as `prepare` writes them."""
    audio, f0_hz, sounding = sing(SOPRANO, practice(minutes=n_windows * WINDOW_S / 60 + 0.1, low=55, high=72, seed=seed))
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
                "loudness_db": loudness.compute(sound, generation=generation)[:1000],
            }
        )
    return made


def prepared_voice(workspace: Workspace, name: str = "alto", *, n_train: int = 5, n_held_out: int = 1, **options) -> Path:
    """Give a workspace a voice with a dataset and no recordings; returns the folder of its checkpoints-to-be."""
    folder = workspace.audio / f"{name}_dataset"
    folder.mkdir(parents=True)
    made = windows(n_train + n_held_out, **options)
    records.write(folder / "train.tfrecord-00000-of-00001", made[:n_train])
    if n_held_out:
        records.write(folder / "held_out.tfrecord-00000-of-00001", made[n_train:])
    return workspace.audio / f"{name}_checkpoints"
