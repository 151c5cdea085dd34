"""A distance of mel spectra: as the spectral loss, but in bands as the ear has them."""

from functools import cache

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor
from ddsing.engine.tf.synthesis import frames

_RESOLUTIONS = {2048: 80, 1024: 64, 256: 32}  # samples: mel bands
_N_HOPS = 4  # in a frame
_WEIGHT = 2.0  # with which it is about as large as ddsp's loss at six resolutions
_SILENCE = 1e-5
_LOWEST_HZ = 20.0


def mel_loss(target: Tensor, audio: Tensor) -> Tensor:
    """The mean distance of the logarithms of `audio` and `target`, both [batch, n_samples], summed over resolutions."""
    tf = runtime.tensorflow()
    parts = [
        tf.reduce_mean(tf.abs(_log_mel(tf.stop_gradient(target), size) - _log_mel(audio, size)))
        for size in _RESOLUTIONS
    ]
    return _WEIGHT * tf.add_n(parts)


def _log_mel(audio: Tensor, size: int) -> Tensor:
    """[batch, n_frames, n_bands]."""
    tf = runtime.tensorflow()
    hop = size // _N_HOPS
    n_frames = -(-audio.shape[1] // hop)
    padded = tf.pad(audio, [[0, 0], [0, (n_frames + _N_HOPS - 1) * hop - audio.shape[1]]])
    window, bands = _constants(size)
    spectrum = tf.signal.rfft(frames(padded, hop, _N_HOPS) * window)
    magnitude = tf.sqrt(tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2 + _SILENCE**2)
    return tf.math.log(tf.tensordot(magnitude, bands, 1) + _SILENCE)


@cache
def _constants(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The window [size], and the bands [n_bins, n_bands]."""
    tf = runtime.tensorflow()
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
    with tf.init_scope():
        bands = tf.signal.linear_to_mel_weight_matrix(
            _RESOLUTIONS[size], size // 2 + 1, SAMPLE_RATE, _LOWEST_HZ, SAMPLE_RATE / 2
        ).numpy()
    return window, bands
