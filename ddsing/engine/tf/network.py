"""ddsp's `RnnFcDecoder` and `MfccTimeDistributedRnnEncoder` on whole batches, fast to train on a CPU.

Values are time-major, [n_frames · batch, channels]: a frame of all windows, then the next frame.

Reference: ddsp.training.decoders, ddsp.training.encoders, ddsp.training.nn.FcStack.
"""

from collections.abc import Callable, Mapping
from functools import cache

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.tf import runtime
from ddsing.engine.tf.compiling import compiled
from ddsing.engine.tf.gru import gru
from ddsing.engine.tf.precision import product
from ddsing.engine.tf.runtime import Tensor
from ddsing.model.config import N_MFCCS, ModelConfig, ZConfig

_LAYER_NORM_EPSILON = 1e-3  # Keras's default
_INSTANCE_NORM_EPSILON = 1e-5
_LEAKY_RELU_SLOPE = 0.2


def decode(
    config: ModelConfig, weights: Mapping, inputs: Tensor, *, dtype: str = "float32", recurrent: Callable | None = None
) -> Tensor:
    """The decoder's outputs before scaling.

    Parameters
    ----------
    weights : Mapping
        Tensors by the names of `config.weight_shapes()`.
    inputs : list of tf.Tensor [shape=(n_frames, batch, width), float32]
        In the order of `config.input_keys`.
    dtype : str
        What matrix products are computed in.
    recurrent : callable, optional
        ``recurrent(part, x)`` runs the GRU of ``decoder`` or ``encoder`` on x [shape=(n_steps, batch, n_in)]; `gru`
        otherwise.

    Returns
    -------
    tf.Tensor [shape=(n_frames, batch, n_outputs), float32]
    """
    tf = runtime.tensorflow()
    n_frames, batch, _ = inputs[0].shape

    def stack(x: Tensor, prefix: str) -> Tensor:
        for index in range(config.layers_per_stack):
            linear, norm = (f"{prefix}/layer_with_weights-{index}/layer_with_weights-{part}" for part in (0, 1))
            names = (f"{linear}/kernel", f"{linear}/bias", f"{norm}/gamma", f"{norm}/beta")
            x = _layer(dtype)(x, *(weights[name] for name in names))
        return x

    columns = [tf.reshape(x, [-1, x.shape[2]]) for x in inputs]
    stacked = [stack(x, f"decoder/input_stacks/{index}") for index, x in enumerate(columns)]
    x = tf.reshape(tf.concat(stacked, axis=1), [n_frames, batch, len(stacked) * config.ch])
    states = _recurrent(weights, "decoder", x, dtype, recurrent)
    x = stack(tf.concat([*stacked, tf.reshape(states, [-1, config.rnn_channels])], axis=1), "decoder/out_stack")
    outputs = _linear(x, weights, "decoder/dense_out", dtype)
    return tf.reshape(outputs, [n_frames, batch, outputs.shape[1]])


def mfccs(config: ZConfig, audio: Tensor) -> Tensor:
    """The MFCCs that the z encoder hears, normalised over the window: [n_steps, batch, 30]."""
    tf, ddsp = runtime.tensorflow(), runtime.ddsp()
    fft_size, hop_samples = config.spectrum
    x = ddsp.spectral_ops.compute_mfcc(
        audio,
        lo_hz=20.0,
        hi_hz=SAMPLE_RATE / 2,
        fft_size=fft_size,
        mel_bins=128,
        mfcc_bins=N_MFCCS,
        overlap=1.0 - hop_samples / fft_size,
        pad_end=True,
    )
    mean, variance = tf.nn.moments(x, [1], keepdims=True)
    return tf.transpose((x - mean) / tf.sqrt(variance + _INSTANCE_NORM_EPSILON), [1, 0, 2])


