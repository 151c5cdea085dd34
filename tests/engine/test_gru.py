"""The recurrent layer that training uses, beside Keras's own: states and gradients, wherever it may be called."""

import numpy as np
import pytest

from ddsing.engine.tf import runtime, vectors
from ddsing.engine.tf.gru import gru

pytestmark = pytest.mark.slow

N_STEPS, BATCH, N_IN, CHANNELS = 23, 3, 7, 12


@pytest.fixture
def drawn():
    """Variables: inputs [n_steps, batch, n_in] and the three weights; and signs in the shape of the states."""
    tf, rng = runtime.tensorflow(), np.random.default_rng(0)
    shapes = [(N_STEPS, BATCH, N_IN), (N_IN, 3 * CHANNELS), (CHANNELS, 3 * CHANNELS), (2, 3 * CHANNELS)]
    variables = [tf.Variable(rng.normal(0.0, 0.6, shape), dtype=tf.float32) for shape in shapes]
    return variables, rng.choice([-1.0, 1.0], (N_STEPS, BATCH, CHANNELS)).astype(np.float32)


def keras_states(x, kernel, recurrent_kernel, bias):
    tf = runtime.tensorflow()
    cell = tf.keras.layers.GRUCell(CHANNELS, reset_after=True)
    cell.build([BATCH, N_IN])
    cell.kernel, cell.recurrent_kernel, cell.bias = kernel, recurrent_kernel, bias
    state, states = tf.zeros([BATCH, CHANNELS]), []
    for t in range(N_STEPS):
        state, _ = cell(x[t], [state])
        states.append(state)
    return tf.stack(states)


def found(layer, variables, signs, *, persistent=False):
    """The states, and the gradients of a sum of them with random signs."""
    tf = runtime.tensorflow()
    with tf.GradientTape(persistent=persistent) as tape:
        states = layer(*variables)
        total = tf.reduce_sum(states * signs)
    gradients = tape.gradient(total, variables)
    return [states, *(tape.gradient(total, variables) if persistent else gradients)]


@pytest.mark.parametrize("where", ["eager", "persistent", "traced", "run eagerly"])
def test_states_and_gradients_are_keras_s(drawn, where):
    """In a step that is traced, and where TensorFlow itself takes every operation's gradient as it is called."""
    tf = runtime.tensorflow()
    expected = found(keras_states, *drawn)

    def ours():
        return found(gru, *drawn, persistent=where == "persistent")

    if where == "run eagerly":
        tf.config.run_functions_eagerly(True)
    try:
        values = (tf.function(ours, autograph=False) if where in ("traced", "run eagerly") else ours)()
    finally:
        tf.config.run_functions_eagerly(False)
    for value, wanted in zip(values, expected, strict=True):
        assert np.linalg.norm(value - wanted) < 1e-5 * np.linalg.norm(wanted)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_32_bits_both_loops_are_compiled(drawn, dtype):
    tf = runtime.tensorflow()
    variables, signs = drawn
    traced = tf.function(lambda: found(lambda *x: gru(*x, dtype=dtype), variables, signs), autograph=False)
    kinds = [operation.type for operation in traced.get_concrete_function().graph.get_operations()]
    loops = [kind for kind in kinds if kind in ("While", "StatelessWhile")]
    on_cpu = runtime.device().kind == "cpu"
    assert len(loops) == (0 if dtype == "float32" and on_cpu else 2), "of TensorFlow's own, an operation at a time"


@pytest.mark.parametrize(
    ("function", "exact"),
    [(vectors.sigmoid, lambda x: 1.0 / (1.0 + np.exp(-x))), (vectors.tanh, np.tanh)],
    ids=["sigmoid", "tanh"],
)
def test_what_is_computed_in_vectors_is_exact_but_for_roundings(function, exact):
    tf, rng = runtime.tensorflow(), np.random.default_rng(0)
    x = np.concatenate([rng.normal(0.0, scale, 20_000) for scale in (1e-4, 0.1, 1.0, 10.0)])
    x = np.clip(x, -80.0, 80.0).astype(np.float32)
    compiled = tf.function(function, jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(x), exact(x.astype(float)), rtol=5e-7)
    limits = compiled(tf.constant([np.nan, np.inf, -np.inf, 1e9, -1e9])).numpy()
    np.testing.assert_allclose(limits, exact(np.array([np.nan, 99.0, -99.0, 99.0, -99.0])), atol=1e-30)
