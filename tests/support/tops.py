"""Tops whose sound is known, and recordings whose upper band is."""

import numpy as np
from scipy import signal

from ddsing.model.top import N_INPUTS, Top
from ddsing.sound.bands import N_BANDS


def flat(density: float = 1e-9, *, share: float = 0.0, slope: float = 0.0, n_bands: int = N_BANDS) -> Top:
    """A top with one power density in all bands, in full scale² per Hz; `slope` is how its logarithm follows loudness.

    Loudness is the first input, 1 + dB / 80 of instruments of today.
    """
    kernel = np.zeros((N_INPUTS, n_bands), np.float32)
    kernel[0] = slope
    ones, bands = np.ones(N_INPUTS, np.float32), np.ones(n_bands, np.float32)
    return Top(
        centre=0 * ones,
        scale=ones,
        low=-100 * ones,
        high=100 * ones,
        kernel=kernel,
        bias=bands * np.float32(np.log(density)),
        least=-60 * bands,
        most=0 * bands,
        harmonic_share=bands * np.float32(share),
        minutes=1.5,
    )


def band_density(audio: np.ndarray, low_hz: float, high_hz: float, *, rate_hz: int = 48_000) -> float:
    """The mean power density of a sound between two frequencies, in full scale² per Hz."""
    hz, power = signal.welch(audio, rate_hz, nperseg=4_096)
    return float(power[(hz >= low_hz) & (hz < high_hz)].mean())


def wide(duration_s: float, *, density: float = 1e-9, seed: int = 0, f0_hz: float = 220.0) -> np.ndarray:
    """A voice at 48 kHz that swells and fades twice, with noise above 7 kHz whose power follows its own.

    Samples [shape=(n_samples,), float32]; the noise has `density` where the voice is loudest.
    """
    n = int(48_000 * duration_s)
    t = np.arange(n) / 48_000
    swell = 0.5 - 0.45 * np.cos(4 * np.pi * t / duration_s)
    phase = 2 * np.pi * f0_hz * t + 0.3 * np.sin(2 * np.pi * 5 * t)
    voice = sum(np.sin(k * phase) / k for k in range(1, int(7_000 / f0_hz)))
    noise = np.random.default_rng(seed).normal(0.0, np.sqrt(density * 24_000), n)
    noise = signal.sosfilt(signal.butter(8, 7_000, "high", fs=48_000, output="sos"), noise)
    return (swell * (0.1 * voice + noise)).astype(np.float32)