def encode(
    weights: Mapping,
    normalised: Tensor,
    n_frames: int,
    *,
    dtype: str = "float32",
    recurrent: Callable | None = None,
    disturbance: Tensor | None = None,
    kept: Tensor | None = None,
) -> Tensor:
    """z, [n_frames, batch, z_dims], of what `mfccs` gave.

    `disturbance` [batch, n_steps, z_dims] is added to it, with its standard deviation as the unit; the sum is
    multiplied by `kept` [batch, 1, z_dims].
    """
    tf = runtime.tensorflow()
    x = normalised * weights["encoder/z_norm/scale"][0, 0] + weights["encoder/z_norm/shift"][0, 0]
    states = _recurrent(weights, "encoder", x, dtype, recurrent)
    n_steps, batch, channels = states.shape
    z = _linear(tf.reshape(states, [-1, channels]), weights, "encoder/dense_out", dtype)
    z = tf.reshape(z, [n_steps, batch, -1])
    if disturbance is not None:
        z += tf.transpose(disturbance, [1, 0, 2]) * tf.stop_gradient(tf.math.reduce_std(z, axis=[0, 1]))
    if kept is not None:
        z *= tf.transpose(kept, [1, 0, 2])
    if n_steps == n_frames:
        return z
    return tf.transpose(runtime.ddsp().core.resample(tf.transpose(z, [1, 0, 2]), n_frames), [1, 0, 2])


def _recurrent(weights: Mapping, part: str, x: Tensor, dtype: str, recurrent: Callable | None) -> Tensor:
    if recurrent:
        return recurrent(part, x)
    return gru(
        x, *(weights[f"{part}/rnn/rnn/cell/{name}"] for name in ("kernel", "recurrent_kernel", "bias")), dtype=dtype
    )


def _linear(x: Tensor, weights: Mapping, prefix: str, dtype: str) -> Tensor:
    return product(x, weights[f"{prefix}/kernel"], dtype=dtype) + weights[f"{prefix}/bias"]


@cache
def _layer(dtype: str) -> Callable:
    """Dense, layer normalisation, leaky ReLU.

    The mean that layer normalisation takes away is taken from the kernel and the bias beforehand.
    """
    tf = runtime.tensorflow()

    @tf.custom_gradient
    def layer(x: Tensor, kernel: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor) -> tuple[Tensor, Callable]:
        kernel, turned, bias = _without_mean(kernel, bias)
        y = product(x, kernel, dtype=dtype)

        def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
            on_y, on_bias, on_gamma, on_beta = _normalise_back(upstream, y, bias, gamma, beta)
            on_x = product(on_y, turned, dtype=dtype)
            return on_x, product(x, on_y, transpose_a=True, dtype=dtype), on_bias, on_gamma, on_beta

        return _normalise(y, bias, gamma, beta), gradient

    return layer


@compiled
def _without_mean(kernel: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The kernel without the mean of its rows, the same transposed, and the bias without its mean.

    Transposed here, where TensorFlow can't make it an option of the product again: with a square kernel of 512 that
    takes a fifth longer.
    """
    tf = runtime.tensorflow()
    kernel = kernel - tf.reduce_mean(kernel, axis=1, keepdims=True)
    return kernel, tf.transpose(kernel), bias - tf.reduce_mean(bias)


@compiled
def _normalise(y: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    tf = runtime.tensorflow()
    y = y + bias
    scale = tf.math.rsqrt(tf.reduce_mean(y * y, axis=1, keepdims=True) + _LAYER_NORM_EPSILON)
    y = y * scale * gamma + beta
    return tf.maximum(y, _LEAKY_RELU_SLOPE * y)


@compiled
def _normalise_back(upstream: Tensor, y: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor) -> tuple[Tensor, ...]:
    """Gradients of a layer: of `y`, which has no mean along a row, of the bias, gamma and beta."""
    tf = runtime.tensorflow()
    y = y + bias
    scale = tf.math.rsqrt(tf.reduce_mean(y * y, axis=1, keepdims=True) + _LAYER_NORM_EPSILON)
    y = y * scale
    upstream = tf.where(y * gamma + beta > 0.0, upstream, _LEAKY_RELU_SLOPE * upstream)
    on_gamma, on_beta = tf.reduce_sum(upstream * y, axis=0), tf.reduce_sum(upstream, axis=0)
    on_y = upstream * gamma
    on_y -= tf.reduce_mean(on_y, axis=1, keepdims=True) + y * tf.reduce_mean(on_y * y, axis=1, keepdims=True)
    on_y *= scale
    return on_y, tf.reduce_sum(on_y, axis=0), on_gamma, on_beta
