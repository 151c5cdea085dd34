"""ddsp's `RnnFcDecoder` in numpy, frame by frame with the GRU's state carried, so that audio of any length is decoded in blocks.

Equal to ddsp's own decoder to about 1e-6 (tests/test_engine.py). One `Decoder` is immutable and may be shared by threads.
"""

from collections.abc import Mapping

import numpy as np

from ddsing.engine.model import check_weights
from ddsing.model_config import ModelConfig
from ddsing.units import hz_to_midi

_LAYER_NORM_EPSILON = 1e-3  # Keras's default
_LEAKY_RELU_SLOPE = 0.2  # tf.nn.leaky_relu's default


class Decoder:
    """The network part of an instrument.

    Parameters
    ----------
    config : ModelConfig
    weights : Mapping[str, np.ndarray]
        Names and shapes of `config.weight_shapes()`.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray]):
        check_weights(config, weights)
        self.config = config
        self.weights = {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}

    def initial_state(self) -> np.ndarray:
        """The GRU's state before the first frame [shape=(rnn_channels,), float32]."""
        return np.zeros(self.config.rnn_channels, np.float32)

    def decode(self, f0_hz, loudness_db, z, state):
        """Controls of some consecutive frames.

        Parameters
        ----------
        f0_hz, loudness_db : np.ndarray [shape=(n_frames,)]
            Hz; dB on the scale of the instrument's generation.
        z : np.ndarray [shape=(n_frames, z_dims)] or None
        state : np.ndarray [shape=(rnn_channels,), float32]
            What the previous call returned, or `initial_state()`.

        Returns
        -------
        controls : dict
            ``amps`` [n_frames, 1], ``harmonic_distribution`` [n_frames, n_harmonics], ``noise_magnitudes``
            [n_frames, n_noise_bands], scaled as the synthesisers use them, float32.
        state : np.ndarray [shape=(rnn_channels,), float32]
        """
        config = self.config
        inputs = [loudness_db / config.db_range + 1.0, hz_to_midi(f0_hz) / 127.0]
        columns = [np.asarray(x, np.float32)[:, None] for x in inputs] + ([] if z is None else [z])
        stacked = [self._stack(f"decoder/input_stacks/{i}", x) for i, x in enumerate(columns)]
        x = np.concatenate(stacked, axis=1)
        recurrent, state = gru(x, state, self._cell("decoder/rnn/rnn/cell"))
        x = self._stack("decoder/out_stack", np.concatenate([x, recurrent], axis=1))
        x = x @ self.weights["decoder/dense_out/kernel"] + self.weights["decoder/dense_out/bias"]
        return self._scale(x, np.asarray(f0_hz, np.float32)), state

    def _cell(self, prefix):
        return tuple(self.weights[f"{prefix}/{name}"] for name in ("kernel", "recurrent_kernel", "bias"))

    def _stack(self, prefix, x):
        for layer in range(self.config.layers_per_stack):
            dense, norm = (f"{prefix}/layer_with_weights-{layer}/layer_with_weights-{i}" for i in (0, 1))
            x = x @ self.weights[f"{dense}/kernel"] + self.weights[f"{dense}/bias"]
            x = x - x.mean(axis=1, keepdims=True)
            x *= 1.0 / np.sqrt((x * x).mean(axis=1, keepdims=True) + np.float32(_LAYER_NORM_EPSILON))
            x = x * self.weights[f"{norm}/gamma"] + self.weights[f"{norm}/beta"]
            x = np.maximum(x, _LEAKY_RELU_SLOPE * x)
        return x

    def _scale(self, x, f0_hz):
        config = self.config
        amps, distribution, noise = np.split(x, [1, 1 + config.n_harmonics], axis=1)
        amps, distribution = self._exp_sigmoid(amps), self._exp_sigmoid(distribution)
        if config.normalize_below_nyquist:
            harmonic_hz = f0_hz[:, None] * np.arange(1, config.n_harmonics + 1, dtype=np.float32)
            distribution = np.where(harmonic_hz >= 8000.0, np.float32(0.0), distribution)
        total = distribution.sum(axis=1, keepdims=True)
        distribution = distribution / np.where(total == 0.0, np.float32(1e-7), total)
        noise = self._exp_sigmoid(noise + np.float32(config.noise_initial_bias))
        return {"amps": amps, "harmonic_distribution": distribution, "noise_magnitudes": noise}

    def _exp_sigmoid(self, x):
        config = self.config
        log_sigmoid = -np.logaddexp(np.float32(0.0), -x)
        scaled = config.scale_max_value * np.exp(np.log(config.scale_exponent) * log_sigmoid) + config.scale_threshold
        return scaled.astype(np.float32)


def gru(x, state, cell):
    """Keras's GRU (``reset_after=True``) over time.

    Parameters
    ----------
    x : np.ndarray [shape=(n_frames, n_in), float32]
    state : np.ndarray [shape=(channels,), float32]
    cell : tuple
        kernel [n_in, 3·channels], recurrent kernel [channels, 3·channels], biases [2, 3·channels].

    Returns
    -------
    y : np.ndarray [shape=(n_frames, channels), float32]
    state : np.ndarray [shape=(channels,), float32]
    """
    kernel, recurrent_kernel, bias = cell
    channels = recurrent_kernel.shape[0]
    projected = x @ kernel + bias[0]
    projected[:, : 2 * channels] += bias[1, : 2 * channels]
    candidate_bias = bias[1, 2 * channels :]
    y = np.empty((len(x), channels), np.float32)
    one = np.float32(1.0)
    with np.errstate(over="ignore"):  # exp of a very negative gate input overflows to inf, and the gate is 0 as it should
        for frame in range(len(x)):
            inner = state @ recurrent_kernel
            gates = one / (one + np.exp(-(projected[frame, : 2 * channels] + inner[: 2 * channels])))
            update, reset = gates[:channels], gates[channels:]
            candidate = np.tanh(projected[frame, 2 * channels :] + reset * (inner[2 * channels :] + candidate_bias))
            state = candidate + update * (state - candidate)
            y[frame] = state
    return y, state
