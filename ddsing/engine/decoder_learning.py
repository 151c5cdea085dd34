"""The decoder's gradient in numpy, for the few seconds in which it learns before TensorFlow is there.

Equal to TensorFlow's own (tests/engine/test_head_start.py). What does not depend on the GRU's state is computed for all
steps at once, as in `ddsing.engine.tf.gru`. Values are time-major, [n_steps · batch, channels].
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ddsing.model.config import ModelConfig

_LAYER_NORM_EPSILON = np.float32(1e-3)  # Keras's default
_LEAKY_RELU_SLOPE = np.float32(0.2)
_CELL = "decoder/rnn/rnn/cell"
_ONE, _HALF = np.float32(1.0), np.float32(0.5)
Back = Callable[[np.ndarray], np.ndarray]  # the gradient of an output, to that of the input


class LearningDecoder:
    """A decoder, its weights and their gradient, each of which lies in one vector.

    Parameters
    ----------
    config : ModelConfig
    weights : Mapping[str, np.ndarray]
        Those of a model; of them only the decoder's are taken.

    Attributes
    ----------
    vector, gradient : np.ndarray [shape=(n_weights,), float32]
    weights, gradients : dict[str, np.ndarray]
        Views of both.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray]):
        self.config = config
        own = {name: value for name, value in weights.items() if name.startswith("decoder/")}
        self.vector = np.concatenate([value.ravel() for value in own.values()]).astype(np.float32)
        self.gradient = np.zeros_like(self.vector)
        self.weights, self.gradients = (_views(vector, own) for vector in (self.vector, self.gradient))

    def decode(self, columns: Sequence[np.ndarray], every: int) -> tuple[np.ndarray, Callable[[np.ndarray], None]]:
        """The outputs before scaling, and what writes `gradient` when it is given theirs.

        Parameters
        ----------
        columns : sequence of np.ndarray [shape=(n_steps, batch, width), float32]
            The inputs, in the order of `config.input_keys`.
        every : int
            Only each so many'th step is put out, from the first on.

        Returns
        -------
        outputs : np.ndarray [shape=(n_put_out · batch, n_outputs), float32]
        learn : Callable
        """
        n_steps, batch, _ = columns[0].shape
        stacked = [self._stack(f"decoder/input_stacks/{i}", x.reshape(-1, x.shape[2])) for i, x in enumerate(columns)]
        x = np.concatenate([x for x, _ in stacked], axis=1)
        states, recurrent_back = self._gru(x.reshape(n_steps, batch, -1))

        def chosen(x: np.ndarray) -> np.ndarray:
            return x.reshape(n_steps, batch, -1)[::every].reshape(-1, x.shape[-1])

        y, out_back = self._stack("decoder/out_stack", np.concatenate([chosen(x), chosen(states)], axis=1))
        outputs, dense_back = self._dense("decoder/dense_out", y)

        def learn(upstream: np.ndarray) -> None:
            on_both = out_back(dense_back(upstream))
            on_states = np.zeros_like(states)
            on_states[::every] = on_both[:, x.shape[1] :].reshape(-1, batch, states.shape[2])
            on_x = recurrent_back(on_states)
            chosen_rows = on_x.reshape(n_steps, batch, -1)[::every]
            chosen_rows += on_both[:, : x.shape[1]].reshape(chosen_rows.shape)
            for index, (_, back) in enumerate(stacked):
                back(on_x[:, index * self.config.ch : (index + 1) * self.config.ch])

        return outputs, learn

    def _stack(self, prefix: str, x: np.ndarray) -> tuple[np.ndarray, Back]:
        backs = []
        for index in range(self.config.layers_per_stack):
            x, back = self._layer(f"{prefix}/layer_with_weights-{index}/layer_with_weights", x)
            backs.append(back)

        def through(upstream: np.ndarray) -> np.ndarray:
            for back in reversed(backs):
                upstream = back(upstream)
            return upstream

        return x, through

    def _layer(self, prefix: str, x: np.ndarray) -> tuple[np.ndarray, Back]:
        """Dense, layer normalisation, leaky ReLU."""
        linear, dense_back = self._dense(f"{prefix}-0", x)
        gamma, beta = (self.weights[f"{prefix}-1/{name}"] for name in ("gamma", "beta"))
        linear -= linear.mean(axis=1, keepdims=True)
        n = linear.shape[1]
        scale = _ONE / np.sqrt(np.vecdot(linear, linear)[:, np.newaxis] / np.float32(n) + _LAYER_NORM_EPSILON)
        linear *= scale
        y = linear * gamma + beta
        slope = np.where(y > 0.0, _ONE, _LEAKY_RELU_SLOPE)

        def back(upstream: np.ndarray) -> np.ndarray:
            on_y = upstream * slope
            self.gradients[f"{prefix}-1/gamma"][:] = np.einsum("ij,ij->j", on_y, linear)
            self.gradients[f"{prefix}-1/beta"][:] = on_y.sum(axis=0)
            on_y *= gamma
            on_y -= on_y.mean(axis=1, keepdims=True)
            on_y -= linear * (np.vecdot(on_y, linear)[:, np.newaxis] / np.float32(n))
            on_y *= scale
            return dense_back(on_y)

        return y * slope, back

    def _dense(self, prefix: str, x: np.ndarray) -> tuple[np.ndarray, Back]:
        kernel = self.weights[f"{prefix}/kernel"]

        def back(upstream: np.ndarray) -> np.ndarray:
            np.matmul(x.T, upstream, out=self.gradients[f"{prefix}/kernel"])
            self.gradients[f"{prefix}/bias"][:] = upstream.sum(axis=0)
            return upstream @ kernel.T

        return x @ kernel + self.weights[f"{prefix}/bias"], back

    def _gru(self, x: np.ndarray) -> tuple[np.ndarray, Back]:
        """The states [n_steps, batch, channels]; the gradient that comes back is [n_steps · batch, n_in]."""
        kernel, recurrent, bias = (self.weights[f"{_CELL}/{name}"] for name in ("kernel", "recurrent_kernel", "bias"))
        (n_steps, batch, n_in), channels = x.shape, recurrent.shape[0]
        projected = (x.reshape(-1, n_in) @ kernel + bias[0]).reshape(n_steps, batch, -1)
        states = np.zeros((n_steps + 1, batch, channels), np.float32)  # the first is the one before the first step
        inner, gates = np.empty_like(projected), np.empty((n_steps, batch, 2 * channels), np.float32)
        candidates = np.empty((n_steps, batch, channels), np.float32)
        for t in range(n_steps):
            np.matmul(states[t], recurrent, out=inner[t])
            inner[t] += bias[1]
            gate = np.add(projected[t, :, : 2 * channels], inner[t, :, : 2 * channels], out=gates[t])
            _sigmoid(gate)
            candidate = np.multiply(gate[:, channels:], inner[t, :, 2 * channels :], out=candidates[t])
            candidate += projected[t, :, 2 * channels :]
            np.tanh(candidate, out=candidate)
            state = np.subtract(states[t], candidate, out=states[t + 1])
            state *= gate[:, :channels]
            state += candidate
        before, update, reset = states[:-1], gates[..., :channels], gates[..., channels:]

        def back(upstream: np.ndarray) -> np.ndarray:
            on_candidate = (_ONE - update) * (_ONE - candidates * candidates)
            through = np.empty((n_steps, batch, 3, channels), np.float32)  # from a state's gradient to its products'
            through[:, :, 0] = (before - candidates) * update * (_ONE - update)
            through[:, :, 1] = on_candidate * inner[..., 2 * channels :] * reset * (_ONE - reset)
            through[:, :, 2] = on_candidate * reset
            transposed = np.ascontiguousarray(recurrent.T)
            on_states = upstream.copy()
            for t in range(n_steps - 1, -1, -1):
                through[t] *= on_states[t][:, np.newaxis]
                if t:
                    on_states[t - 1] += on_states[t] * update[t]
                    on_states[t - 1] += through[t].reshape(batch, -1) @ transposed
            on_inner = through.reshape(-1, 3 * channels)
            on_projected = on_inner.copy()
            on_projected[:, 2 * channels :] = (on_states * on_candidate).reshape(-1, channels)
            np.matmul(before.reshape(-1, channels).T, on_inner, out=self.gradients[f"{_CELL}/recurrent_kernel"])
            np.matmul(x.reshape(-1, n_in).T, on_projected, out=self.gradients[f"{_CELL}/kernel"])
            self.gradients[f"{_CELL}/bias"][:] = on_projected.sum(axis=0), on_inner.sum(axis=0)
            return on_projected @ kernel.T

        return states[1:], back


def _sigmoid(x: np.ndarray) -> None:
    """In place; by the hyperbolic tangent, which does not overflow."""
    x *= _HALF
    np.tanh(x, out=x)
    x *= _HALF
    x += _HALF


def _views(vector: np.ndarray, like: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parts of a vector in the shapes of arrays."""
    ends = np.cumsum([value.size for value in like.values()])
    return {name: vector[end - value.size : end].reshape(value.shape) for (name, value), end in zip(like.items(), ends)}
