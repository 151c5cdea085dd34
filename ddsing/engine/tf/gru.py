"""Keras's GRU (``reset_after=True``) over whole sequences, with a gradient of its own.

What does not depend on the state is computed for all steps at once: the product with the input kernel before the loop,
and, after the loop back, the gradients of all weights, each as one matrix product. Inside the loops are left
one product with the recurrent kernel a step, and the gates; on a CPU XLA compiles each loop as a whole. Sequences are
time-major and begin with a state of zero.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial

from ddsing.engine.tf import runtime, vectors
from ddsing.engine.tf.compiling import compiled, compiles
from ddsing.engine.tf.precision import product
from ddsing.engine.tf.runtime import Tensor

_MAX_UNROLLED = 10  # steps in one turn of a loop of TensorFlow's, whose bookkeeping is per turn; XLA has none


def gru(x: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, *, dtype: str = "float32") -> Tensor:
    """The states of a GRU.

    Parameters
    ----------
    x : tf.Tensor [shape=(n_steps, batch, n_in)]
    kernel, recurrent_kernel, bias : tf.Tensor [shape=(n_in, 3·channels), (channels, 3·channels), (2, 3·channels)]
        As Keras orders them: update, reset, candidate; the bias of the input, then that of the state.
    dtype : str
        What matrix products are computed in.

    Returns
    -------
    tf.Tensor [shape=(n_steps, batch, channels), float32]
    """
    tf = runtime.tensorflow()
    n_steps, batch, n_in = x.shape
    projected = tf.reshape(product(tf.reshape(x, [-1, n_in]), kernel, dtype=dtype), [n_steps, batch, -1])
    return _recurrence(dtype)(projected, recurrent_kernel, bias)


@cache
def _recurrence(dtype: str) -> Callable:
    tf = runtime.tensorflow()
    forward, backward = _loops(dtype)

    @tf.custom_gradient
    def recurrence(projected: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[Tensor, Callable]:
        # A tape would have TensorFlow make the gradient of the loop, too, at once; it has none of what XLA compiles.
        states, inner = forward(*(tf.stop_gradient(x) for x in (projected, recurrent_kernel, bias)))

        def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
            before = tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0)
            keep, through, candidate = _factors(projected, inner, before, bias)
            on_states = backward(upstream, keep, through, recurrent_kernel)
            on_projected, on_inner, on_bias = _bulk_gradients(on_states, through, candidate)
            flat = tf.reshape(on_inner, [-1, on_inner.shape[-1]])
            on_kernel = product(tf.reshape(before, [-1, before.shape[-1]]), flat, transpose_a=True, dtype=dtype)
            return on_projected, on_kernel, on_bias

        return states, gradient

    return recurrence


@cache
def _loops(dtype: str) -> tuple[Callable, Callable]:
    """`_forward` and `_backward`, compiled in 32 bits; products in 16 are left to TensorFlow, which has oneDNN's."""
    loops = partial(_forward, dtype=dtype), partial(_backward, dtype=dtype)
    return (compiled(loops[0]), compiled(loops[1])) if dtype == "float32" else loops


def _by_xla(dtype: str) -> bool:
    return dtype == "float32" and compiles()


