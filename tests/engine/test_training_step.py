"""A training step against ddsp's own Trainer: losses, gradients, state, and that sharing a batch changes nothing."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ddsing.engine.tf import autoencoder as models
from ddsing.engine.tf import memory, precision, reconstruction, runtime, synthesis
from ddsing.engine.tf.spectral_loss import spectral_loss
from ddsing.engine.tf.step import Step
from ddsing.engine.tf.twin import Twin, learnt, own_variables
from ddsing.errors import SettingsError
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.teaching import Teaching
from ddsing.model.weights import random_weights
from ddsing.sound.distance import FFT_SIZES
from ddsing.training import recipe as recipes
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

CONFIG = ModelConfig(rnn_channels=16, ch=16, layers_per_stack=2, n_harmonics=20, n_noise_bands=17)
BATCH_SIZE, N_FRAMES, SEED = 2, 125, 5


def batch(seed, *, batch_size=BATCH_SIZE, n_frames=N_FRAMES):
    """Windows of a harmonic sound with vibrato and some noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_frames) / 250
    f0_hz = 220.0 * 2.0 ** (rng.uniform(-1, 1, (batch_size, 1)) + 0.02 * np.sin(2 * np.pi * 5 * t))
    loudness_db = -35.0 + 15.0 * np.sin(2 * np.pi * t * rng.uniform(0.3, 1.0, (batch_size, 1)))
    f0_samples = np.repeat(f0_hz, 64, axis=1)
    cycles = np.cumsum(f0_samples, axis=1) / 16_000
    tone = sum(np.sin(2 * np.pi * k * cycles) / k * (k * f0_samples < 8000) for k in range(1, 20))
    gain = 0.1 * 10.0 ** ((np.repeat(loudness_db, 64, axis=1) + 35.0) / 20.0)
    sound = {"audio": tone * gain + rng.normal(0, 0.003, tone.shape), "f0_hz": f0_hz, "loudness_db": loudness_db}
    return {name: x.astype(np.float32) for name, x in sound.items()}


def ddsp_trainer(config, weights, *, n_frames=N_FRAMES):
    """ddsp's Trainer, with the model that it trains; its draws begin anew."""
    tf = runtime.tensorflow()
    model = models.autoencoder(config, n_samples=64 * n_frames)
    models.assign_weights(model, config, weights)
    tf.random.set_seed(SEED)
    return runtime.ddsp().training.trainers.Trainer(model, tf.distribute.get_strategy()), model


def distance(a, b):
    """The size of a difference, as a share of the size of `b`."""
    return np.linalg.norm(np.asarray(a) - np.asarray(b)) / np.linalg.norm(b)


def smooth_point(*, batch_size=BATCH_SIZE):
    """(model, weights, batch) where rounding moves the gradient little, for steps with the seed `SEED`.

    The gradient of a log magnitude is 1/|V|: near a bin that is zero but for rounding it can be anything, and in a
    window of tones there are many. Here the noise is loud in target and voice, and in this draw no bin comes near zero.
    """
    config = replace(CONFIG, noise_initial_bias=0.0)
    weights, given = random_weights(config, seed=1), batch(20, batch_size=batch_size)
    noise = np.random.default_rng(20).normal(0, 0.1, given["audio"].shape).astype(np.float32)
    levels = np.float32([1.0, 0.1, 0.3, 0.03])[:batch_size, np.newaxis]  # every window has a gradient of its own
    given["audio"] = (given["audio"] + noise) * levels
    assert nearest_to_zero(config, weights, given) > 5e-5, "rounding is less than a hundredth of any magnitude"
    return config, weights, given


