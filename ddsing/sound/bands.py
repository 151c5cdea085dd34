"""The bands in which the sound above 8 kHz is described: evenly spaced in mel from 7.2 to 24 kHz.

They begin below 8 kHz because the filters of a resampler do.

Public: `centres_hz`, `place`, `bands`.
"""

import numpy as np
from numpy.typing import ArrayLike

LOW_HZ, HIGH_HZ = 7_200.0, 24_000.0
HARMONICS_HZ = 12_000.0  # above it everything is noise
N_BANDS = 28


def centres_hz(n_bands: int) -> np.ndarray:
    """The middle of each band in Hz [shape=(n_bands,), float64]: evenly spaced in mel from 7.2 to 24 kHz."""
    return _grid_hz(n_bands)[1:-1]


def bands(frequencies_hz: np.ndarray, n_bands: int) -> np.ndarray:
    """How much of each band a frequency has [shape=(n_frequencies, n_bands), float64]; a row adds up to 1 within.

    Power density in between two bands is interpolated; it falls to 0 at 7.2 and at 24 kHz.
    """
    return np.clip(1.0 - np.abs(place(frequencies_hz, n_bands)[..., None] - np.arange(1, n_bands + 1)), 0.0, 1.0)


def place(frequencies_hz: np.ndarray, n_bands: int) -> np.ndarray:
    """Where frequencies lie among the bands: 0 at 7.2 kHz and below, 1 in the middle of the first band, and so on."""
    step = (_mel(HIGH_HZ) - _mel(LOW_HZ)) / (n_bands + 1)
    return np.clip((_mel(np.asarray(frequencies_hz, np.float64)) - _mel(LOW_HZ)) / step, 0.0, n_bands + 1.0)


def _grid_hz(n_bands: int) -> np.ndarray:
    return 700.0 * (10.0 ** (np.linspace(_mel(LOW_HZ), _mel(HIGH_HZ), n_bands + 2) / 2595.0) - 1.0)


def _mel(hz: ArrayLike) -> np.ndarray:
    return 2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0)
