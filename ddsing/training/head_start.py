"""A training's head start, learnt in a process of its own while this one loads TensorFlow."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing import process
from ddsing.dataset.voices import Voice
from ddsing.files import read_arrays, write_arrays
from ddsing.formats import tfrecord
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.training.listening import Listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from ddsing.training.recipe import Config

WINDOWS = 120  # more teach no other levels


def weights(
    source: Voice, trained: "Config", listening: Listening, seed: int, tell: "Callable[..., None]"
) -> dict[str, np.ndarray]:
    """What a head start makes of random weights; `tell` is told the stage, its fraction and a message."""
    told: list[tuple[str, float]] = []

    def progress(message: str, fraction: float) -> None:
        if (message, fraction) not in told[-1:]:
            told.append((message, fraction))
            tell("head start", fraction, message if fraction else "")

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "weights.npz"
        request = {
            "model": trained.model.to_json(),
            "dataset": str(source.dataset_folder),
            "listening": asdict(listening),
            "steps": trained.head_start_steps,
            "seed": seed,
            "out": str(out),
        }
        process.call("ddsing.training.head_start:learn", request, progress=progress)
        found = read_arrays(out, trained.model.weight_shapes())
    assert found is not None, "the process has written it"
    return found


def learn(request: Mapping[str, Any], progress: "Callable[[str, float], None]") -> None:
    """The other process's part."""
    from ddsing.engine import head_start

    model, listening, steps = (
        ModelConfig.from_json(request["model"]),
        Listening(**request["listening"]),
        request["steps"],
    )
    with tfrecord.open_all(Path(request["dataset"]), "train") as records:
        spread = np.linspace(0, len(records) - 1, min(WINDOWS, len(records))).round().astype(int)
        windows = [listening.window(records.read(number)) for number in np.unique(spread).tolist()]
    learnt = head_start.head_start(
        model,
        random_weights(model, seed=request["seed"]),
        windows,
        steps=steps,
        centred=listening.centred,
        seed=request["seed"],
        report=lambda step, off_db: progress(f"Level error {off_db:.1f} dB", step / steps),
    )
    write_arrays(Path(request["out"]), **learnt)
