"""The parts of a training step that are computed otherwise than ddsp's, each beside its formula in double precision."""

import numpy as np
import pytest

from ddsing.engine.tf import runtime, synthesis
from ddsing.engine.tf.spectral_loss import spectral_loss
from ddsing.engine.tf.step import Step
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.sound.distance import FFT_SIZES

pytestmark = pytest.mark.slow

CONFIG = ModelConfig(rnn_channels=16, ch=16, layers_per_stack=2, n_harmonics=20, n_noise_bands=17)


def test_phases_are_summed_in_single_precision_to_the_last_bit():
    """After thousands of radians one rounding more or less would be a thousand times what is allowed here."""
    rng, n_frames, n_harmonics = np.random.default_rng(0), 250, 30
    f0_hz = (400.0 * 2.0 ** rng.uniform(-1.0, 1.0, (n_frames, 2))).astype(np.float32)
    f0_hz[40:60, 1] = 0.0
    ramp = (np.arange(64, dtype=np.float32) / np.float32(64.0))[:, np.newaxis, np.newaxis]
    harmonics = f0_hz[:, np.newaxis, :, np.newaxis] * np.arange(1, n_harmonics + 1, dtype=np.float32)
    following = np.concatenate([harmonics[1:], harmonics[-1:]])
    harmonic_hz = (harmonics + (following - harmonics) * ramp).reshape(64 * n_frames, 2, n_harmonics)
    phase = np.cumsum(harmonic_hz * np.float32(synthesis._RADIANS_PER_HZ), axis=0, dtype=np.float32)
    assert phase.max() > 10_000.0 and (harmonic_hz > 8000.0).any()
    expected = np.where(harmonic_hz >= 8000.0, 0.0, np.sin(phase.astype(np.float64)))
    expected = expected.reshape(n_frames, 64, 2, n_harmonics).transpose(0, 2, 1, 3)
    found = synthesis.waves(n_harmonics, runtime.tensorflow().constant(f0_hz)).numpy()
    assert found.shape == (n_frames, 2, 64, n_harmonics) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=3e-7)


def test_controls_are_their_formula_and_have_a_gradient_however_far_out_the_outputs_are():
    tf, rng, (n_frames, batch) = runtime.tensorflow(), np.random.default_rng(1), (40, 3)
    widths = [width for _, width in CONFIG.output_splits]
    outputs = rng.normal(0.0, 3.0, (n_frames, batch, sum(widths))).astype(np.float32)
    outputs[0], outputs[1], outputs[2, 0], outputs[2, 1] = 30.0, -30.0, 1e4, -1e4
    f0_hz = rng.uniform(200.0, 900.0, (n_frames, batch)).astype(np.float32)

    def scale(x):
        return 2.0 * np.exp(-np.log(10.0) * np.logaddexp(0.0, -x)) + 1e-7

    amps, distribution, noise = np.split(outputs.astype(np.float64), np.cumsum(widths)[:-1], axis=2)
    heard = f0_hz[..., np.newaxis] * np.arange(1, CONFIG.n_harmonics + 1, dtype=np.float32) < 8000.0
    distribution = scale(distribution) * heard
    expected = scale(amps) * distribution / distribution.sum(axis=2, keepdims=True), scale(noise - 5.0)
    assert not heard.all()
    x = tf.constant(outputs)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = synthesis.controls(CONFIG, x, tf.constant(f0_hz))
    for one, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, wanted, rtol=2e-5, atol=1e-12)
    assert np.isfinite(tape.gradient(found, x)).all()


def test_no_power_of_many_numbers_and_no_product_with_transposed_sinusoids_is_in_a_step():
    """TensorFlow's power goes number by number; turned sinusoids take two to three times as long."""
    step = Step(CONFIG, random_weights(CONFIG, seed=1), batch_size=2, window_frames=125)
    given = {name: runtime.tensorflow().constant(x) for name, x in step._made_up().items()}
    operations = step._update.get_concrete_function(given).graph.get_operations()
    assert len(operations) > 500
    assert [x.name for x in operations if x.type == "Pow" and x.outputs[0].shape.num_elements() != 1] == []
    assert [x.name for x in operations if x.type == "BatchMatMulV2" and x.get_attr("adj_x")] == []


