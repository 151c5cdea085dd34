"""How far two recordings are apart: ddsp's spectral loss, f0 in cents, loudness in dB. Plain numpy.

Reference: ddsp.losses.SpectralLoss with its defaults in the singing models (L1, magnitudes and their logarithms).
"""

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.sound.spectrum import frames, magnitudes

FFT_SIZES = (2048, 1024, 512, 256, 128, 64)
_OVERLAP = 4  # hops in a window
_LOG_FLOOR = 1e-5
_CONFIDENT = 0.5
_EDGE_FRAMES = 8  # at a window's ends the analysis sees silence that the recording does not have


def spectral_loss(audio: np.ndarray, other: np.ndarray) -> float:
    """ddsp's multi-scale spectral loss between two recordings [shape=(n_samples,), float32] of the same length."""
    total = 0.0
    for size in FFT_SIZES:
        one, two = (magnitudes(frames(sound, size, size // _OVERLAP)) for sound in (audio, other))
        total += float(np.abs(one - two).mean()) + float(np.abs(_log(one) - _log(two)).mean())
    return total


def f0_cents(f0_hz: np.ndarray, f0_confidence: np.ndarray, other_hz: np.ndarray) -> float | None:
    """Median distance of two f0 curves in cents, over the frames that are voiced in the first; None without any.

    Parameters
    ----------
    f0_hz, f0_confidence, other_hz : np.ndarray [shape=(n_frames,)]
    """
    voiced = voiced_frames(f0_hz, f0_confidence) & (np.asarray(other_hz) > 0)
    if not voiced.any():
        return None
    return float(np.median(np.abs(1200.0 * np.log2(np.asarray(other_hz)[voiced] / np.asarray(f0_hz)[voiced]))))


def voiced_frames(f0_hz: np.ndarray, f0_confidence: np.ndarray) -> np.ndarray:
    """Where a note sounds [shape=(n_frames,), bool]."""
    return (np.asarray(f0_confidence) >= _CONFIDENT) & (np.asarray(f0_hz) > 0)


def harmonic_share(harmonic: np.ndarray, noise: np.ndarray, voiced: np.ndarray) -> float | None:
    """The harmonics' share of the energy where a note should sound, from 0 to 1; None where none should.

    Parameters
    ----------
    harmonic, noise : np.ndarray [shape=(n_samples,), float32]
        The two parts of a resynthesis.
    voiced : np.ndarray [shape=(n_frames,), bool]
        Of the recording.
    """
    sounding = np.repeat(np.asarray(voiced, bool), HOP_SAMPLES)[: len(harmonic)]
    part, rest = (
        float(np.square(sound[: len(sounding)][sounding], dtype=np.float64).sum()) for sound in (harmonic, noise)
    )
    return part / (part + rest) if part + rest > 0.0 else None


def loudness_db(loudness: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of two loudness curves [shape=(n_frames,)] in dB, but for their ends."""
    inner = slice(_EDGE_FRAMES, -_EDGE_FRAMES) if len(loudness) > 4 * _EDGE_FRAMES else slice(None)
    return float(np.abs(np.asarray(loudness, np.float64)[inner] - np.asarray(other, np.float64)[inner]).mean())


def _log(magnitudes: np.ndarray):
    return np.log(np.where(magnitudes <= 0.0, np.float32(_LOG_FLOOR), magnitudes))
