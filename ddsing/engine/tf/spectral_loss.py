"""ddsp's `SpectralLoss` as its autoencoders use it: magnitudes and log magnitudes at six resolutions, L1.

The gradient is computed along with the loss, one inverse FFT and an overlap-add per resolution, each resolution in one
compiled program.

Reference: ddsp.losses.SpectralLoss, ddsp.spectral_ops.compute_mag.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from ddsing.engine.tf import runtime
from ddsing.engine.tf.compiling import compiled
from ddsing.engine.tf.runtime import Tensor
from ddsing.engine.tf.synthesis import frames, overlap_add
from ddsing.sound.distance import FFT_SIZES

_N_HOPS = 4  # in a frame: frames overlap by 75 %
_SILENCE = 1e-5  # what ddsp takes the logarithm of instead of zero


def spectral_loss(target: Tensor, audio: Tensor) -> Tensor:
    """The loss of `audio` against `target`, both [batch, n_samples]; no gradient reaches the target."""
    return runtime.tensorflow().add_n([_distance(size)(target, audio) for size in FFT_SIZES])


@cache
def _distance(size: int) -> Callable:
    """The loss at one resolution."""
    tf = runtime.tensorflow()
    hop = size // _N_HOPS
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
    # irfft counts all bins but the first and the last twice, and divides by the size.
    share = np.where(np.arange(size // 2 + 1) % (size // 2) == 0, size, size / 2).astype(np.float32)

    def spectrum(audio: Tensor) -> Tensor:
        n_frames = -(-audio.shape[1] // hop)
        padding = [[0, 0], [0, (n_frames + _N_HOPS - 1) * hop - audio.shape[1]]]
        return tf.signal.rfft(frames(tf.pad(audio, padding), hop, _N_HOPS) * window)

    @compiled  # frames, windows and overlaps each in one pass, in the same program as what lies between
    def with_gradient(target: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        loss, on_spectrum = _compare(spectrum(target), spectrum(audio), tf.constant(share))
        on_frames = tf.signal.irfft(on_spectrum) * window
        batch, n_frames, _ = on_frames.shape
        on_audio = overlap_add(tf.reshape(on_frames, [batch, n_frames, _N_HOPS, hop]))
        return loss, on_audio[:, : audio.shape[1]]

    @tf.custom_gradient
    def distance(target: Tensor, audio: Tensor) -> tuple[Tensor, Callable]:
        # A tape would have TensorFlow make a gradient of its own, too.
        loss, on_audio = with_gradient(target, tf.stop_gradient(audio))
        return loss, lambda upstream: (None, upstream * on_audio)

    return distance


def _compare(target: Tensor, value: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """The mean distances of magnitudes and of their logarithms, and their gradient by the value's spectrum."""
    tf = runtime.tensorflow()

    def magnitude(spectrum: Tensor) -> Tensor:
        power = tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2
        return tf.sqrt(power)

    def heard(x: Tensor) -> Tensor:
        return tf.where(x <= 0.0, _SILENCE, x)

    wanted, found = magnitude(target), magnitude(value)
    n = float(np.prod(target.shape))
    # One logarithm of a quotient, and one sum: a third less time than the difference of two, and two sums.
    logarithm = tf.math.log(heard(wanted) / heard(found))
    loss = tf.reduce_sum(tf.abs(wanted - found) + tf.abs(logarithm)) / n
    # What is silent is reached at _SILENCE by the logarithms, and at zero by the magnitudes: their signs may differ.
    signs = tf.sign(found - wanted) + tf.sign(found - heard(wanted)) / found
    slope = tf.where(found > 0.0, signs / found, 0.0) * (share / n)
    return loss, tf.complex(slope * tf.math.real(value), slope * tf.math.imag(value))
