"""Tones, noise, files of them, and how far pitches lie apart."""

import io

import numpy as np
import soundfile


def tone(seconds=1.0, rate=16_000, channels=1, hz=440.0):
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1)


def file_of(samples, rate, format, subtype=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=format, subtype=subtype)
    return buffer.getvalue()


def cents(f0_hz, reference_hz):
    return 1200.0 * np.abs(np.log2(f0_hz / reference_hz))


def noise(duration_s: float = 1.0, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.1, round(16_000 * duration_s)).astype(np.float32)


def form(path):
    """Names, types and shapes in a file of arrays, in their order."""
    with np.load(path, allow_pickle=False) as arrays:
        return [(name, arrays[name].dtype, arrays[name].shape) for name in arrays.files]
