"""Other ways of teaching: chosen by macros, off otherwise, and the same after a stop as without one."""

import numpy as np
import pytest

from ddsing.engine.tf import draws, gin_config, mel_loss, network, random_loss, reconstruction, runtime
from ddsing.engine.tf.step import Step
from ddsing.errors import SettingsError, TrainingError
from ddsing.formats import tfrecord
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.teaching import Teaching
from ddsing.model.weights import random_weights
from ddsing.training import checkpoints, folder, run
from ddsing.training.batches import Batches
from ddsing.training.listening import Listening
from ddsing.training.recipe import Recipe, config_file, configs, parsed, resolved
from tests.support import tiny_training

ALL = {"loss_mel": 0.25, "loss_random": 0.5, "loudness_augmentation_db": 6.0, "room_ms": 50.0}
ALL |= {"z_dropout": 0.25, "z_noise": 0.5}
CONFIG = ModelConfig(
    rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=6, n_noise_bands=9, z=ZConfig(6, 3, 500), noise_window_size=0
)


def test_every_file_leaves_them_off_and_a_recipe_turns_them_on():
    assert all(config.teaching == Teaching() for config in configs())
    recipe = Recipe(config="singing_z_small", macros=ALL)
    assert resolved(recipe).teaching == Teaching(**ALL) and resolved(recipe).model == config_file(recipe.config).model
    assert Recipe.from_options({**recipe.to_json(), "macros": [list(pair) for pair in ALL.items()]}) == recipe
    assert Recipe(steps=5).merged(recipe.to_json()).macros == recipe.macros and recipe.names_a_model


@pytest.mark.parametrize(
    ("macros", "sentence"),
    [
        ({"loss_mel": 1.5}, "loss_mel is 1.5; it must be 0 to 1"),
        ({"z_noise": "@os.system('x')"}, "z_noise is"),
        ({"reverb": 1.0}, "no macro 'reverb'; known are loss_mel"),
        (7, "names with numbers"),
        ({"loss_mel": 0.5, "loss_random": 0.6}, "0.5 and 0.6; together they must be at most 1"),
    ],
)
def test_what_a_recipe_refuses(macros, sentence):
    with pytest.raises(SettingsError, match=sentence):
        Recipe(macros=macros)


@pytest.mark.parametrize("name", ["z_noise", "z_dropout"])
def test_what_disturbs_z_needs_z(name):
    with pytest.raises(SettingsError, match="does not follow timbre"):
        resolved(Recipe(config="singing_small", macros={name: 0.5}))


@pytest.mark.slow
def test_the_operative_configuration_tells_those_that_are_on():
    asked = resolved(Recipe(config="singing_z_small", n_harmonics=5, macros={"z_noise": 0.5, "loss_mel": 1e-5}))
    text = gin_config.operative(asked.text)
    assert parsed("again", text).teaching == asked.teaching == Teaching(loss_mel=1e-5, z_noise=0.5)
    assert "loudness_augmentation_db" not in text


@pytest.fixture
def records(workspace):
    path = tiny_training.prepared_voice(workspace, "alto", n_train=3, n_held_out=0)
    with tfrecord.open_all(path.with_name("alto_dataset"), "train") as found:
        yield found


@pytest.mark.slow
def test_louder_windows_are_louder_in_sound_and_loudness_alike_and_the_same_each_time(records):
    def batch(step, **macros):
        made = Batches(records, 2, 250, 3, Listening(3, 3, centred=True), Teaching(**macros))
        try:
            return made.get(step)
        finally:
            made.close()

    plain, louder = batch(4), batch(4, loudness_augmentation_db=6.0)
    sounding = plain["loudness_db"] > -50.0
    for row in range(2):
        gains_db = (louder["loudness_db"] - plain["loudness_db"])[row][sounding[row]]
        of_sound_db = 20 * np.log10(np.linalg.norm(louder["audio"][row]) / np.linalg.norm(plain["audio"][row]))
        assert 0.01 < abs(of_sound_db) <= 6.0 and np.abs(gains_db - of_sound_db).max() < 1e-3
    assert all(np.array_equal(louder[name], batch(4, loudness_augmentation_db=6.0)[name]) for name in louder)
    assert np.array_equal(louder["f0_hz"], plain["f0_hz"])
    assert not np.array_equal(batch(5, loudness_augmentation_db=6.0)["audio"], louder["audio"])


@pytest.mark.slow
def test_the_mel_loss_is_the_distance_of_ddsp_s_mel_spectra():
    ddsp, random = runtime.ddsp(), np.random.default_rng(0)
    target, audio = (random.normal(0.0, 0.1, (2, 16_000)).astype(np.float32) for _ in range(2))
    expected = 0.0
    for size, bins in ((2048, 80), (1024, 64), (256, 32)):
        first, second = (
            ddsp.spectral_ops.compute_mel(x, lo_hz=20.0, hi_hz=8000.0, bins=bins, fft_size=size, overlap=0.75).numpy()
            for x in (target, audio)
        )
        expected += 2.0 * np.abs(np.log(first + 1e-5) - np.log(second + 1e-5)).mean()
    assert abs(float(mel_loss.mel_loss(target, audio)) / expected - 1.0) < 0.02, "up to its padding"
    assert float(mel_loss.mel_loss(audio, audio)) == 0.0
    assert float(mel_loss.mel_loss(audio, 2.0 * audio)) == pytest.approx(6.0 * np.log(2.0), rel=0.1)


