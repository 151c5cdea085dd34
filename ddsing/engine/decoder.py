"""ddsp's `RnnFcDecoder` in numpy, with the GRU's state carried, so that audio of any length is decoded in blocks.

Equal to ddsp's own decoder to about 1e-6 (tests/engine/test_engine.py). One `Decoder` is immutable and may be shared by
threads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.model.config import ModelConfig
from ddsing.model.weights import checked
from ddsing.sound.blas import single_threaded
from ddsing.units import hz_to_midi

_LAYER_NORM_EPSILON = 1e-3  # Keras's default
_CELL = "decoder/rnn/rnn/cell"
_FIRST_OUT = "decoder/out_stack/layer_with_weights-0/layer_with_weights-0/kernel"
_CELL_WEIGHTS = ("kernel", "recurrent_kernel", "bias")
Controls = dict[str, np.ndarray]  # ``amps``, ``harmonic_distribution``, ``noise_magnitudes``: a row per frame
_CACHE_BYTES = 2**20  # of cache that most cores have for themselves, at least
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
        weights = checked(weights, config)
        self.config = config
        self.weights = {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}
        self._cell = GruCell.of(self.weights, _CELL)

    def initial_state(self) -> np.ndarray:
        """The GRU's state before the first frame [shape=(rnn_channels,), float32]."""
        return np.zeros(self.config.rnn_channels, np.float32)

    def decode(
        self,
        f0_hz: np.ndarray,
        loudness_db: np.ndarray,
        z: np.ndarray | None,
        state: np.ndarray,
        confidence: np.ndarray | None = None,
        heard: "Heard | None" = None,
    ) -> tuple[Controls, np.ndarray]:
        """Controls of some consecutive frames.

        Parameters
        ----------
        f0_hz, loudness_db : np.ndarray [shape=(n_frames,)]
            Hz; dB on the scale of the instrument's generation.
        z : np.ndarray [shape=(n_frames, z_dims)] or None
        state : np.ndarray [shape=(rnn_channels,), float32]
            What the previous call returned, or `initial_state()`.
        confidence : np.ndarray [shape=(n_frames,)] or None
            Of the pitch, from 0 to 1, for a model with `voicing`.
        heard : Heard, optional
            What `hear` made of the same, if it was called before.

        Returns
        -------
        controls : Controls
            ``amps`` [n_frames, 1], ``harmonic_distribution`` [n_frames, n_harmonics], ``noise_magnitudes``
            [n_frames, n_noise_bands], scaled as the synthesisers use them, float32.
        state : np.ndarray [shape=(rnn_channels,), float32]
        """
        with single_threaded():
            heard = heard or self._heard(f0_hz, loudness_db, z, confidence)
            recurrent, state = recur(heard.projected, state, self._cell)
            first = recurrent @ self.weights[_FIRST_OUT][-recurrent.shape[1] :]
            first += heard.past_recurrent
            x = self._stack("decoder/out_stack", first, multiplied=True)
            outputs = x @ self.weights["decoder/dense_out/kernel"] + self.weights["decoder/dense_out/bias"]
            return self._scale(outputs, np.asarray(f0_hz, np.float32)), state

    def hear(
        self,
        f0_hz: np.ndarray,
        loudness_db: np.ndarray,
        z: np.ndarray | None = None,
        confidence: np.ndarray | None = None,
    ) -> "Heard | None":
        """What comes before the recurrent layer, and needs no state, for `decode`; None if nothing does."""
        return self._heard(f0_hz, loudness_db, z, confidence)

    def _heard(
        self, f0_hz: np.ndarray, loudness_db: np.ndarray, z: np.ndarray | None, confidence: np.ndarray | None
    ) -> "Heard":
        config = self.config
        inputs = [loudness_db / config.db_range + 1.0, hz_to_midi(f0_hz) / 127.0]
        columns = [np.asarray(x, np.float32)[:, None] for x in inputs] + ([] if z is None else [z])
        columns += [] if confidence is None else [np.asarray(confidence, np.float32)[:, None]]
        with single_threaded():
            stacked = [self._stack(f"decoder/input_stacks/{i}", x) for i, x in enumerate(columns)]
            joined = np.concatenate(stacked, axis=1)
            projected = joined @ self._cell.kernel
            projected += self._cell.bias
            return Heard(joined @ self.weights[_FIRST_OUT][: joined.shape[1]], projected)

    def _stack(self, prefix: str, x: np.ndarray, *, multiplied: bool = False) -> np.ndarray:
        """Dense, layer normalisation, leaky ReLU, some times; `x` may be what the first dense layer's kernel gave."""
        for layer in range(self.config.layers_per_stack):
            dense, norm = (f"{prefix}/layer_with_weights-{layer}/layer_with_weights-{i}" for i in (0, 1))
            if layer or not multiplied:
                x = x @ self.weights[f"{dense}/kernel"]
            x += self.weights[f"{dense}/bias"]
            x -= x.mean(axis=1, keepdims=True)
            variance = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
            x *= 1.0 / np.sqrt(variance + np.float32(_LAYER_NORM_EPSILON))
            x *= self.weights[f"{norm}/gamma"]
            x += self.weights[f"{norm}/beta"]
            np.maximum(x, _LEAKY_RELU_SLOPE * x, out=x)
        return x

    def _scale(self, x: np.ndarray, f0_hz: np.ndarray) -> Controls:
        config = self.config
        amps, distribution, noise = np.split(x, [1, 1 + config.n_harmonics], axis=1)
        amps, distribution = self._exp_sigmoid(amps), self._exp_sigmoid(distribution)
        if config.normalize_below_nyquist:
            harmonic_hz = f0_hz[:, None] * np.arange(1, config.n_harmonics + 1, dtype=np.float32)
            distribution = np.where(harmonic_hz >= SAMPLE_RATE / 2, np.float32(0.0), distribution)
        total = distribution.sum(axis=1, keepdims=True)
        distribution = distribution / np.where(total == 0.0, np.float32(1e-7), total)
        noise = self._exp_sigmoid(noise + np.float32(config.noise_initial_bias))
        return {"amps": amps, "harmonic_distribution": distribution, "noise_magnitudes": noise}

    def _exp_sigmoid(self, x: np.ndarray) -> np.ndarray:
        """``max · sigmoid(x) ** log(exponent) + threshold``, of one exponential and one power."""
        config = self.config
        with np.errstate(over="ignore"):  # exp of a very negative output is inf, and its power 0, as it should be
            scaled = np.exp(-x)
            scaled += np.float32(1.0)
            np.power(scaled, np.float32(-np.log(config.scale_exponent)), out=scaled)
        scaled *= np.float32(config.scale_max_value)
        scaled += np.float32(config.scale_threshold)
        return scaled


