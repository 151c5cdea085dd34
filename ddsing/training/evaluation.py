"""Held-out windows sung again by the model as it is: how far from the recordings, and the voice's preview phrase.

Rendering and measuring are the library's own (numpy): the same as in a transfer, and without a word to TensorFlow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import phrase, render
from ddsing.formats.tfrecord import Records
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import DatasetStatistics
from ddsing.sound import audio as recordings
from ddsing.sound import distance
from ddsing.training.listening import Listening

MAX_WINDOWS = 8  # of which the spectral loss is the mean
MAX_TRACKED_S = 16.0  # re-tracked, which is the slow part


@dataclass(frozen=True)
class Metrics:
    """Distances of resyntheses from their recordings, see `ddsing.sound.distance`; means over the windows.

    `f0_cents` is None where nothing is voiced.
    """

    spectral_loss: float
    f0_cents: float | None
    loudness_db: float

    def to_json(self) -> dict:
        """Plain values."""
        return dict(vars(self))


def windows(records: Records, listening: Listening, *, at_most: int = MAX_WINDOWS) -> list[dict]:
    """Some of the records, spread over all of them, as the model hears them."""
    chosen = np.unique(np.linspace(0, len(records) - 1, min(at_most, len(records))).round().astype(int))
    return [listening.window(records.read(int(number))) for number in chosen]


def measure(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    held_out: list[dict],
    listening: Listening,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Metrics | None:
    """Metrics of a model on windows of `windows`; None without any, if they are no numbers, or if it is to stop.

    What was sung is analysed on the windows' own frames.
    """
    model = render.load(config, weights)
    losses, cents, decibels, tracked_s = [], [], [], 0.0
    for window in held_out:
        if should_stop():
            return None
        again = resynthesised(model, window)
        losses.append(distance.spectral_loss(window["audio"], again))
        loudness_again = listening.loudness_db(again)[: len(window["loudness_db"])]
        decibels.append(distance.loudness_db(window["loudness_db"], loudness_again))
        duration_s = len(again) / SAMPLE_RATE
        if tracked_s + duration_s <= MAX_TRACKED_S and "f0_confidence" in window:
            tracked_s += duration_s
            f0_again = listening.f0_hz(again)[: len(window["f0_hz"])]
            cents.append(distance.f0_cents(window["f0_hz"], window["f0_confidence"], f0_again))
    known = [value for value in cents if value is not None]
    if not losses or not np.isfinite([*losses, *decibels]).all():
        return None
    return Metrics(float(np.mean(losses)), float(np.mean(known)) if known else None, float(np.mean(decibels)))


def resynthesised(model: render.Renderer, window: Mapping[str, np.ndarray]) -> np.ndarray:
    """A window sung by the model from its features [shape=(n_samples,), float32]."""
    n_samples = len(window["f0_hz"]) * HOP_SAMPLES
    return render.render(
        model, window["f0_hz"], window["loudness_db"], n_samples=n_samples, audio=window["audio"], seed=0
    ).audio


def preview(config: ModelConfig, weights: Mapping[str, np.ndarray], known: DatasetStatistics | None) -> bytes:
    """The built-in phrase in the middle of the voice's range, as FLAC."""
    return recordings.encode(phrase.sing(render.load(config, weights), known), format="FLAC")
