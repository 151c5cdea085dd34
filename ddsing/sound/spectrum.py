"""Magnitude spectra as TensorFlow takes them: frames from the first sample on, zeros behind the last, periodic Hann.

Reference: tf.signal.frame with ``pad_end``, tf.signal.hann_window, ddsp.spectral_ops.compute_mag.
"""

import numpy as np


def frames(audio: np.ndarray, size: int, hop: int) -> np.ndarray:
    """Frames of `size` samples, one every `hop` [shape=(ceil(n_samples / hop), size), float32]."""
    n_frames = -(-len(audio) // hop)
    padded = np.zeros((n_frames - 1) * hop + size, np.float32)
    padded[: len(audio)] = audio[: len(padded)]
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]


def magnitudes(frames: np.ndarray) -> np.ndarray:
    """Magnitudes of frames [shape=(n_frames, size)] under a Hann window [shape=(n_frames, size // 2 + 1), float32]."""
    from scipy import fft  # takes a second to import, which the first page does not wait for

    return np.abs(fft.rfft(frames * hann(frames.shape[1]).astype(np.float32), axis=1))


def hann(size: int) -> np.ndarray:
    """The periodic Hann window [shape=(size,), float64]: that of scipy.signal.get_window, from 0 up to 1 and down."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)