def _forward(projected: Tensor, recurrent_kernel: Tensor, bias: Tensor, *, dtype: str) -> list[Tensor]:
    """All states, and all products of the state before with the recurrent kernel."""
    tf = runtime.tensorflow()
    channels = recurrent_kernel.shape[0]
    gates = projected[..., : 2 * channels] + (bias[0] + bias[1])[: 2 * channels]
    candidates, candidate_bias = projected[..., 2 * channels :] + bias[0, 2 * channels :], bias[1, 2 * channels :]
    kernel = tf.cast(recurrent_kernel, dtype)
    sigmoid, tanh = (vectors.sigmoid, vectors.tanh) if _by_xla(dtype) else (tf.sigmoid, tf.tanh)

    def step(t: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        inner = product(state, kernel, dtype=dtype)
        update, reset = tf.split(sigmoid(gates[t] + inner[:, : 2 * channels]), 2, axis=1)
        candidate = tanh(candidates[t] + reset * (inner[:, 2 * channels :] + candidate_bias))
        state = candidate + update * (state - candidate)
        return state, state, inner

    state, widths = tf.zeros([projected.shape[1], channels]), [channels, 3 * channels]
    return _scan(step, projected.shape[0], state, widths, dtype=dtype)


def _backward(upstream: Tensor, keep: Tensor, through: Tensor, recurrent_kernel: Tensor, *, dtype: str) -> Tensor:
    """The gradients of all states, from last to first."""
    tf = runtime.tensorflow()
    n_steps, batch, channels = upstream.shape
    back = tf.cast(tf.transpose(recurrent_kernel), dtype)

    def step(t: Tensor, carried: Tensor) -> tuple[Tensor, ...]:
        now = upstream[t] + carried
        inner = tf.reshape(through[t] * now[:, tf.newaxis], [batch, 3 * channels])
        return now * keep[t] + product(inner, back, dtype=dtype), now

    return _scan(step, n_steps, tf.zeros([batch, channels]), [channels], dtype=dtype, backwards=True)[0]


def _scan(
    step: Callable, n_steps: int, state: Tensor, widths: Sequence[int], *, dtype: str, backwards: bool = False
) -> list[Tensor]:
    """``state, *outputs = step(t, state)`` for all steps; each output [n_steps, batch, its width], in time's order."""
    tf = runtime.tensorflow()
    most = 1 if _by_xla(dtype) else _MAX_UNROLLED
    unrolled = max(n for n in range(1, most + 1) if n_steps % n == 0)
    n_turns = n_steps // unrolled

    def turn(index: Tensor, state: Tensor, *arrays: Tensor) -> list[Tensor]:
        place = n_turns - 1 - index if backwards else index
        done = []
        for k in range(unrolled):
            state, *outputs = step(place * unrolled + (unrolled - 1 - k if backwards else k), state)
            done.append(outputs)
        columns = zip(*(reversed(done) if backwards else done))
        written = [array.write(place, tf.stack(list(column))) for array, column in zip(arrays, columns)]
        return [index + 1, state, *written]

    shapes = [[unrolled, state.shape[0], width] for width in widths]
    arrays = [tf.TensorArray(tf.float32, n_turns, element_shape=shape) for shape in shapes]
    loop = tf.while_loop(lambda index, *_: index < n_turns, turn, [0, state, *arrays], maximum_iterations=n_turns)
    return [tf.reshape(array.stack(), [n_steps, *shape[1:]]) for array, shape in zip(loop[2:], shapes)]


@compiled
def _factors(projected: Tensor, inner: Tensor, before: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
    """What a state's gradient is multiplied by on its way to the state before and through the gates, for all steps.

    Returns ``keep`` [n_steps, batch, channels]; ``through`` [n_steps, batch, 3, channels], to the product with the
    recurrent kernel; ``candidate``, to the candidate's input.
    """
    tf = runtime.tensorflow()
    update, reset, ahead = tf.split(projected + bias[0], 3, axis=-1)
    update_inner, reset_inner, candidate_inner = tf.split(inner + bias[1], 3, axis=-1)
    update, reset = tf.sigmoid(update + update_inner), tf.sigmoid(reset + reset_inner)
    value = tf.tanh(ahead + reset * candidate_inner)
    candidate = (1.0 - update) * (1.0 - value * value)
    on_update = (before - value) * update * (1.0 - update)
    on_reset = candidate * candidate_inner * reset * (1.0 - reset)
    return update, tf.stack([on_update, on_reset, candidate * reset], axis=2), candidate


@compiled
def _bulk_gradients(on_states: Tensor, through: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of the projected inputs and of the products with the recurrent kernel, in the shape of both.

    And that of the bias [2, 3 · channels]: summed here, in the pass that has made them, and not in one more of
    TensorFlow's over each.
    """
    tf = runtime.tensorflow()
    n_steps, batch, channels = on_states.shape
    on_inner = tf.reshape(through * on_states[:, :, tf.newaxis], [n_steps, batch, 3 * channels])
    on_candidate = on_states * candidate
    on_projected = tf.concat([on_inner[..., : 2 * channels], on_candidate], axis=-1)
    of_state = tf.reduce_sum(on_inner, axis=[0, 1])
    of_input = tf.concat([of_state[: 2 * channels], tf.reduce_sum(on_candidate, axis=[0, 1])], axis=0)
    return on_projected, on_inner, tf.stack([of_input, of_state])
