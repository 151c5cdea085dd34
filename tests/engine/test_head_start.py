"""Where frames stand, and the head start: against known pitches, closed forms, and trainings with and without."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing import cli
from ddsing.constants import HOP_SAMPLES
from ddsing.engine import render
from ddsing.engine.decoder_learning import LearningDecoder
from ddsing.engine.head_start import head_start, heard, learn
from ddsing.engine.tf import reconstruction, runtime
from ddsing.engine.wanted_levels import EVERY, SILENCE, measure, wanted_levels
from ddsing.errors import SettingsError
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.weights import random_weights
from ddsing.sound import distance, loudness, pitch
from ddsing.training import checkpoints, evaluation, folder, run
from ddsing.training import recipe as recipes
from ddsing.training.listening import Listening
from ddsing.workspace import Workspace
from demo.singer import SOPRANO, Note, sing
from tests.support import tiny_training

pytestmark = pytest.mark.slow

CONFIG = ModelConfig(rnn_channels=16, ch=16, layers_per_stack=1, n_harmonics=20, n_noise_bands=17)


@pytest.fixture
def workspace(tiny_models, tmp_path):
    """A workspace whose voice alto is prepared, and the model ``tiny``."""
    made = Workspace(tmp_path / "ws")
    for path in (made.audio, made.instruments, made.cache):
        path.mkdir(parents=True)
    tiny_training.prepared_voice(made, n_train=3)
    return made


def test_centred_frames_tell_what_sounds_at_their_time():
    audio, f0_hz, _ = sing(SOPRANO, [Note(60, 1.0, -8.0), Note(64, 1.0, -3.0), Note(62, 2.0, -10.0)], seed=3)
    audio, f0_hz = audio[:64_000].astype(np.float32), f0_hz[:64_000:HOP_SAMPLES]
    heard_hz, confidence = pitch.track(audio, tracker="tiny", padding="same")
    record = {
        "audio": audio,
        "f0_hz": heard_hz[:1000],
        "f0_confidence": confidence[:1000],
        "loudness_db": loudness.compute(audio, padding="same")[:1000],
    }
    early, centred = (Listening(3, 3, centred=which).window(record) for which in (False, True))
    np.testing.assert_array_equal(early["f0_hz"], record["f0_hz"])
    clear = (centred["f0_confidence"] > 0.8) & (np.arange(1000) > 8)

    def off_cents(window):
        return np.mean(np.abs(1200 * np.log2(window["f0_hz"][clear] / f0_hz[clear])))

    assert off_cents(centred) < 0.5 * off_cents(early) and off_cents(centred) < 10.0
    np.testing.assert_allclose(centred["loudness_db"][4:], loudness.compute(audio)[4:1000], atol=1e-3)
    assert all(len(x) == len(early[name]) for name, x in centred.items())
    old = Listening(1, 3, centred=True).window(record)
    np.testing.assert_allclose(old["loudness_db"], loudness.compute(audio, generation=1)[:1000], atol=1e-3)


def test_what_a_model_sings_is_measured_on_the_frames_that_it_heard():
    (window,) = tiny_training.windows(1)
    for centred in (False, True):
        listening = Listening(3, 3, centred=centred)
        heard = listening.window(window | {"loudness_db": loudness.compute(window["audio"], padding="same")[:1000]})
        again = listening.loudness_db(heard["audio"])[:1000]
        assert distance.loudness_db(heard["loudness_db"][8:], again[8:]) < 1e-3


def test_known_harmonics_and_noise_are_measured():
    t, f0_hz = np.arange(32_000) / 16_000, 233.0
    amplitudes = 0.2 / np.arange(1, 13)
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, len(t)) * 0.003
    audio = sum(a * np.sin(2 * np.pi * k * f0_hz * t + k) for k, a in enumerate(amplitudes, 1)) + noise
    starts = np.arange(0, 28_000, 500)
    found, magnitudes = measure(audio, np.full(len(starts), f0_hz), starts, CONFIG)
    np.testing.assert_allclose(found[:, :12], np.tile(amplitudes, (len(starts), 1)), rtol=0.03)
    assert np.isnan(found[:, 12:]).all(), "those that are not there"
    levels_db = 20 * np.log10(np.sqrt(np.nanmean(magnitudes**2, axis=0)) / 0.003)
    assert np.abs(levels_db[2:]).max() < 1.0, levels_db
    high, _ = measure(audio, np.full(3, 900.0), starts[:3], CONFIG)
    assert np.isnan(high[:, 7:]).all(), "nothing is asked above 7 kHz"


def test_only_clear_loud_frames_teach():
    (window,) = tiny_training.windows(1)
    options = {"quietest_db": -60.0, "centred": True}
    levels = wanted_levels(window, CONFIG, **options)
    assert levels.shape == (1000, 37) and np.isfinite(levels).any(axis=1).sum() > 50
    unclear = window | {"f0_confidence": np.zeros(1000, np.float32)}
    assert np.isnan(wanted_levels(unclear, CONFIG, **options)).all()
    assert np.isnan(wanted_levels(window, CONFIG, **options | {"quietest_db": 99.0})).all()
    weights = random_weights(CONFIG)
    kept = head_start(CONFIG, weights, [unclear], steps=3, centred=True)
    assert all(np.array_equal(kept[name], weight) for name, weight in weights.items()), "nothing to learn from"


def test_the_gradient_is_tensorflow_s_own():
    """Of the levels' error, by each of the decoder's weights: numpy's, beside a tape's over the engine that trains."""
    tf = runtime.tensorflow()
    for config in (CONFIG, replace(CONFIG, layers_per_stack=2, voicing=True, z=ZConfig(12, 4, 250))):
        rng, (window,) = np.random.default_rng(0), tiny_training.windows(1)
        weights = random_weights(config, seed=1)
        weights = {name: (x + rng.normal(0, 0.05, x.shape)).astype(np.float32) for name, x in weights.items()}
        wanted = wanted_levels(window, config, quietest_db=-60.0, centred=True)[::EVERY]
        decoder = LearningDecoder(config, weights)
        error = learn(decoder, [x[:, np.newaxis] for x in heard(config, weights, window)], wanted[:, np.newaxis])
        variables = {name: tf.Variable(value) for name, value in weights.items()}
        with tf.GradientTape() as tape:
            batch = {name: tf.constant(x[np.newaxis]) for name, x in window.items()}
            played = tf.concat(
                reconstruction.controls(config, variables, reconstruction.features(config, batch)), axis=2
            )
            apart = tf.abs(tf.math.log(played[::EVERY, 0] + SILENCE) - np.nan_to_num(wanted))
            known = np.isfinite(wanted)
            expected = tf.reduce_sum(tf.where(known, apart, 0.0)) / known.sum()
        assert error == pytest.approx(float(expected), rel=1e-5)
        names = [name for name in weights if name.startswith("decoder/")]
        gradients = tape.gradient(expected, [variables[name] for name in names])
        for name, gradient in zip(names, gradients):
            off = np.linalg.norm(decoder.gradients[name] - gradient) / np.linalg.norm(gradient)
            assert off < 2e-3, (name, off)


@pytest.mark.parametrize("z", [None, ZConfig(12, 4, 250)], ids=["plain", "z"])
def test_a_head_start_brings_the_sound_near(z):
    config = ModelConfig(rnn_channels=16, ch=16, layers_per_stack=1, n_harmonics=20, n_noise_bands=17, z=z)
    windows, weights, told = tiny_training.windows(2), random_weights(config, seed=1), []
    started = head_start(config, weights, windows, steps=150, centred=True, report=lambda *facts: told.append(facts))
    assert [step for step, _ in told] == list(range(1, 151)) and told[-1][1] < 0.6 * told[0][1]
    losses = [
        distance.spectral_loss(windows[0]["audio"], evaluation.resynthesised(render.load(config, which), windows[0]))
        for which in (weights, started)
    ]
    assert losses[1] < 0.7 * losses[0], losses
    assert all(np.array_equal(started[name], weights[name]) for name in weights if name.startswith("encoder/"))
    again = head_start(config, weights, windows, steps=2, centred=True, seed=1)
    other = head_start(config, weights, windows, steps=2, centred=True, seed=1)
    assert all(np.array_equal(again[name], other[name]) for name in weights), "the same seed, the same start"


def test_a_training_begins_with_a_head_start_and_never_has_a_second(workspace, tmp_path):
    stages = []
    run.train(
        workspace,
        "alto",
        tiny_training.tiny(steps=2, head_start_steps=30, centred_frames=False),
        report=lambda progress: stages.append(progress.stage),
        make_instrument=False,
    )
    path = workspace.audio / "alto_checkpoints"
    assert stages.count("head start") == 31 and stages.index("head start") < stages.index("training")
    trained = folder.config(path)
    assert (trained.head_start_steps, trained.centred_frames) == (30, False)
    first = checkpoints.newest_state(path, trained.model)[1].weights
    random = random_weights(trained.model)
    assert max(np.abs(first[name] - random[name]).max() for name in random) > 0.02, "further than two steps go"

    stages.clear()
    run.train(
        workspace,
        "alto",
        tiny_training.tiny(steps=4),
        report=lambda progress: stages.append(progress.stage),
        make_instrument=False,
    )
    assert "head start" not in stages and folder.config(path).centred_frames is False
    arguments = ["--workspace", str(workspace.root), "train", "alto", "--steps", "5", "--centred-frames"]
    assert cli.main(arguments) == 2, "frames stay where they were when it was begun"


def test_of_the_models_the_small_ones_have_a_head_start_and_all_are_centred():
    for config in recipes.configs():
        assert config.centred_frames and config.head_start_steps == (300 if "small" in config.name else 0)
        off = recipes.resolved(recipes.Recipe(config=config.name, centred_frames=False, head_start_steps=0))
        assert not off.centred_frames and off.head_start_steps == 0 and off.model == config.model
    with pytest.raises(SettingsError, match="head_start_steps is -1"):
        recipes.Recipe(head_start_steps=-1)
    with pytest.raises(SettingsError, match="centred_frames must be true or false"):
        recipes.Recipe(centred_frames="yes")