def nearest_to_zero(config, weights, given):
    """The smallest magnitude of all spectra of the voice that the loss looks at, as a share of their usual size."""
    tf = runtime.tensorflow()
    noise = synthesis.ddsp_noise(SEED, 0, given["audio"].shape)
    prepared = reconstruction.prepare(config, {name: tf.constant(x) for name, x in given.items()}, noise)
    audio = reconstruction.audio(config, weights, prepared, dtype="float32")
    spectra = [(size, tf.signal.stft(audio, size, size // 4, size, pad_end=True)) for size in FFT_SIZES]
    return min(float(tf.reduce_min(tf.abs(x))) / size**0.5 for size, x in spectra) / float(np.std(audio))


def averages(optimizer, model, config):
    """Adam's averages of the gradient and of its square, as `Step.slots` gives them."""
    names = models.variables(model, config)
    kinds = {"m": optimizer._momentums, "v": optimizer._velocities}
    by_variable = {kind: {v.ref(): x for v, x in zip(model.trainable_variables, xs)} for kind, xs in kinds.items()}
    return {kind: {name: found[v.ref()].numpy() for name, v in names.items()} for kind, found in by_variable.items()}


def test_a_step_leaves_the_averages_weights_and_checkpoint_of_ddsp_s_trainer(tmp_path):
    """Two steps, both clipped, the second from the state of ddsp's first."""
    tf = runtime.tensorflow()
    config, weights, given = smooth_point()
    trainer, theirs = ddsp_trainer(config, weights)
    step = Step(config, weights, batch_size=BATCH_SIZE, window_frames=N_FRAMES, seed=SEED)
    for number in range(2):
        before = models.read_weights(theirs, config)
        if number:
            step.set_state(before, averages(trainer.optimizer, theirs, config), number)
        expected = float(trainer.train_step({name: tf.constant(x) for name, x in given.items()})["total_loss"])
        assert step.run(given) == pytest.approx(expected, rel=1e-5), "the same noise, the same phases"
        assert step.iterations == number + 1
        for kind, wanted in averages(trainer.optimizer, theirs, config).items():
            for name, average in wanted.items():
                assert distance(step.slots()[kind][name], average) < 1e-3, (number, kind, name)
        after = models.read_weights(theirs, config)
        assert distance(flat(step.weights()) - flat(before), flat(after) - flat(before)) < 1e-3, number

    def names(checkpoint, name):
        return {name for name, _ in tf.train.list_variables(checkpoint.write(str(tmp_path / name)))}

    assert names(step.checkpoint_object(), "ours") == names(trainer.get_checkpoint(), "theirs")


def test_a_checkpoint_holds_the_weights_and_averages_of_now(tmp_path):
    """By ddsp's own names, from variables that ddsp has no part in, in the order in which its model learns."""
    config = replace(CONFIG, z=ZConfig(12, 4, 250), voicing=True)
    own, theirs = (
        own_variables(config),
        Twin(config, runtime.tensorflow().keras.optimizers.schedules.ExponentialDecay(1e-3, 9, 1.0)),
    )
    assert list(own) == list(theirs.variables)
    names = {variable.ref(): name for variables in (own, theirs.variables) for name, variable in variables.items()}
    assert [names[x.ref()] for x in learnt(own)] == [names[x.ref()] for x in theirs.model.trainable_variables]
    step = Step(CONFIG, random_weights(CONFIG, seed=1), batch_size=BATCH_SIZE, window_frames=N_FRAMES)
    for number in range(2):  # the second time from a twin that is there already
        step.run(batch(number))
        saved = step.checkpoint_object().write(str(tmp_path / f"at-{number}"))
        trainer, model = ddsp_trainer(CONFIG, random_weights(CONFIG, seed=2))
        trainer.optimizer.build(model.trainable_variables)
        trainer.get_checkpoint().read(saved).assert_consumed()
        assert int(trainer.step.numpy()) == step.iterations == number + 1
        np.testing.assert_array_equal(flat(models.read_weights(model, CONFIG)), flat(step.weights()))
        for kind, found in averages(trainer.optimizer, model, CONFIG).items():
            np.testing.assert_array_equal(flat(found), flat(step.slots()[kind]))
        rate = trainer.optimizer._current_learning_rate
        assert float(rate) == float(step._optimizer._current_learning_rate) > 0.0


def test_what_is_compiled_ahead_leaves_no_trace():
    options = {"batch_size": BATCH_SIZE, "window_frames": N_FRAMES, "seed": SEED, "teaching": Teaching(room_ms=20.0)}
    weights, steps = random_weights(CONFIG, seed=1), []
    for ahead in (False, True):
        step = Step(CONFIG, random_weights(CONFIG, seed=2) if ahead else weights, **options)
        if ahead:
            step.trace()
            step.compile()
            assert step.iterations == 0 and not flat(step.slots()["m"]).any()
            step.begin_with(weights)
        steps.append((step, [step.run(batch(number)) for number in range(2)]))
    (plain, losses), (ahead, again) = steps
    assert losses == again
    np.testing.assert_array_equal(flat(plain.weights()), flat(ahead.weights()))
    np.testing.assert_array_equal(plain.room.taps.numpy(), ahead.room.taps.numpy())
    assert plain._update.experimental_get_tracing_count() == ahead._update.experimental_get_tracing_count() == 1


def flat(arrays):
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


def test_at_ddsp_s_own_weights_each_of_20_steps_of_the_small_model_loses_the_same():
    """Free of what the singular gradient of log magnitudes makes of rounding, see `benchmarks.training`."""
    config, n_frames = recipes.config_file("singing_small").model, 250
    weights, batches = random_weights(config, seed=1), [batch(seed, n_frames=n_frames) for seed in range(4)]
    trainer, theirs = ddsp_trainer(config, weights, n_frames=n_frames)
    step = Step(config, weights, batch_size=BATCH_SIZE, window_frames=n_frames, seed=SEED)
    tf, found, expected = runtime.tensorflow(), [], []
    for number in range(20):
        given = batches[number % 4]
        step.set_state(models.read_weights(theirs, config), step.slots(), number)
        found.append(step.run(given))
        expected.append(float(trainer.train_step({name: tf.constant(x) for name, x in given.items()})["total_loss"]))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert expected[-1] < 0.95 * expected[3], "they do learn"


@pytest.mark.parametrize(
    "changes",
    [{"generation": 1, "amp_resample_method": "linear", "normalize_below_nyquist": False}, {"z": ZConfig(12, 4, 250)}],
    ids=["2021", "z"],
)
def test_gradients_are_those_of_ddsp_s_own_model(changes):
    """Through network and synthesis, of a sum over the audio with random signs."""
    tf = runtime.tensorflow()
    config = ModelConfig(**{**vars(CONFIG), **changes})
    rng = np.random.default_rng(0)
    weights = random_weights(config, seed=2)
    weights = {name: (x + rng.normal(0, 0.05, x.shape)).astype(np.float32) for name, x in weights.items()}
    given = {name: tf.constant(x) for name, x in batch(3).items()}
    signs = tf.constant(rng.choice([-1.0, 1.0], given["audio"].shape), tf.float32)
    _, model = ddsp_trainer(config, weights)
    variables = models.variables(model, config)

    def of(audio_of):
        @tf.function
        def gradients():
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(audio_of() * signs)
            return tape.gradient(total, list(variables.values()))

        return dict(zip(variables, gradients()))

    theirs = of(lambda: model(dict(given), training=False)["audio_synth"])
    noise = synthesis.ddsp_noise(SEED, 0, given["audio"].shape)
    prepared = reconstruction.prepare(config, given, noise)
    ours = of(lambda: reconstruction.audio(config, variables, prepared, dtype="float32"))
    assert max(distance(ours[name], theirs[name]) for name in variables) < 1e-4


def test_the_loss_is_ddsp_s_and_so_is_its_gradient():
    tf, rng = runtime.tensorflow(), np.random.default_rng(1)
    target, audio = (tf.constant(rng.normal(0, 1, (2, 3000)), tf.float32) for _ in range(2))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(audio)
        ours = spectral_loss(target, audio)
        theirs = runtime.ddsp().losses.SpectralLoss(logmag_weight=1.0)(target, audio)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    assert distance(tape.gradient(ours, audio), tape.gradient(theirs, audio)) < 1e-3
    silence = tf.zeros_like(audio)
    with tf.GradientTape() as tape:
        tape.watch(silence)
        loss = spectral_loss(target, silence)
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, silence)).all()


@pytest.mark.parametrize(("level", "louder"), [(1e-8, 6.0), (1e-6, 1.1), (1e-3, -6.1)])
def test_where_the_recording_is_digitally_silent_the_gradient_is_ddsp_s_too(level, louder):
    """ddsp's logarithms take silence for magnitudes of 1e-5: of noise that is all softer, none is to become softer."""
    tf, rng = runtime.tensorflow(), np.random.default_rng(1)
    target, audio = tf.zeros([2, 3072]), tf.constant(rng.normal(0, level, (2, 3072)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(audio)
        ours = spectral_loss(target, audio)
        theirs = runtime.ddsp().losses.SpectralLoss(logmag_weight=1.0)(target, audio)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    found = tape.gradient(ours, audio)
    assert distance(found, tape.gradient(theirs, audio)) < 1e-3
    assert -float(tf.reduce_sum(found * audio)) == pytest.approx(louder, abs=0.1), "where the level is to go"


def test_sinusoids_have_ddsp_s_phases():
    """Compiled sample by sample, and by TensorFlow's cumulative sum as ddsp: the same, drift and all."""
    tf, core = runtime.tensorflow(), runtime.ddsp().core
    f0_hz = batch(1, n_frames=500)["f0_hz"]

    @tf.function  # its optimiser simplifies ddsp's arithmetic, in ddsp's training as well
    def expected():
        harmonic_hz = core.resample(core.get_harmonic_frequencies(f0_hz[..., np.newaxis], 30), 32_000)
        phase = tf.cumsum(harmonic_hz * (2.0 * np.pi) / 16_000.0, axis=1)
        return tf.where(harmonic_hz >= 8000.0, 0.0, tf.sin(phase))

    expected = expected().numpy().reshape(BATCH_SIZE, 500, 64, 30).transpose(1, 0, 2, 3)
    for waves in (synthesis.waves, lambda n, x: synthesis._waves_by_sum(n)(x)):
        np.testing.assert_allclose(waves(30, tf.constant(f0_hz.T)), expected, atol=1e-6)


def test_going_on_from_a_state_is_going_on():
    weights = random_weights(CONFIG, seed=3)
    options = {
        "batch_size": BATCH_SIZE,
        "window_frames": N_FRAMES,
        "lr_decay_steps": 2,
        "lr_decay_rate": 0.5,
        "seed": 1,
    }
    step, other = Step(CONFIG, weights, **options), Step(CONFIG, random_weights(CONFIG, seed=4), **options)
    for seed in range(3):
        step.run(batch(seed))
    before = step.losses(batch(9))
    assert step.losses(batch(9)) == pytest.approx(before, rel=1e-6) and step.iterations == 3
    other.set_state(step.weights(), step.slots(), step.iterations)
    for seed in range(3, 6):
        assert other.run(batch(seed)) == pytest.approx(step.run(batch(seed)), rel=1e-3)
    for name, weight in step.weights().items():
        np.testing.assert_allclose(other.weights()[name], weight, atol=1e-3)
    assert step.losses(batch(9, batch_size=1)).keys() == before.keys()  # of any size


@pytest.mark.parametrize("options", [{"n_parts": 2}, {"devices": ["/device:CPU:0"] * 2}], ids=["parts", "devices"])
def test_a_shared_batch_has_the_same_gradient(options):
    config, weights, given = smooth_point(batch_size=4)
    whole, shared = (
        Step(config, weights, batch_size=4, window_frames=N_FRAMES, grad_clip_norm=1e9, seed=SEED, **more)
        for more in ({"n_parts": 1}, options)
    )
    assert shared.run(given) == pytest.approx(whole.run(given), rel=1e-5)
    for name, average in whole.slots()["m"].items():
        assert distance(shared.slots()["m"][name], average) < 1e-3, name


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(SettingsError, match="3 windows"):
        Step(CONFIG, random_weights(CONFIG), batch_size=3, n_parts=2, window_frames=N_FRAMES)


def test_mixed_precision_learns_as_well():
    weights, given = random_weights(CONFIG, seed=1), batch(0)
    exact, mixed = (
        Step(CONFIG, weights, batch_size=BATCH_SIZE, window_frames=N_FRAMES, mixed_precision=mixed)
        for mixed in (False, True)
    )
    assert mixed.losses(given)["total_loss"] == pytest.approx(exact.losses(given)["total_loss"], rel=0.02)
    losses = [mixed.run(given) for _ in range(12)]
    assert losses[-1] < 0.95 * losses[0]
    assert all(weight.dtype == np.float32 and np.isfinite(weight).all() for weight in mixed.weights().values())


def test_an_overflow_in_float16_leaves_the_step_out():
    tf = runtime.tensorflow()
    scale, n_applied = precision.LossScale(), tf.Variable(0)
    before = float(scale.value)
    for norm in (1.0, np.inf, np.nan, 1.0):
        tf.function(scale.apply_if_finite)(tf.constant(norm), lambda: n_applied.assign_add(1))
    assert n_applied.numpy() == 2
    assert float(scale.value) == before / 4


PEAK = """
import sys
from ddsing.engine.tf.step import Step
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
import numpy as np
batch_size, n_frames, config = int(sys.argv[1]), int(sys.argv[2]), ModelConfig()
step = Step(config, random_weights(config), batch_size=batch_size, window_frames=n_frames, n_parts=1)
given = {"audio": np.zeros((batch_size, 64 * n_frames), np.float32) + 0.1}
given |= {name: np.full((batch_size, n_frames), value, np.float32) for name, value in
          (("f0_hz", 220.0), ("loudness_db", -30.0))}
step.run(given)
(line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]  # ru_maxrss is also the parent's
print(line.split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is asked of Linux")
def test_a_window_takes_the_memory_that_is_reckoned_with_and_the_full_model_fits_a_laptop():
    n_frames, few, many = 500, 1, 5

    def peak_bytes(batch_size):
        command = [sys.executable, "-c", PEAK, str(batch_size), str(n_frames)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        return 1024 * int(done.stdout.split()[-1])

    taken_bytes = (peak_bytes(many) - peak_bytes(few)) / (many - few)
    reckoned_bytes = memory.step_bytes(ModelConfig(), n_frames)
    assert 0.4 < taken_bytes / reckoned_bytes < 1.5  # 0.49 (SSE4.1) to 0.58 (no oneDNN) measured
    assert 32 * memory.step_bytes(ModelConfig(), 1000) < 8e9
