"""Trainings that never ran, for tests of what is made of them: event files, configurations, histories, previews."""

import json
from pathlib import Path

import numpy as np

from ddsing.formats import tfrecord
from ddsing.formats.event_log import EventWriter
from ddsing.instrument.notebook import gin_text
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.sound.audio import encode
from ddsing.workspace import Workspace
from tests.support import tiny_workspace

TINY = {"rnn_channels": 16, "ch": 16, "n_harmonics": 20, "n_noise_bands": 17}


def loss_curve(n_steps: int, *, end: float = 5.0, seed: int = 0) -> np.ndarray:
    """A loss as trainings have it [shape=(n_steps,), float64]: it falls, ever slower, and is noisy."""
    random = np.random.default_rng(seed)
    return end + (10.0 - end) * np.exp(-np.arange(1, n_steps + 1) / (n_steps / 5)) + random.normal(0, 0.15, n_steps)


def write_losses(folder: Path, loss: np.ndarray, *, first: int = 1) -> None:
    """An event file with a loss from step `first` on, one step after another."""
    writer = EventWriter(folder / "summaries" / "train")
    for step, value in enumerate(loss, start=first):
        writer.add(step, {"losses/total_loss": float(value), "steps_per_sec": 2.0})
    writer.close()


def run(
    workspace: Workspace,
    name: str,
    *,
    n_steps: int = 300,
    save_every: int = 100,
    config: ModelConfig | None = None,
    end: float = 5.0,
    seed: int = 0,
    dataset_of: str = "",
) -> Path:
    """A training with losses, and saves with held-out metrics and previews but no checkpoints; returns its folder."""
    folder = workspace.audio / f"{name}_checkpoints"
    loss = loss_curve(n_steps, end=end, seed=seed)
    write_losses(folder, loss)
    (folder / "operative_config-0.gin").write_text(gin_text(config or ModelConfig(**TINY)))
    (folder / "recipe.json").write_text(json.dumps({"recipe": {"steps": n_steps}, "dataset_of": dataset_of}))
    (folder / "previews").mkdir()
    with open(folder / "history.jsonl", "w") as history:
        for step in range(save_every, n_steps + 1, save_every):
            measured = {"spectral_loss": loss[step - 1] + 0.2, "f0_cents": 20.0 + 1000 / step, "loudness_db": 2.0}
            history.write(json.dumps({"step": step, "loss": loss[step - 1], "held_out": measured}) + "\n")
            sound = tiny_workspace.sung(1.0, hz=150.0 + 50.0 * seed)
            (folder / "previews" / f"ckpt-{step}.flac").write_bytes(encode(sound, format="FLAC"))
    best = n_steps // save_every * save_every
    (folder / "best.json").write_text(json.dumps({"step": best, "value": 5.0, "by": "held-out spectral loss"}))
    return folder


def z_config(**changes) -> ModelConfig:
    """A tiny model that listens to timbre."""
    return ModelConfig(**TINY | {"z": ZConfig(16, 4, 125)} | changes)


def vowels(workspace: Workspace, name: str = "alto", *, n_windows: int = 4) -> Path:
    """A dataset of notes whose timbre changes from window to window; returns its folder."""
    folder = workspace.audio / f"{name}_dataset"
    folder.mkdir(parents=True)
    time_s = np.arange(64_000) / 16_000
    examples = []
    for number in range(n_windows):
        hz = 160.0 * 2 ** (number / 12)
        tone = sum(np.sin(2 * np.pi * k * hz * time_s) / k ** (0.5 + 0.5 * number) for k in range(1, 12))
        examples.append(
            {
                "audio": (0.1 * tone).astype(np.float32),
                "f0_hz": np.full(1000, hz, np.float32),
                "f0_confidence": np.full(1000, 0.95, np.float32),
                "loudness_db": np.linspace(-45, -25 - number, 1000).astype(np.float32),
            }
        )
    tfrecord.write(folder / "train.tfrecord-00000-of-00001", examples)
    return folder
