"""One step of a decoder as a TensorFlow Lite model for ddsp-vst: names, shapes and order are the plug-in's.

In: ``f0_scaled`` and ``pw_scaled`` [1], ``state`` [512]. Out: amplitude [1], harmonic distribution [60], noise
magnitudes [65], state [512]. Only operations of TensorFlow Lite itself, in float32; it stays finite for any input.

A GRU of less than 512 fills the state up with zeros. With a `PowerMap` the voice is one that hears loudness at 250
frames a second: the graph looks the loudness up, takes five steps of the network, and leaves out what the plug-in has
no place for; `ddsing.engine.approximation.Approximation` is the same in numpy.

Reference: ddsp.training.inference.VSTStatelessPredictControls.
"""

import math
import tempfile
from collections.abc import Mapping

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.approximation import N_HARMONICS, N_NOISE_BANDS, STEPS, PowerMap, noise_bands
from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor
from ddsing.model.config import ModelConfig

STATE = 512
_EPSILON, _SLOPE = 1e-3, 0.2


def model(config: ModelConfig, weights: Mapping[str, np.ndarray], powers: PowerMap | None = None) -> bytes:
    """The file's first part: the model of a configuration of generation `POWER`, or, with `powers`, of another."""
    tf = runtime.tensorflow()

    class Step(tf.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            # Variables, as without any the outputs are called otherwise; the converter makes constants of them.
            self.weights = {name: tf.Variable(value, trainable=False) for name, value in weights.items()}

        @tf.function(autograph=False)
        def call(self, f0_scaled: Tensor, pw_scaled: Tensor, state: Tensor) -> tuple[Tensor, ...]:
            return _step(config, self.weights, f0_scaled, pw_scaled, state, powers)

    made = Step()
    concrete = made.call.get_concrete_function(
        f0_scaled=tf.TensorSpec([1], tf.float32),
        pw_scaled=tf.TensorSpec([1], tf.float32),
        state=tf.TensorSpec([STATE], tf.float32),
    )
    with tempfile.TemporaryDirectory(prefix="ddsing-export-") as folder:
        tf.saved_model.save(made, folder, signatures={"call": concrete})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()


def _step(
    config: ModelConfig,
    weights: Mapping[str, Tensor],
    f0_scaled: Tensor,
    pw_scaled: Tensor,
    state: Tensor,
    powers: PowerMap | None,
) -> tuple[Tensor, ...]:
    tf = runtime.tensorflow()
    level, pitch = tf.reshape(pw_scaled, [1, 1]), tf.reshape(f0_scaled, [1, 1])
    level = level if powers is None else _loudness(powers, pitch, level)
    inputs = [_stack(config, weights, "decoder/input_stacks/0", level)]
    inputs.append(_stack(config, weights, "decoder/input_stacks/1", pitch))
    after = tf.reshape(state, [1, STATE])[:, : config.rnn_channels]
    for _ in range(1 if powers is None else STEPS):
        after = _gru(weights, tf.concat(inputs, axis=1), after)
    x = _stack(config, weights, "decoder/out_stack", tf.concat([*inputs, after], axis=1))
    outputs = _dense(weights, "decoder/dense_out", x)
    amps, distribution, noise = tf.split(outputs, [width for _, width in config.output_splits], axis=1)
    distribution = _scaled(config, distribution)
    if config.normalize_below_nyquist:
        f0_hz = 440.0 * 2.0 ** ((tf.reshape(f0_scaled, [1, 1]) * 127.0 - 69.0) / 12.0)
        harmonic_hz = f0_hz * tf.range(1.0, config.n_harmonics + 1.0)
        distribution = tf.where(harmonic_hz >= SAMPLE_RATE / 2, tf.zeros_like(distribution), distribution)
    total = tf.reduce_sum(distribution, axis=1, keepdims=True)
    distribution /= tf.where(total == 0.0, tf.constant([[1e-7]]), total)
    magnitudes = _scaled(config, noise + config.noise_initial_bias)
    padding = tf.zeros([1, STATE - config.rnn_channels])
    kept = after if config.rnn_channels == STATE else tf.concat([after, padding], axis=1)
    widths = [1, config.n_harmonics, config.n_noise_bands, STATE]
    amps = _scaled(config, amps)
    if powers is not None:
        widths[1:3] = [N_HARMONICS, N_NOISE_BANDS]
        amps, distribution = _first(amps, distribution)
        magnitudes = tf.matmul(magnitudes, tf.constant(noise_bands(config.n_noise_bands)))
    parts = (amps, distribution, magnitudes, kept)
    return tuple(tf.reshape(part, [width]) for part, width in zip(parts, widths))


def _loudness(powers: PowerMap, pitch: Tensor, level: Tensor) -> Tensor:
    """`PowerMap.at`, of sums of clipped ramps; bounds of ±1/2, as clips from 0 to 1 become newer operations."""
    tf = runtime.tensorflow()
    n_pitches, n_powers = powers.loudness.shape
    low, high = (float(midi) / 127.0 for midi in powers.pitches_midi[[0, -1]])

    def ramps(position: Tensor, n: int) -> Tensor:
        past = position * (n - 1.0) - tf.constant(np.arange(n - 1, dtype=np.float32)[None] + 0.5)
        return tf.minimum(tf.maximum(past, -0.5), 0.5) + 0.5

    across, up = ramps((pitch - low) / (high - low), n_pitches), ramps(level, n_powers)
    table = powers.loudness.astype(np.float64)
    corner, column, row = table[:1, :1], np.diff(table[:, :1], axis=0), np.diff(table[:1], axis=1)
    both = np.diff(np.diff(table, axis=0), axis=1)
    corner, column, row, both = (tf.constant(part, tf.float32) for part in (corner, column, row.T, both))
    bent = tf.reduce_sum(tf.matmul(across, both) * up, axis=1, keepdims=True)
    return corner + tf.matmul(across, column) + tf.matmul(up, row) + bent


def _first(amps: Tensor, distribution: Tensor) -> tuple[Tensor, Tensor]:
    """The harmonics that the plug-in has, with their share of the amplitude."""
    tf = runtime.tensorflow()
    n_harmonics = distribution.shape[1]
    kept = distribution[:, :N_HARMONICS]
    if n_harmonics < N_HARMONICS:
        kept = tf.concat([kept, tf.zeros([1, N_HARMONICS - n_harmonics])], axis=1)
    share = tf.reduce_sum(kept, axis=1, keepdims=True)
    return amps * share, kept / tf.maximum(share, 1e-7)


def _dense(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    tf = runtime.tensorflow()
    return tf.matmul(x, weights[f"{name}/kernel"]) + weights[f"{name}/bias"]


def _stack(config: ModelConfig, weights: Mapping[str, Tensor], prefix: str, x: Tensor) -> Tensor:
    tf = runtime.tensorflow()
    for layer in range(config.layers_per_stack):
        linear, norm = (f"{prefix}/layer_with_weights-{layer}/layer_with_weights-{part}" for part in (0, 1))
        x = _dense(weights, linear, x)
        mean = tf.reduce_mean(x, axis=1, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axis=1, keepdims=True)
        x = (x - mean) * tf.math.rsqrt(variance + _EPSILON)
        x = x * weights[f"{norm}/gamma"] + weights[f"{norm}/beta"]
        x = tf.nn.leaky_relu(x, _SLOPE)
    return x


def _gru(weights: Mapping[str, Tensor], x: Tensor, state: Tensor) -> Tensor:
    """Keras's GRU with ``reset_after``, one step."""
    tf = runtime.tensorflow()
    kernel, recurrent, bias = (
        weights[f"decoder/rnn/rnn/cell/{name}"] for name in ("kernel", "recurrent_kernel", "bias")
    )
    outer = tf.matmul(x, kernel) + bias[0]
    inner = tf.matmul(state, recurrent) + bias[1]
    update, reset, candidate = tf.split(outer, 3, axis=1)
    update_inner, reset_inner, candidate_inner = tf.split(inner, 3, axis=1)
    update, reset = tf.sigmoid(update + update_inner), tf.sigmoid(reset + reset_inner)
    value = tf.tanh(candidate + reset * candidate_inner)
    return update * state + (1.0 - update) * value


def _scaled(config: ModelConfig, x: Tensor) -> Tensor:
    """ddsp's exponential sigmoid."""
    tf = runtime.tensorflow()
    return config.scale_max_value * tf.sigmoid(x) ** math.log(config.scale_exponent) + config.scale_threshold
