"""What an instrument is asked to play in the tests of the page Play, and how far two sounds are apart."""

from functools import lru_cache

import numpy as np

from ddsing import instrument as instruments
from ddsing.engine import render
from ddsing.instrument import Instrument
from ddsing.instrument.opening import open_any
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.play import browser
from demo import build
from tests.support import z_models
from tests.support.paths import ROOT


def phrase(generation: int, n_frames: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Pitch with glides, leaps and vibrato, over four octaves, and loudness from silence up [shape=(n_frames,)]."""
    at = np.arange(n_frames)
    steps = np.array([45.0, 57.0, 60.5, 81.0, 52.0])[at * 5 // n_frames]
    midi = np.convolve(np.pad(steps, 8, mode="edge"), np.full(17, 1 / 17), "valid") + 0.3 * np.sin(at / 7)
    loudness_db = np.interp(at, [0, 20, 60, 200, 300, n_frames - 1], [-80.0, -60.0, -25.0, -15.0, -40.0, -70.0])
    f0_hz = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    return f0_hz.astype(np.float32), (loudness_db * (1.2 if generation == 1 else 1.0)).astype(np.float32)


@lru_cache(maxsize=16)
def rendered(instrument: Instrument) -> tuple[np.ndarray, np.ndarray, render.Rendering]:
    """Pitch, loudness, and what Python makes of them, an instrument with timbre at its mean."""
    f0_hz, loudness_db = phrase(instrument.config.generation)
    renderer = render.load(instrument.config, instrument.weights)
    z = None
    if renderer.encoder is not None:
        z = np.tile(browser.timbre(instrument)[0].astype(np.float32), (len(f0_hz), 1))
    options = {"n_samples": 64 * len(f0_hz), "z": z, "keep_controls": True}
    return f0_hz, loudness_db, render.render(renderer, f0_hz, loudness_db, **options)


def apart_db(sound: np.ndarray, ours: np.ndarray) -> float:
    """Power of the difference over that of our own sound, as far as both go, in dB."""
    n = min(len(sound), len(ours))
    assert n > 0.9 * len(ours)
    difference = sound[:n].astype(np.float64) - ours[:n]
    return float(10 * np.log10(max((difference**2).mean(), 1e-30) / (ours[:n].astype(np.float64) ** 2).mean()))


def demo(name):
    return instruments.read(build.ASSETS / "instruments" / f"{name}.zip")


def of_2021(name):
    return open_any(ROOT / "tests" / "golden" / f"{name}.zip", name=name)


def odd():
    config = ModelConfig(
        generation=1,
        rnn_channels=10,
        ch=12,
        layers_per_stack=2,
        n_harmonics=33,
        n_noise_bands=20,
        noise_window_size=33,
        normalize_below_nyquist=False,
        amp_resample_method="linear",
    )
    return Instrument("odd", config, None, random_weights(config, seed=2))


def many_bands():
    config = ModelConfig(
        rnn_channels=8, ch=8, n_harmonics=9, n_noise_bands=120, noise_window_size=0, amp_resample_method="nearest"
    )
    return Instrument("many bands", config, None, random_weights(config, seed=4))


def hearing_voicing():
    config = ModelConfig(rnn_channels=12, ch=10, n_harmonics=9, n_noise_bands=33, voicing=True)
    return Instrument("hears voicing", config, None, random_weights(config, seed=5))


@lru_cache(maxsize=1)
def full_size():
    config = ModelConfig(n_harmonics=60)
    return Instrument("full size", config, None, random_weights(config, seed=3))


VOICES = {
    "aria": lambda: demo("aria"),
    "cello": lambda: demo("cello"),
    "2021": lambda: of_2021("singing_2021"),
    "2021 with timbre": lambda: of_2021("singing_z_2021"),
    "with timbre and a map": lambda: z_models.z_instrument(latent=z_models.some_space()),
    "odd": odd,
    "many bands": many_bands,
    "hears how sure the pitch is": hearing_voicing,
    "full size": full_size,
}
