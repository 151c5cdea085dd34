"""Models of ddsp-vst's kind, trained in our loop: what they hear, what they play, and what comes of them."""

import numpy as np
import pytest

from ddsing.constants import POWER
from ddsing.engine import render
from ddsing.engine.tf import reconstruction, runtime
from ddsing.errors import DdsingError
from ddsing.formats import tfrecord
from ddsing.instrument.library import Library
from ddsing.instrument.vst import writing
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.sound import loudness
from ddsing.training import folder, listening, ranges, run
from ddsing.training import recipe as recipes
from ddsing.training.recipe import Recipe, resolved
from tests.support import tiny_training

GIN = """include 'models/vst.gin'

units = 8
ch = 8
time_steps = 40
n_samples = 2880

batch_size = 2
steps = 3
save_every = 3
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    place, before = tmp_path_factory.mktemp("vst"), recipes.GIN
    tiny_training.add_tiny_model(place / "gin")
    (place / "gin" / "models" / "tiny_vst.gin").write_text(GIN)
    with tiny_training.uncompiled():
        yield tiny_training.untrained(place)
    recipes.GIN = before
    recipes.config_file.cache_clear()


def test_the_models_are_the_plug_in_s():
    for name in ("vst", "vst_small"):
        trained = recipes.config_file(name)
        assert trained.model.generation == POWER and writing.why_not(trained.model) == ""
        assert trained.window_frames % trained.model.hop_frames == 0
        assert resolved(Recipe(config=name, n_harmonics=20)).model.n_harmonics == 20
    full = recipes.config_file("vst")
    assert sum(np.prod(shape) for shape in full.model.weight_shapes().values()) == 1_873_278  # ddsp's vst.gin
    assert (full.window_frames, full.batch_size, full.steps) == (1000, 16, 30_000)
    with pytest.raises(DdsingError, match="hear no voicing"):
        resolved(Recipe(config="vst", voicing=True))
    with pytest.raises(DdsingError, match="Choose singing_z_small"):
        resolved(Recipe(config="vst_small", z_dims=4))


@pytest.mark.slow
def test_power_is_heard_from_the_sound_of_any_dataset(workspace):
    config = recipes.config_file("tiny_vst")
    with tfrecord.open_all(workspace.audio / "alto_dataset", "train") as records:
        heard = listening.Listening(config.model.generation, 3, centred=True)
        window = heard.window(records.read(0))
        known = ranges.measured(records, heard)
    np.testing.assert_array_equal(window["loudness_db"], loudness.compute(window["audio"], generation=POWER)[:1000])
    assert known.generation == POWER
    assert known.values["mean_max_power_note"] == known.values["mean_max_loudness_note"]
    assert -80.0 <= known.values["mean_min_power_note"] < known.values["mean_max_power_note"] < 0.0


@pytest.mark.slow
def test_what_is_trained_is_what_is_rendered():
    """Amplitudes and noise of TensorFlow's graph and of the renderer, between the network's steps, too."""
    config = ModelConfig(
        generation=POWER,
        rnn_channels=8,
        ch=8,
        layers_per_stack=1,
        n_harmonics=60,
        n_noise_bands=65,
        noise_window_size=0,
        amp_resample_method="linear",
    )
    weights = random_weights(config, seed=1)
    f0_hz = 200.0 + 50.0 * np.sin(np.arange(40) / 6.0).astype(np.float32)
    power_db = -30.0 + 10.0 * np.cos(np.arange(40) / 5.0).astype(np.float32)
    tf = runtime.tensorflow()
    batch = {"f0_hz": tf.constant(f0_hz[None]), "loudness_db": tf.constant(power_db[None])}
    amplitudes, magnitudes = reconstruction.controls(config, weights, reconstruction.features(config, batch))
    part = render.solo(render.load(config, weights), f0_hz, power_db, n_samples=40 * 64)
    found, _ = part.decode(slice(0, 40), part.initial_state())
    wanted = found["amps"] * found["harmonic_distribution"]
    np.testing.assert_allclose(amplitudes[:36, 0], wanted[:36], atol=1e-6)  # beyond, TensorFlow holds the last step
    np.testing.assert_allclose(magnitudes[:, 0], found["noise_magnitudes"], atol=1e-6)


@pytest.mark.slow
def test_a_voice_is_trained_resumed_and_becomes_an_instrument_for_the_plug_in(workspace):
    made = run.train(workspace, "alto", Recipe(config="tiny_vst", keep=1))
    assert (made.step, made.stopped) == (3, False) and np.isfinite(made.loss)
    path = workspace.audio / "alto_checkpoints"
    again = folder.config(path)
    assert again.model == recipes.config_file("tiny_vst").model and again.window_frames == 40
    assert run.train(workspace, "alto", Recipe(config="tiny_vst", steps=4, keep=1), make_instrument=False).step == 4
    with pytest.raises(DdsingError, match="started with another model"):
        run.train(workspace, "alto", Recipe(config="singing_z_small", steps=5))
    instrument = Library(workspace).get(made.instrument_name)
    assert instrument.config.generation == POWER and writing.why_not(instrument.config) == ""
    metadata = writing.metadata(instrument)
    assert 150.0 < metadata["mean_min_pitch_note_hz"] < metadata["mean_max_pitch_note_hz"] < 600.0
    assert metadata["mean_min_power_note"] == pytest.approx(
        instrument.statistics.values["mean_min_power_note"], abs=1e-3
    )
