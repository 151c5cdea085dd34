"""Models that decide every fifth frame: led from one decision to the next, whatever the blocks."""

import numpy as np
import pytest

from ddsing.constants import POWER
from ddsing.engine import morph, render, steps
from ddsing.errors import InstrumentError
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.weights import random_weights
from ddsing.sound import loudness

CONFIG = ModelConfig(
    generation=POWER,
    rnn_channels=16,
    ch=16,
    layers_per_stack=1,
    n_harmonics=20,
    n_noise_bands=17,
    noise_window_size=0,
    amp_resample_method="linear",
)


@pytest.fixture(scope="module")
def renderer():
    weights = random_weights(CONFIG, seed=4)
    weights["decoder/dense_out/kernel"] = 4 * weights["decoder/dense_out/kernel"]
    return render.load(CONFIG, weights)


def curves(n_frames=1001):
    time = np.arange(n_frames) / 250.0
    return 220.0 * 2.0 ** (np.sin(2 * np.pi * time) / 6.0), -40.0 + 20.0 * np.sin(2 * np.pi * 0.7 * time)


def test_amplitudes_go_straight_and_noise_is_held(renderer):
    f0_hz, power_db = curves()
    part = render.solo(renderer, f0_hz, power_db, n_samples=64_000)
    found, _ = part.decode(slice(0, 1001), part.initial_state())
    decided, _ = renderer.decoder.decode(f0_hz[::5], power_db[::5], None, renderer.decoder.initial_state())
    at = np.arange(1001) / 5
    amplitudes = decided["amps"] * decided["harmonic_distribution"]
    straight = np.stack([np.interp(at, np.arange(201), column) for column in amplitudes.T], axis=1)
    np.testing.assert_allclose(found["amps"] * found["harmonic_distribution"], straight, atol=1e-7)
    np.testing.assert_allclose(found["harmonic_distribution"].sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(found["noise_magnitudes"], np.repeat(decided["noise_magnitudes"], 5, axis=0)[:1001])


@pytest.mark.parametrize("block_frames", [1, 3, 7, 500])
def test_the_result_depends_on_no_block(renderer, block_frames):
    f0_hz, power_db = (curve[:301] for curve in curves())
    whole, parts = (
        render.render(renderer, f0_hz, power_db, n_samples=19_100, keep_controls=True, block_frames=size)
        for size in (10_000, block_frames)
    )
    np.testing.assert_allclose(parts.audio, whole.audio, atol=1e-6)
    np.testing.assert_allclose(parts.controls["amps"], whole.controls["amps"], atol=1e-7)


def test_it_mixes_with_instruments_that_hear_loudness(renderer):
    other_config = ModelConfig(rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=30, n_noise_bands=33)
    other = render.load(other_config, random_weights(other_config))
    f0_hz, level_db = curves()
    weights = np.linspace([1.0, 0.0], [0.0, 1.0], 1001)
    mixed = morph.mixture([renderer, other], [f0_hz, f0_hz], [level_db, level_db], weights, n_samples=64_000)
    controls, _ = mixed.decode(slice(0, 1000), mixed.initial_state())
    assert controls["harmonic_distribution"].shape == (1000, 30)
    assert np.isfinite(controls["amps"]).all()


def test_what_such_a_model_is():
    assert CONFIG.hop_frames == 5 and CONFIG.input_keys == ("pw_scaled", "f0_scaled") and CONFIG.db_range == 80.0
    assert ModelConfig().hop_frames == 1 and ModelConfig().input_keys == ("ld_scaled", "f0_scaled")
    assert steps.begin(render.load(CONFIG, random_weights(CONFIG)).decoder).n_steps == 0
    with pytest.raises(InstrumentError, match="follow no timbre"):
        ModelConfig(generation=POWER, z=ZConfig())


def test_power_is_that_of_64_ms():
    """A sine of amplitude 0.5 has the RMS 0.5/√2, which is -9.03 dB; silence is -80 dB."""
    sine = (0.5 * np.sin(2 * np.pi * 250.0 * np.arange(16_000) / 16_000)).astype(np.float32)
    found = loudness.compute(np.concatenate([sine, np.zeros(16_000, np.float32)]), generation=POWER)
    assert found.shape == (501,) and found.dtype == np.float32
    np.testing.assert_allclose(found[10:240], 20 * np.log10(0.5 / np.sqrt(2)), atol=1e-3)
    np.testing.assert_allclose(found[[0, 250]], 20 * np.log10(0.5 / np.sqrt(2)) - 10 * np.log10(2), atol=0.02)
    assert (found[260:] == -80.0).all()


@pytest.mark.slow
def test_power_is_ddsp_s():
    from ddsing.engine.tf import runtime

    rng = np.random.default_rng(1)
    audio = rng.uniform(-0.3, 0.3, 32_000).astype(np.float32) * np.linspace(0, 1, 32_000, dtype=np.float32)
    wanted = runtime.ddsp().spectral_ops.compute_power(audio, frame_rate=50, frame_size=1024, padding="center")
    np.testing.assert_allclose(loudness.compute(audio, generation=POWER)[::5], np.asarray(wanted), atol=1e-3)
