"""A spectral loss at resolutions that are drawn anew for each step, so that none of them leaves its grid in the voice.

Pieces lie side by side, not over each other, as in DDSP-SVC's loss: a quarter of ddsp's spectra at as many sizes.
"""

from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor
from ddsing.sound.distance import FFT_SIZES

_SILENCE = 1e-5


def random_loss(target: Tensor, audio: Tensor, sizes: Tensor, starts: Tensor) -> Tensor:
    """The distance of magnitudes and of their logarithms, as large as ddsp's at its six resolutions.

    Parameters
    ----------
    target, audio : tf.Tensor [shape=(batch, n_samples), float32]
        No gradient reaches the target.
    sizes, starts : tf.Tensor [shape=(n,), int32]
        Of the pieces, in samples: their length, and where the first of them begins.
    """
    tf = runtime.tensorflow()
    target, n = tf.stop_gradient(target), sizes.shape[0]
    parts = [_distance(target, audio, sizes[index], starts[index]) for index in range(n)]
    return (len(FFT_SIZES) / n) * tf.add_n(parts)


def _distance(target: Tensor, audio: Tensor, size: Tensor, start: Tensor) -> Tensor:
    tf = runtime.tensorflow()
    wanted, found = (_magnitudes(x, size, start) for x in (target, audio))
    return tf.reduce_mean(tf.abs(wanted - found)) + tf.reduce_mean(tf.abs(tf.math.log(wanted) - tf.math.log(found)))


def _magnitudes(audio: Tensor, size: Tensor, start: Tensor) -> Tensor:
    """[batch, n_pieces, size // 2 + 1]; never quite 0, so that the gradient is a number."""
    tf = runtime.tensorflow()
    n_pieces = (audio.shape[1] - start) // size
    pieces = tf.reshape(audio[:, start : start + n_pieces * size], [audio.shape[0], n_pieces, size])
    spectrum = tf.signal.rfft(pieces * tf.signal.hann_window(size), [size])
    return tf.sqrt(tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2 + _SILENCE**2)
