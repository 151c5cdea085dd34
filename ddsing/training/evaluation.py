"""Held-out windows sung again by the model as it is: how far from the recordings, and the voice's preview phrase.

How like the voice it sounds shows in the spread of its log-mel frames, which needs no vowel to be sung at its moment:
the spectral loss does, and is lowest for a blur.

Whether a voice sings at all shows in two shares of the frames that are voiced in the recording: of their energy, what
the harmonics carry in the singing, and of the frames, those in which the tracker hears a pitch again.

Rendering and measuring are the library's own (numpy): the same as in a transfer, and without a word to TensorFlow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import phrase, render
from ddsing.formats.tfrecord import Records
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import DatasetStatistics
from ddsing.sound import audio as recordings
from ddsing.sound import closeness, distance
from ddsing.training.listening import Listening

MAX_WINDOWS = 8  # of which the spectral loss is the mean
MAX_TRACKED_S = 16.0  # re-tracked, which is the slow part


@dataclass(frozen=True)
class Metrics:
    """Distances of resyntheses from their recordings, see `ddsing.sound.distance`; means over the windows.

    Attributes
    ----------
    spectral_loss : float
    f0_cents : float or None
        None where nothing is voiced, as the next two.
    loudness_db : float
    harmonic_share : float or None
        The harmonics' share of the energy where the recording is voiced, from 0 to 1.
    voicing : float or None
        The share of the recording's voiced frames in which the tracker hears a pitch in the singing, from 0 to 1.
    timbre_db : float or None
        How far the timbre is from that of the recordings, over all windows together, see `closeness.frechet_db`; None
        where there is too little sound.
    windows : dict[str, list]
        `timbre_db`, `f0_cents`, `loudness_db` and `harmonic_share` of each window in turn, or None.
    """

    spectral_loss: float
    f0_cents: float | None
    loudness_db: float
    harmonic_share: float | None = None
    voicing: float | None = None
    timbre_db: float | None = None
    windows: dict[str, list[float | None]] = field(default_factory=dict)

    def to_json(self) -> dict:
        """Plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class _Sung:
    """A window's measures, named as those of `Metrics`, and the log-mel frames of recording and singing."""

    spectral_loss: float
    loudness_db: float
    harmonic_share: float | None
    frames: tuple[np.ndarray, np.ndarray]
    timbre_db: float | None
    f0_cents: float | None = None
    voicing: float | None = None


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
    measured: list[_Sung] = []
    tracked_s = 0.0
    for window in held_out:
        if should_stop():
            return None
        duration_s = len(window["f0_hz"]) * HOP_SAMPLES / SAMPLE_RATE
        tracked = tracked_s + duration_s <= MAX_TRACKED_S and "f0_confidence" in window
        tracked_s += duration_s if tracked else 0.0
        measured.append(_measured(model, window, listening, tracked=tracked))
    if not measured or not np.isfinite([(one.spectral_loss, one.loudness_db) for one in measured]).all():
        return None
    return _over_all(measured)


def _measured(
    model: render.Renderer, window: Mapping[str, np.ndarray], listening: Listening, *, tracked: bool
) -> _Sung:
    rendering = sung(model, window)
    again, n_frames = rendering.audio, len(window["f0_hz"])
    loudness_again_db = listening.loudness_db(again)[:n_frames]
    confidence = window.get("f0_confidence", np.ones(n_frames, np.float32))
    voiced = distance.voiced_frames(window["f0_hz"], confidence)
    frames = (closeness.log_mel_db(window["audio"]).level_free_db, closeness.log_mel_db(again).level_free_db)
    made = _Sung(
        distance.spectral_loss(window["audio"], again),
        distance.loudness_db(window["loudness_db"], loudness_again_db),
        distance.harmonic_share(rendering.harmonic, rendering.noise, voiced),
        frames,
        closeness.frechet_db(*frames),
    )
    if not tracked:
        return made
    f0_again_hz, confidence_again = (frames[:n_frames] for frames in listening.pitch(again))
    found = distance.voiced_frames(f0_again_hz, confidence_again)
    return replace(
        made,
        f0_cents=distance.f0_cents(window["f0_hz"], confidence, f0_again_hz),
        voicing=float(found[voiced].mean()) if voiced.any() else None,
    )


def _over_all(measured: list[_Sung]) -> Metrics:
    def values(name: str) -> list[float | None]:
        return [getattr(one, name) for one in measured]

    def mean(name: str) -> float | None:
        known = [value for value in values(name) if value is not None]
        return float(np.mean(known)) if known else None

    rounded = {
        name: [None if value is None else round(value, 4) for value in values(name)]
        for name in ("timbre_db", "f0_cents", "loudness_db", "harmonic_share")
    }
    return Metrics(
        float(np.mean(values("spectral_loss"))),  # type: ignore[arg-type]
        mean("f0_cents"),
        float(np.mean(values("loudness_db"))),  # type: ignore[arg-type]
        mean("harmonic_share"),
        mean("voicing"),
        _timbre_db(measured),
        rounded,
    )


def _timbre_db(measured: list[_Sung]) -> float | None:
    recorded, heard = (np.concatenate(frames) for frames in zip(*(one.frames for one in measured)))
    return closeness.frechet_db(recorded, heard)


def resynthesised(model: render.Renderer, window: Mapping[str, np.ndarray]) -> np.ndarray:
    """A window sung by the model from its features [shape=(n_samples,), float32]."""
    return sung(model, window).audio


def sung(model: render.Renderer, window: Mapping[str, np.ndarray]) -> render.Rendering:
    """The same, its harmonic part and its noise apart."""
    n_samples = len(window["f0_hz"]) * HOP_SAMPLES
    return render.render(
        model,
        window["f0_hz"],
        window["loudness_db"],
        n_samples=n_samples,
        audio=window["audio"],
        confidence=window.get("f0_confidence"),
        seed=0,
    )


def preview(config: ModelConfig, weights: Mapping[str, np.ndarray], known: DatasetStatistics | None) -> bytes:
    """The built-in phrase in the middle of the voice's range, as FLAC."""
    return recordings.encode(phrase.sing(render.load(config, weights), known), format="FLAC")