def test_the_loss_and_its_gradient_are_their_formula():
    """Along its own gradient the loss rises as its formula does; half as much of it, half as fast."""
    tf, rng = runtime.tensorflow(), np.random.default_rng(2)
    target, audio = (rng.normal(0.0, 1.0, (2, 3000)).astype(np.float32) for _ in range(2))

    def magnitudes(x, size):
        hop, n_samples = size // 4, x.shape[1]
        n_frames = -(-n_samples // hop)
        padded = np.pad(x, [(0, 0), (0, size + n_frames * hop - n_samples)])
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)
        return np.abs(
            np.fft.rfft([[row[k * hop : k * hop + size] * window for k in range(n_frames)] for row in padded])
        )

    def formula(x):
        pairs = [(magnitudes(target.astype(np.float64), size), magnitudes(x, size)) for size in FFT_SIZES]
        return sum(np.abs(a - b).mean() + np.abs(np.log(a) - np.log(b)).mean() for a, b in pairs)

    value = tf.constant(audio)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(value)
        loss = spectral_loss(tf.constant(target), value)
        half = 0.5 * loss
    gradient = tape.gradient(loss, value).numpy()
    assert float(loss) == pytest.approx(formula(audio.astype(np.float64)), rel=1e-5)
    steepest, little = gradient.astype(np.float64) / np.linalg.norm(gradient), 1e-6
    rise = (formula(audio + little * steepest) - formula(audio - little * steepest)) / (2.0 * little)
    assert rise == pytest.approx(np.linalg.norm(gradient), rel=1e-3)
    np.testing.assert_array_equal(tape.gradient(half, value), 0.5 * gradient)


def test_no_spectrum_of_the_loss_is_taken_outside_its_compiled_programs():
    """There frames, windows and overlaps are one pass each; TensorFlow's take a sixth of the loss's time."""
    step = Step(CONFIG, random_weights(CONFIG, seed=1), batch_size=2, window_frames=125)
    given = {name: runtime.tensorflow().constant(x) for name, x in step._made_up().items()}
    operations = step._update.get_concrete_function(given).graph.get_operations()
    of_noise = ["IRFFT", "IRFFT", "RFFT", "RFFT", "RFFT"]  # the filtered noise, and its gradient
    assert sorted(x.type for x in operations if "RFFT" in x.type) == of_noise


def test_no_layer_s_product_has_its_kernel_transposed():
    """With a square kernel of 512 channels that takes a fifth longer than with one that lies the right way round."""
    step = Step(CONFIG, random_weights(CONFIG, seed=1), batch_size=2, window_frames=125)
    given = {name: runtime.tensorflow().constant(x) for name, x in step._made_up().items()}
    operations = step._update.get_concrete_function(given).graph.get_operations()
    by_square = [x for x in operations if x.type == "MatMul" and x.inputs[1].shape == (CONFIG.ch, CONFIG.ch)]
    assert len(by_square) == 2 * (2 + 1), "the second layer of each of three stacks, and its gradient"
    assert [x.name for x in by_square if x.get_attr("transpose_b")] == []


def test_the_gru_s_bias_is_added_and_its_gradient_summed_inside_the_compiled_programs():
    """Each is one more pass over the largest arrays of a step otherwise."""
    step = Step(CONFIG, random_weights(CONFIG, seed=1), batch_size=2, window_frames=125)
    given = {name: runtime.tensorflow().constant(x) for name, x in step._made_up().items()}
    operations = step._update.get_concrete_function(given).graph.get_operations()
    n_gates = 125 * 2 * 3 * CONFIG.rnn_channels
    of_gates = [x.type for x in operations if any(y.shape.num_elements() == n_gates for y in x.inputs)]
    assert of_gates.count("MatMul") == 3 + 2, "for what goes in and both kernels; what the last stack hears is as wide"
    assert [kind for kind in of_gates if kind in ("AddV2", "Sum", "BiasAdd")] == []
