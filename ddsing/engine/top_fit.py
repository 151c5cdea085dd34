"""How a top is made: from what a decoder made of recordings, and what those sound like above 8 kHz.

The power in each band is fitted as the exponential of a linear function of the inputs, by the Poisson likelihood: it
weighs frames by their power, and the whole power over the frames comes out exactly, which a fit of logarithms misses by
many dB where the top comes and goes. How far the inputs may move it is chosen on stretches that were left out.

Public: `Lesson`, `fit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddsing.errors import TrainingError
from ddsing.model.top import Top
from ddsing.sound import bands
from ddsing.sound.blas import single_threaded

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of the squared weights, per frame of mean power
_N_PARTS = 5  # into which the frames are cut to choose among them
_MOST_FRAMES, _MOST_TO_CHOOSE = 30_000, 3_000
_LEAST_FRAMES = 100
_STEPS = 25
_FLOOR = 1e-16  # of a power density per Hz
_ROOM = 1.0  # natural logarithm: by how much a band may exceed what was heard in it
_EDGES = (0.5, 99.5)  # percentiles that inputs are limited to


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learned from a recording.

    Attributes
    ----------
    inputs : np.ndarray [shape=(n_frames, N_INPUTS), float32]
        See `ddsing.engine.top.inputs`.
    density : np.ndarray [shape=(n_frames, n_bands), float32]
        See `ddsing.sound.upper_band.densities`.
    harmonic : np.ndarray [shape=(2, n_bands), float64]
        See `ddsing.sound.upper_band.harmonic_shares`.
    """

    inputs: np.ndarray
    density: np.ndarray
    harmonic: np.ndarray


def fit(lessons: Sequence[Lesson], *, minutes: float) -> Top:
    """The top that the lessons teach; raises `TrainingError` where they are too short.

    Parameters
    ----------
    minutes : float
        Of recordings, for the record.
    """
    inputs = np.concatenate([one.inputs for one in lessons]).astype(np.float64)
    density = np.concatenate([one.density for one in lessons]).astype(np.float64)
    if len(inputs) < _LEAST_FRAMES:
        raise TrainingError("There is too little sound for a top: it takes at least half a second.")
    low, high = np.percentile(inputs, _EDGES, axis=0)
    every = max(1, len(inputs) // _MOST_FRAMES)
    values, target = np.clip(inputs, low, high)[::every], density[::every]
    centre, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-4)
    values = (values - centre) / scale
    mean = np.maximum(target.mean(axis=0), _FLOOR)
    with single_threaded():
        weights = _fitted(values, target / mean, _best_penalty(values, target / mean))
    bias = weights[0] + np.log(mean)
    heard = _smoothed(density)
    least = np.log(np.maximum(np.percentile(heard, 0.5, axis=0), _FLOOR))
    most = np.log(np.maximum(heard.max(axis=0), _FLOOR)) + _ROOM
    arrays = {"centre": centre, "scale": scale, "low": low, "high": high, "kernel": weights[1:], "bias": bias}
    arrays |= {"least": np.minimum(least, most), "most": most, "harmonic_share": _shares(lessons, target.shape[1])}
    about = {"n_bands": target.shape[1], "minutes": minutes}
    return Top.of({name: np.asarray(array, np.float32) for name, array in arrays.items()}, about)


def _best_penalty(values: np.ndarray, target: np.ndarray) -> float:
    """The penalty with which stretches that are left out are told best."""
    every = max(1, len(values) // _MOST_TO_CHOOSE)
    values, target = values[::every], target[::every]
    parts = np.array_split(np.arange(len(values)), _N_PARTS)
    losses = []
    for penalty in _PENALTIES:
        loss = 0.0
        for part in parts:
            rest = np.setdiff1d(np.arange(len(values)), part, assume_unique=True)
            weights = _fitted(values[rest], target[rest], penalty)
            level = weights[0] + np.clip(values[part] @ weights[1:], -20.0, 20.0)
            loss += float((np.exp(level) - target[part] * level).mean())
        losses.append(loss)
    return _PENALTIES[int(np.argmin(losses))]


def _fitted(values: np.ndarray, target: np.ndarray, penalty: float) -> np.ndarray:
    """Intercepts and weights [shape=(1 + n_inputs, n_bands)] by Newton's method, band by band side by side."""
    n, n_bands = target.shape
    columns = np.concatenate([np.ones((n, 1)), values], axis=1)
    ridge = penalty * np.diag([1e-9, *np.ones(values.shape[1])])
    weights = np.zeros((columns.shape[1], n_bands))
    weights[0] = np.log(np.maximum(target.mean(axis=0), 1e-9))
    products = (columns[:, :, None] * columns[:, None, :]).reshape(n, -1)
    for _ in range(_STEPS):
        expected = np.exp(np.clip(columns @ weights, -30.0, 30.0))
        slope = columns.T @ (expected - target) / n + ridge @ weights
        curves = (expected.T @ products / n).reshape(n_bands, *ridge.shape) + ridge
        step = np.linalg.solve(curves + 1e-9 * np.eye(len(ridge)), slope.T[..., None])[..., 0].T
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(columns @ step).max(axis=0), 1e-9))  # nowhere by more than e²
        weights -= step
        if np.abs(step).max() < 1e-4:
            break
    return weights


def _smoothed(density: np.ndarray) -> np.ndarray:
    """Densities over 20 ms, whose extremes are those of the sound and not of the noise's chance."""
    return np.stack([np.convolve(band, np.full(5, 0.2), "same") for band in density.T], axis=1)


def _shares(lessons: Sequence[Lesson], n_bands: int) -> np.ndarray:
    """Harmonic shares of the bands, smooth from one to the next, and none above 12 kHz."""
    harmonic, whole = np.sum([one.harmonic for one in lessons], axis=0)
    kernel = np.array([0.25, 0.5, 0.25])
    harmonic, whole = (np.convolve(np.pad(sums, 1, mode="edge"), kernel, "valid") for sums in (harmonic, whole))
    share = np.clip(np.where(whole > 0, harmonic / np.maximum(whole, 1e-30), 0.0), 0.0, 1.0)
    return np.where(bands.centres_hz(n_bands) < bands.HARMONICS_HZ, share, 0.0)
