"""A filled workspace for tests of the pages: two small instruments with random weights, and one sung example."""

from pathlib import Path

import numpy as np

from ddsing import instrument
from ddsing.instrument import Instrument, Provenance
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import FIELDS, DatasetStatistics
from ddsing.sound.audio import encode

DURATION_S = 3.0
EXAMPLE = "a *sung* phrase"  # a name that is markdown
NAMES = ("First voice", "Second voice")


def sung(duration_s: float = DURATION_S, *, hz: float = 220.0) -> np.ndarray:
    """Two notes of a tone with eight harmonics and silence around them; float32 [shape=(n_samples,)] at 16 kHz."""
    time_s = np.arange(round(duration_s * 16_000)) / 16_000
    f0_hz = np.where(time_s < duration_s / 2, hz, hz * 1.5)
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16_000
    tone = sum(np.sin(k * phase) / k for k in range(1, 9))
    edge = np.clip(np.minimum(time_s - 0.3, duration_s - 0.3 - time_s) / 0.05, 0, 1)
    return (0.15 * edge * tone).astype(np.float32)


def tiny_instrument(name: str, *, seed: int = 0, low_midi: float = 50.0, high_midi: float = 70.0) -> Instrument:
    """A playable instrument of 16 units with random weights and statistics of an invented voice."""
    config = ModelConfig(rnn_channels=16, ch=16, n_harmonics=20, n_noise_bands=17)
    random = np.random.default_rng(seed)
    weights = {key: random.normal(0.0, 0.3, shape).astype(np.float32) for key, shape in config.weight_shapes().items()}
    values = dict.fromkeys(FIELDS, -40.0)
    for kind in ("pitch", "pitch_note"):
        values |= {f"mean_{kind}": (low_midi + high_midi) / 2, f"std_{kind}": 3.0}
        values |= {f"{low}_{kind}": low_midi for low in ("min", "mean_min")}
        values |= {f"{high}_{kind}": high_midi for high in ("max", "mean_max")}
    statistics = DatasetStatistics(3, values, np.linspace(0, 1, 50), np.linspace(-60.0, -20.0, 50))
    about = Provenance(
        voice="an invented voice",
        step=1200,
        loss=5.25,
        author="A. Tester",
        licence="CC0-1.0",
        notes="Made of *random* numbers.",
        date="2026-11-24",
    )
    return Instrument(name, config, statistics, weights, about, gin_text="Autoencoder.decoder = @RnnFcDecoder()\n")


def fill(root: Path) -> Path:
    """Make a workspace at `root` with the example and two instruments; returns `root`."""
    for folder in ("audio/alto", "examples", "instruments", "experiments"):
        (root / folder).mkdir(parents=True)
    (root / "examples" / f"{EXAMPLE}.wav").write_bytes(encode(sung()))
    (root / "audio" / "alto" / "one.wav").write_bytes(encode(sung()))
    for seed, name in enumerate(NAMES):
        made = tiny_instrument(name, seed=seed, low_midi=50.0 - 12 * seed)
        instrument.write(made, root / "instruments" / f"{name}.zip")
    return root


def empty(root: Path) -> Path:
    """Make a workspace at `root` with nothing in it."""
    for folder in ("audio", "examples", "instruments", "experiments"):
        (root / folder).mkdir(parents=True)
    return root