@dataclass(frozen=True, eq=False)
class Heard:
    """What `Decoder.hear` makes of some frames.

    Attributes
    ----------
    past_recurrent : np.ndarray [shape=(n_frames, ch), float32]
        What goes past the recurrent layer: the inputs' share in the first product of the stack behind it.
    projected : np.ndarray [shape=(n_frames, 3 · rnn_channels), float32]
        The inputs' product with the recurrent layer's kernel.
    """

    past_recurrent: np.ndarray
    projected: np.ndarray


def always_sure(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> tuple[ModelConfig, Mapping[str, np.ndarray]]:
    """A model that hears no confidence, and plays what this one plays where the pitch is sure; itself without voicing.

    What the network makes of a sure pitch is the same in each frame, so it becomes a part of the biases behind it.
    """
    if not config.voicing:
        return config, weights
    plain = replace(config, voicing=False)
    index, n_before = len(plain.input_keys), len(plain.input_keys) * config.ch
    heard = Decoder(config, weights)._stack(f"decoder/input_stacks/{index}", np.ones((1, 1), np.float32))[0]
    own, dropped = {name: weights[name] for name in plain.weight_shapes()}, slice(n_before, n_before + config.ch)
    for kernel, bias in ((f"{_CELL}/kernel", f"{_CELL}/bias"), (_FIRST_OUT, _FIRST_OUT.replace("kernel", "bias"))):
        more = heard @ weights[kernel][dropped]
        own[kernel] = np.delete(weights[kernel], dropped, axis=0)
        own[bias] = weights[bias] + (more if weights[bias].ndim == 1 else np.stack([more, np.zeros_like(more)]))
    return plain, own


@dataclass(frozen=True, eq=False)
class GruCell:
    """A GRU's weights as `gru` reads them.

    Attributes
    ----------
    kernel : np.ndarray [shape=(n_in, 3·channels), float32]
    recurrent_rows : np.ndarray [shape=(3·channels, channels), float32]
        The recurrent kernel, transposed.
    bias : np.ndarray [shape=(3·channels,), float32]
        All biases but the candidate's recurrent one, which the reset gate scales.
    candidate_bias : np.ndarray [shape=(channels,), float32]
    """

    kernel: np.ndarray
    recurrent_rows: np.ndarray
    bias: np.ndarray
    candidate_bias: np.ndarray

    @classmethod
    def of(cls, weights: Mapping[str, np.ndarray], prefix: str) -> "GruCell":
        """The cell whose weights are named ``<prefix>/kernel`` and so on."""
        kernel, recurrent, biases = (np.asarray(weights[f"{prefix}/{name}"], np.float32) for name in _CELL_WEIGHTS)
        gates = 2 * recurrent.shape[0]
        bias = np.concatenate([biases[0, :gates] + biases[1, :gates], biases[0, gates:]])
        return cls(kernel, np.ascontiguousarray(recurrent.T), bias, biases[1, gates:].copy())


def gru(x: np.ndarray, state: np.ndarray, cell: GruCell) -> tuple[np.ndarray, np.ndarray]:
    """Keras's GRU (``reset_after=True``) over time.

    Parameters
    ----------
    x : np.ndarray [shape=(n_frames, n_in), float32]
    state : np.ndarray [shape=(channels,), float32]
    cell : GruCell

    Returns
    -------
    y : np.ndarray [shape=(n_frames, channels), float32]
    state : np.ndarray [shape=(channels,), float32]
    """
    return recur(x @ cell.kernel + cell.bias, state, cell)


def recur(projected: np.ndarray, state: np.ndarray, cell: GruCell) -> tuple[np.ndarray, np.ndarray]:
    """The GRU of inputs that are multiplied with its kernel already [shape=(n_frames, 3·channels)]; see `gru`.

    The product with the recurrent kernel reads all of it anew for each frame, which takes three quarters of the time.
    The caller keeps BLAS on one thread: it would share each of them out over all cores, 250 times per second of audio,
    and wait for the last; with other work on the machine that took ten times as long. A kernel that is larger than the
    cache of a core is read back and forth, gate by gate: each frame begins with what the last one has ended with, which
    is still there. The rest, ::

        gates = 1 / (1 + exp(-(outer + inner)))
        candidate = tanh(outer + reset · (inner + bias))
        state = candidate + update · (state - candidate)

    is computed in place: arrays of some hundred numbers take longer to make than to fill.
    """
    channels = len(state)
    gated = 2 * channels
    y = np.empty((len(projected), channels), np.float32)
    inner, gates, candidate = (np.empty(size, np.float32) for size in (3 * channels, gated, channels))
    inner_gates, inner_candidate = inner[:gated], inner[gated:]
    update, reset = gates[:channels], gates[channels:]
    parts = products(cell.recurrent_rows, inner)
    one, below = np.float32(1.0), np.negative(projected[:, :gated])
    with np.errstate(over="ignore"):  # exp of a very negative gate input is inf, and the gate 0, as it should be
        for outer_gates, outer_candidate, after in zip(below, projected[:, gated:], y):
            for rows, product in parts:
                np.matmul(rows, state, out=product)
            parts.reverse()
            np.subtract(outer_gates, inner_gates, out=gates)
            np.exp(gates, out=gates)
            np.add(gates, one, out=gates)
            np.reciprocal(gates, out=gates)
            np.add(inner_candidate, cell.candidate_bias, out=candidate)
            np.multiply(candidate, reset, out=candidate)
            np.add(candidate, outer_candidate, out=candidate)
            np.tanh(candidate, out=candidate)
            np.subtract(state, candidate, out=after)
            np.multiply(after, update, out=after)
            np.add(after, candidate, out=after)
            state = after
    return y, state.copy()


def products(rows: np.ndarray, product: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of a kernel, and where their product goes: all at once, or where they are many, those of each gate."""
    n_parts = 3 if rows.nbytes > _CACHE_BYTES else 1
    return list(zip(np.split(rows, n_parts), np.split(product, n_parts)))