@pytest.mark.slow
def test_the_random_loss_is_numpy_s_distance_of_spectra_of_the_pieces_that_are_drawn():
    tf, random = runtime.tensorflow(), np.random.default_rng(0)
    target, audio = (random.normal(0.0, 0.1, (2, 16_000)).astype(np.float32) for _ in range(2))
    drawn = [tuple(x.numpy() for x in draws.cuts(3, step, 16_000)) for step in (7, 7, 8)]
    assert all(np.array_equal(*pair) for pair in zip(*drawn[:2])), "a function of seed and step"
    assert not np.array_equal(drawn[0][0], drawn[2][0])
    expected = 0.0
    for size, start in zip(*drawn[0]):
        assert size in draws.SIZES and 0 <= start < size
        n_pieces, window = (16_000 - start) // size, 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)
        first, second = (
            np.abs(np.fft.rfft(x[:, start : start + n_pieces * size].reshape(2, n_pieces, size) * window))
            for x in (target, audio)
        )
        expected += 6 / 4 * (np.abs(first - second).mean() + np.abs(np.log(first) - np.log(second)).mean())

    @tf.function
    def at(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = random_loss.random_loss(target, x, *draws.cuts(3, 7, 16_000))
        return loss, tape.gradient(loss, x)

    loss, gradient = (x.numpy() for x in at(tf.constant(audio)))
    assert loss == pytest.approx(expected, rel=1e-3)
    shift = (1e-4 * random.normal(size=audio.shape)).astype(np.float32)
    more, less = (float(at(tf.constant(audio + sign * shift))[0]) for sign in (1, -1))
    assert more - less == pytest.approx(2.0 * float((gradient * shift).sum()), rel=0.1)
    assert np.isfinite(at(tf.zeros([2, 16_000]))[1].numpy()).all()


@pytest.mark.slow
def test_numbers_of_z_are_left_out_of_whole_windows_and_the_others_raised():
    tf, teaching = runtime.tensorflow(), Teaching(z_dropout=0.25)
    kept = draws.of_z(CONFIG, teaching, (4000, 8000), 5, 2)["z_kept"].numpy()
    assert kept.shape == (4000, 1, 3) and np.allclose(np.unique(kept), [0.0, 4 / 3]) and abs(kept.mean() - 1.0) < 0.02
    assert np.array_equal(kept, draws.of_z(CONFIG, teaching, (4000, 8000), 5, 2)["z_kept"].numpy())
    assert not np.array_equal(kept, draws.of_z(CONFIG, teaching, (4000, 8000), 5, 3)["z_kept"].numpy())
    assert not draws.of_z(CONFIG, Teaching(), (2, 8000), 5, 2)

    weights = {name: tf.constant(x) for name, x in random_weights(CONFIG, seed=1).items()}
    mfccs = reconstruction.features(CONFIG, {name: tf.constant(x) for name, x in batch(0).items()})["mfccs"]
    whole, some = (network.encode(weights, mfccs, 125, **given).numpy() for given in ({}, {"kept": kept[:2]}))
    np.testing.assert_allclose(some, whole * kept[:2].transpose(1, 0, 2), rtol=1e-5)


def batch(seed):
    random = np.random.default_rng(seed)
    curves = {"f0_hz": random.uniform(200.0, 300.0, (2, 125)), "loudness_db": random.uniform(-40.0, -20.0, (2, 125))}
    return {name: x.astype(np.float32) for name, x in (curves | {"audio": random.normal(0, 0.1, (2, 8000))}).items()}


@pytest.mark.slow
def test_a_step_reports_ddsp_s_loss_learns_by_another_and_goes_on_after_a_stop_as_without():
    weights = random_weights(CONFIG, seed=1)

    def step(teaching):
        return Step(CONFIG, weights, batch_size=2, window_frames=125, seed=3, teaching=teaching)

    plain, other = step(Teaching()), step(Teaching(loss_mel=0.5))
    assert plain.run(batch(0)) == pytest.approx(other.run(batch(0)), rel=1e-6)
    assert any(not np.array_equal(x, other.weights()[name]) for name, x in plain.weights().items())

    noisy = Teaching(loss_mel=0.5, loss_random=0.25, z_noise=0.5, z_dropout=0.5)
    through, first, second = step(noisy), step(noisy), step(noisy)
    losses = [through.run(batch(number)) for number in range(4)]
    before = [first.run(batch(number)) for number in range(2)]
    second.set_state(first.weights(), first.slots(), first.iterations)
    assert before + [second.run(batch(number)) for number in (2, 3)] == losses
    assert losses != [plain.run(batch(number)) for number in range(4)]


@pytest.mark.slow
def test_a_training_goes_on_as_it_was_taught(tiny_models, workspace):
    """Stopped and resumed, by a command that says nothing about it; and refused where it says something else."""
    path = tiny_training.prepared_voice(workspace, "alto", n_train=3, n_held_out=0)
    other = tiny_training.prepared_voice(workspace, "bass", n_train=3, n_held_out=0)
    macros, done = {"loss_mel": 0.25, "loss_random": 0.5, "loudness_augmentation_db": 3.0, "room_ms": 20.0}, []
    recipe = tiny_training.tiny(steps=4, save_every=2, macros=macros, lr_end=0.01)
    run.train(workspace, "alto", recipe, make_instrument=False)
    stops = {"report": lambda progress: done.append(progress.step), "should_stop": lambda: max(done, default=0) >= 2}
    assert run.train(workspace, "bass", recipe, make_instrument=False, **stops).stopped
    run.train(workspace, "bass", Recipe(), make_instrument=False)
    model = folder.config(path)
    assert model.teaching == Teaching(**macros) and (model.lr_decay_steps, model.lr_decay_rate) == (4, 0.01)
    whole, parts = (checkpoints.get(where, 4).state(model.model).weights for where in (path, other))
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    with pytest.raises(TrainingError, match="started with another model"):
        run.train(workspace, "bass", Recipe(steps=6, macros={"loss_mel": 1.0}), make_instrument=False)
