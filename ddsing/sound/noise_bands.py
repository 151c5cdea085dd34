"""How strong a recording is in each of an instrument's noise bands, as magnitudes that filtered noise has.

White noise from -1 to 1 that is filtered with these magnitudes has the recording's power in every band, and nothing
else of it: neither its pitch nor its waveform.

Public: `magnitudes`.
"""

import functools

import numpy as np

from ddsing.constants import HOP_SAMPLES

_N_FFT = 512
_WINDOW = np.hanning(_N_FFT + 1)[:-1].astype(np.float32)
_NOISE_POWER = 1.0 / 3.0  # of uniform noise from -1 to 1


def magnitudes(audio: np.ndarray, frames: np.ndarray, n_bands: int) -> np.ndarray:
    """The magnitudes of some frames.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    frames : np.ndarray [shape=(n_frames,), int]
        Which frames; frame k is centred on sample 64·k.
    n_bands : int
        They lie evenly from 0 Hz to 8 kHz, as an instrument's noise bands do.

    Returns
    -------
    np.ndarray [shape=(n_frames, n_bands), float32]
    """
    reach = np.arange(_N_FFT) - _N_FFT // 2
    positions = np.asarray(frames)[:, None] * HOP_SAMPLES + reach
    inside = (positions >= 0) & (positions < len(audio))
    heard = np.where(inside, audio[np.clip(positions, 0, len(audio) - 1)], np.float32(0.0)) * _WINDOW
    power = np.abs(np.fft.rfft(heard, axis=1)) ** 2 / (_NOISE_POWER * np.sum(_WINDOW**2))
    return np.sqrt(power @ _shares(n_bands)).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _shares(n_bands: int) -> np.ndarray:
    """What each bin gives to each band [shape=(n_bins, n_bands), float32]: triangles whose mean is taken.

    Bands that are narrower than bins are interpolated between two of these.
    """
    n_bins = _N_FFT // 2 + 1
    if n_bands > n_bins:
        place = np.linspace(0.0, n_bins - 1.0, n_bands)
        return np.maximum(1.0 - np.abs(np.arange(n_bins)[:, None] - place), 0.0).astype(np.float32)
    position = np.linspace(0.0, n_bands - 1.0, n_bins)
    triangles = np.maximum(1.0 - np.abs(position[:, None] - np.arange(n_bands)), 0.0)
    return (triangles / triangles.sum(axis=0)).astype(np.float32)
