"""Decoding and synthesis against ddsp itself: 1.6.3's own output for instruments of 2021, ddsp 3.7 for today's."""

import threading
import tracemalloc
import zipfile
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from ddsing.engine import decoder, render
from ddsing.engine.synthesis import HarmonicStream, NoiseStream
from ddsing.engine.tf import autoencoder as models
from ddsing.engine.tf import runtime
from ddsing.errors import Cancelled, FeaturesError
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.weights import random_weights
from ddsing.sound import blas
from tests.support.paths import GOLDEN

OF_2021 = {
    "generation": 1,
    "rnn_channels": 48,
    "ch": 48,
    "layers_per_stack": 2,
    "n_harmonics": 40,
    "n_noise_bands": 33,
    "noise_window_size": 0,
}
SMALL = ModelConfig(rnn_channels=32, ch=32, layers_per_stack=1, n_harmonics=20, n_noise_bands=17)


def features(n_samples, seed=0):
    rng = np.random.default_rng(seed)
    n_frames = n_samples // 64 + 1
    glide = np.cumsum(rng.normal(0.0, 0.01, n_frames))
    return (220.0 * 2.0**glide).astype(np.float32), rng.uniform(-60.0, -20.0, n_frames).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    return render.load(SMALL, random_weights(SMALL, seed=1))


@pytest.mark.parametrize(("name", "z"), [("singing_2021", None), ("singing_z_2021", ZConfig(32, 8, 125))])
@pytest.mark.slow
def test_instruments_of_2021_give_the_controls_of_ddsp_1_6_3(name, z, tmp_path):
    config = ModelConfig(z=z, **OF_2021)
    with zipfile.ZipFile(GOLDEN / f"{name}.zip") as archive:
        for member in ("ckpt-3.index", "ckpt-3.data-00000-of-00001"):
            (tmp_path / member).write_bytes(archive.read(member))
    reader = runtime.tensorflow().train.load_checkpoint(str(tmp_path / "ckpt-3"))
    weights = {key: reader.get_tensor(f"model/{key}/.ATTRIBUTES/VARIABLE_VALUE") for key in config.weight_shapes()}
    golden = np.load(GOLDEN / f"{name}.npz")
    rendering = render.render(
        render.load(config, weights),
        golden["in/f0_hz"][0],
        golden["in/loudness_db"][0],
        n_samples=64_000,
        audio=golden["in/audio"][0],
        keep_controls=True,
    )
    np.testing.assert_allclose(rendering.controls["amps"], golden["harmonic/amplitudes"][0], atol=1e-5)
    expected = golden["harmonic/harmonic_distribution"][0]
    np.testing.assert_allclose(rendering.controls["harmonic_distribution"], expected, atol=1e-5)
    np.testing.assert_allclose(
        rendering.controls["noise_magnitudes"], golden["filtered_noise/magnitudes"][0], atol=1e-5
    )
    # ddsp sums its phase in float32 and drifts; the first tenth of a second has not drifted yet.
    np.testing.assert_allclose(rendering.harmonic[:1600], golden["harmonic/signal"][0, :1600], atol=1e-4)


@pytest.mark.slow
def test_a_model_of_today_gives_the_controls_and_the_signal_of_ddsp_3_7():
    config = ModelConfig(rnn_channels=64, ch=64)
    weights = random_weights(config, seed=3)
    autoencoder = models.autoencoder(config, n_samples=32_000)
    models.assign_weights(autoencoder, config, weights)
    f0_hz, loudness_db = (x[:500] for x in features(32_000))
    tf = runtime.tensorflow()
    inputs = {"audio": tf.zeros([1, 32_000]), "f0_hz": f0_hz[None], "loudness_db": loudness_db[None]}
    theirs = autoencoder(inputs, training=False)
    ours = render.render(render.load(config, weights), f0_hz, loudness_db, n_samples=32_000, keep_controls=True)
    for name, processor, key in (
        ("amps", "harmonic", "amplitudes"),
        ("harmonic_distribution", "harmonic", "harmonic_distribution"),
        ("noise_magnitudes", "filtered_noise", "magnitudes"),
    ):
        np.testing.assert_allclose(ours.controls[name], theirs[processor]["controls"][key].numpy()[0], atol=1e-5)
    np.testing.assert_allclose(ours.harmonic[:1600], theirs["harmonic"]["signal"].numpy()[0, :1600], atol=1e-3)
    assert models.read_weights(autoencoder, config).keys() == weights.keys()


@pytest.mark.slow
@pytest.mark.parametrize("window_size", [0, 257, 33, 100])
def test_noise_is_filtered_as_ddsp_filters_it(window_size):
    config = ModelConfig(noise_window_size=window_size)
    magnitudes = np.random.default_rng(0).random((100, 65)).astype(np.float32)
    draw = NoiseStream(config, seed=5)._draw(100).ravel()
    expected = runtime.ddsp().core.frequency_filter(draw[None], magnitudes[None], window_size=window_size).numpy()[0]
    stream = NoiseStream(config, seed=5)
    ours = np.concatenate([stream.next(magnitudes), stream.next(np.zeros((4, 65), np.float32))])
    np.testing.assert_allclose(ours[stream.delay :][:6400], expected, atol=2e-6)


def ddsps_own_autoencoder(config, n_samples):
    """ddsp 3.7's `Autoencoder` of its own parts as they are, called once; nothing of ours in it."""
    ddsp = runtime.ddsp()
    dag = [
        (ddsp.synths.Harmonic(n_samples=n_samples), ["amps", "harmonic_distribution", "f0_hz"]),
        (ddsp.synths.FilteredNoise(n_samples=n_samples, window_size=0, initial_bias=-5.0), ["noise_magnitudes"]),
        (ddsp.processors.Add(name="add"), ["filtered_noise/signal", "harmonic/signal"]),
    ]
    encoder = None
    if config.z:
        encoder = ddsp.training.encoders.MfccTimeDistributedRnnEncoder(
            rnn_channels=config.z.rnn_channels, z_dims=config.z.z_dims, z_time_steps=config.z.z_time_steps
        )
    return ddsp.training.models.Autoencoder(
        preprocessor=ddsp.training.preprocessing.F0LoudnessPreprocessor(
            time_steps=n_samples // 64, compute_loudness=False
        ),
        encoder=encoder,
        decoder=ddsp.training.decoders.RnnFcDecoder(
            rnn_channels=config.rnn_channels,
            ch=config.ch,
            layers_per_stack=config.layers_per_stack,
            input_keys=config.input_keys,
            output_splits=config.output_splits,
        ),
        processor_group=ddsp.processors.ProcessorGroup(dag=dag),
        losses=[],
    )


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [32_000, 64_000])
@pytest.mark.parametrize("z", [None, *(ZConfig(24, 8, rate) for rate in (125, 250, 500))])
def test_controls_are_those_of_ddsp_s_own_parts(n_samples, z):
    config = ModelConfig(rnn_channels=48, ch=40, layers_per_stack=2, n_harmonics=30, n_noise_bands=20, z=z)
    weights = random_weights(config, seed=4)
    f0_hz, loudness_db = (x[: n_samples // 64] for x in features(n_samples))
    audio = np.random.default_rng(2).normal(0.0, 0.1, n_samples).astype(np.float32)
    autoencoder = ddsps_own_autoencoder(config, n_samples)
    inputs = {"audio": audio[None], "f0_hz": f0_hz[None, :, None], "loudness_db": loudness_db[None, :, None]}
    autoencoder(inputs, training=False)
    models.assign_weights(autoencoder, config, weights)
    theirs = autoencoder(inputs, training=False)
    ours = render.render(
        render.load(config, weights), f0_hz, loudness_db, n_samples=n_samples, audio=audio, keep_controls=True
    )
    for name, processor, key in (
        ("amps", "harmonic", "amplitudes"),
        ("harmonic_distribution", "harmonic", "harmonic_distribution"),
        ("noise_magnitudes", "filtered_noise", "magnitudes"),
    ):
        np.testing.assert_allclose(ours.controls[name], theirs[processor]["controls"][key].numpy()[0], atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["window", "linear", "nearest"])
def test_a_whole_harmonic_signal_is_ddsp_s_formula_in_double_precision(method):
    n_frames, n_harmonics = 500, 40
    config = ModelConfig(n_harmonics=n_harmonics, amp_resample_method=method)
    f0_hz = features(n_frames * 64)[0][:n_frames]
    amplitudes = np.random.default_rng(3).random((n_frames, n_harmonics)).astype(np.float32) / n_harmonics
    ddsp = runtime.ddsp()
    f0_samples = ddsp.core.resample(f0_hz, n_frames * 64).numpy().astype(np.float64)
    envelopes = ddsp.core.resample(amplitudes[None], n_frames * 64, method=method).numpy()[0]
    numbers = np.arange(1, n_harmonics + 1)
    waves = np.sin(2.0 * np.pi * np.outer(np.cumsum(f0_samples) / 16_000, numbers)) * (
        np.outer(f0_samples, numbers) < 8000.0
    )
    stream = HarmonicStream(config)
    held = np.append(f0_hz, f0_hz[-1:]), np.concatenate([amplitudes, amplitudes[-1:]])
    ours = [
        stream.next(held[0][start : start + 101], held[1][start : start + 101]) for start in range(0, n_frames, 100)
    ]
    # ddsp's f0 is interpolated in float32: over 2 s the phase of the highest harmonic differs by some 1e-4 of a turn.
    np.testing.assert_allclose(np.concatenate(ours), (waves * envelopes).sum(axis=1), atol=3e-4)


def test_the_phase_does_not_drift_in_ten_minutes():
    stream = HarmonicStream(ModelConfig(n_harmonics=1))
    f0_hz, level = np.full(5001, 440.1), np.ones((5001, 1), np.float32)
    for _ in range(29):
        stream.next(f0_hz, level)
    last = stream.next(f0_hz, level)
    n = np.arange(29 * 5000 * 64 + 1, 30 * 5000 * 64 + 1)
    np.testing.assert_allclose(last, np.sin(2.0 * np.pi * (n * 440.1 / 16_000 % 1.0)), atol=1e-4)


def test_an_octave_up_doubles_the_pitch_of_the_harmonic_part(small):
    def peak_hz(f0_hz):
        harmonic = render.render(small, np.full(501, f0_hz), np.full(501, -30.0), n_samples=32_000).harmonic
        spectrum = np.abs(np.fft.rfft(harmonic * np.hanning(32_000)))
        comb = [
            spectrum[round(k * 2)] for k in range(1, 4000)
        ]  # 0.5 Hz a bin; the first strong line is the fundamental
        return 1 + int(np.argmax(np.array(comb) > 0.1 * max(comb)))

    assert abs(peak_hz(220.0) - 220) <= 1
    assert abs(peak_hz(440.0) - 440) <= 1


def test_a_harmonic_stream_is_the_closed_form_of_a_sinusoid():
    stream = HarmonicStream(ModelConfig(n_harmonics=1))
    signal = np.concatenate([stream.next(np.full(11, 250.0), np.ones((11, 1), np.float32)) for _ in range(50)])
    expected = np.sin(2 * np.pi * 250.0 * np.arange(1, len(signal) + 1) / 16_000)
    np.testing.assert_allclose(signal, expected, atol=1e-5)


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_block_size_and_has_the_input_s_length(small):
    f0_hz, loudness_db = features(50_001)
    whole = render.render(small, f0_hz, loudness_db, n_samples=50_001, keep_controls=True)
    assert whole.audio.shape == (50_001,)
    assert len(whole.controls["amps"]) == -(-50_001 // 64)
    for block_frames in (1, 77, 2000):
        blocks = render.render(
            small, f0_hz, loudness_db, n_samples=50_001, block_frames=block_frames, keep_controls=True
        )
        np.testing.assert_allclose(blocks.audio, whole.audio, atol=1e-5)
        np.testing.assert_allclose(blocks.controls["amps"], whole.controls["amps"], atol=1e-5)


def test_the_seed_fixes_the_noise_and_nothing_else(small):
    f0_hz, loudness_db = features(16_000)
    one, again, other = (render.render(small, f0_hz, loudness_db, n_samples=16_000, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.noise, again.noise)
    assert not np.array_equal(one.noise, other.noise)
    assert np.array_equal(one.harmonic, other.harmonic)


def test_threads_with_different_models_do_not_disturb_each_other(small):
    other = render.load(SMALL, random_weights(SMALL, seed=2))
    f0_hz, loudness_db = features(32_000)
    alone = [render.render(model, f0_hz, loudness_db, n_samples=32_000).audio for model in (small, other)]
    with ThreadPoolExecutor(4) as pool:
        together = list(
            pool.map(
                lambda i: render.render((small, other)[i % 2], f0_hz, loudness_db, n_samples=32_000).audio, range(12)
            )
        )
    for index, audio in enumerate(together):
        assert np.array_equal(audio, alone[index % 2])


def test_extreme_features_give_finite_sound(small):
    for f0_hz, loudness_db in ((0.0, -80.0), (4000.0, 0.0), (7999.0, 40.0), (30.0, -300.0)):
        rendering = render.render(small, np.full(26, f0_hz), np.full(26, loudness_db), n_samples=1600)
        assert np.isfinite(rendering.audio).all()


def test_z_of_long_recordings_is_that_of_ddsp_s_windows_where_they_stand_alone():
    config = ModelConfig(
        z=ZConfig(16, 4, 125), rnn_channels=16, ch=16, layers_per_stack=1, n_harmonics=5, n_noise_bands=9
    )
    encoder = render.load(config, random_weights(config)).encoder
    audio = np.random.default_rng(0).normal(0, 0.1, 9 * 16_000).astype(np.float32)
    z = encoder.encode(audio, 2250)  # windows from 0, 3 and 5 s
    np.testing.assert_allclose(z[:750], encoder.encode_window(audio[:64_000])[:750], atol=1e-6)
    np.testing.assert_allclose(z[1000:1250], encoder.encode_window(audio[48_000:112_000])[250:500], atol=1e-6)
    np.testing.assert_allclose(z[1750:], encoder.encode_window(audio[80_000:])[500:], atol=1e-6)
    assert np.abs(np.diff(z, axis=0)).max() < 3.0 * np.abs(np.diff(z[:750], axis=0)).max()  # no jump where windows meet


def test_z_of_a_short_recording_is_that_of_ddsp():
    config = ModelConfig(
        z=ZConfig(16, 4, 125), rnn_channels=16, ch=16, layers_per_stack=1, n_harmonics=5, n_noise_bands=9
    )
    encoder = render.load(config, random_weights(config)).encoder
    audio = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    assert np.array_equal(encoder.encode(audio, 375), encoder.encode_window(audio))
    assert encoder.encode(audio[:64], 1).shape == (1, 4)


@pytest.mark.slow
class AtOnce(Executor):
    """Does what a thread would do ahead as soon as it may, so that the same is in memory in each run."""

    def __init__(self, _n_threads):
        pass

    def submit(self, function, /, *arguments, **options):
        done = Future()
        done.set_result(function(*arguments, **options))
        return done


def test_memory_does_not_grow_with_the_length(small, monkeypatch):
    monkeypatch.setattr(render, "ThreadPoolExecutor", AtOnce)

    def peak_bytes(n_samples):
        f0_hz, loudness_db = np.full(n_samples // 64, 220.0, np.float32), np.full(n_samples // 64, -30.0, np.float32)
        tracemalloc.start()
        total = sum(len(block.audio) for block in render.render_blocks(small, f0_hz, loudness_db, n_samples=n_samples))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total == n_samples
        return peak

    peak_bytes(16_000 * 4)  # what is loaded at first use
    copied_features = 250 * 2 * 4  # bytes per second
    assert peak_bytes(16_000 * 128) < peak_bytes(16_000 * 8) + 120 * copied_features + 20_000


def test_progress_runs_to_one_and_may_cancel(small):
    f0_hz, loudness_db = features(100_000)
    shares = []
    render.render(small, f0_hz, loudness_db, n_samples=100_000, progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) == 4

    def cancel(share):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        render.render(small, f0_hz, loudness_db, n_samples=100_000, progress=cancel)


@pytest.mark.parametrize(("n_samples", "n_frames"), [(0, 10), (-5, 10), (641, 10)])
def test_what_cannot_be_rendered_is_said(small, n_samples, n_frames):
    with pytest.raises(FeaturesError):
        render.render(small, np.full(n_frames, 220.0), np.full(n_frames, -30.0), n_samples=n_samples)


def test_matrix_products_are_single_threaded_until_the_last_user_has_left():
    def n_threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    def inside(entered, leave):
        with blas.single_threaded():
            entered.set()
            leave.wait(10)
            return n_threads()

    before = n_threads()
    entered, leave = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:  # it enters before us and leaves after us, so both ends are in another thread
        other = pool.submit(inside, entered, leave)
        entered.wait(10)
        with blas.single_threaded():
            assert set(n_threads()) <= {1}
        assert set(n_threads()) <= {1}
        leave.set()
        assert set(other.result()) <= {1}
    assert n_threads() == before
    with ThreadPoolExecutor(1) as pool:
        entered.set()
        with blas.single_threaded():  # we enter first, the other leaves last
            entered.clear()
            leave.clear()
            other = pool.submit(inside, entered, leave)
            entered.wait(10)
        leave.set()
        assert set(other.result()) <= {1}
    assert n_threads() == before


def test_a_recurrent_kernel_that_is_read_back_and_forth_gives_the_same_to_the_last_bit():
    rng, channels = np.random.default_rng(0), 512
    rows, product = rng.normal(size=(3 * channels, channels)).astype(np.float32), np.empty(3 * channels, np.float32)
    cell = decoder.GruCell(rows.T, 0.05 * rows, product, np.zeros(channels, np.float32))
    projected, state = rng.normal(size=(7, 3 * channels)).astype(np.float32), np.zeros(channels, np.float32)
    parts = decoder.products(cell.recurrent_rows, product)
    assert len(parts) == 3 and all(np.shares_memory(one, cell.recurrent_rows) for one, _ in parts)
    assert len(decoder.products(cell.recurrent_rows[:384, :128], product[:384])) == 1, "where the cache has all of it"
    with blas.single_threaded():
        y, last = decoder.recur(projected, state, cell)
        for outer, found in zip(projected, y):
            inner = cell.recurrent_rows @ state
            update, reset = np.split(1.0 / (1.0 + np.exp(-outer[:1024] - inner[:1024])), 2)
            candidate = np.tanh(outer[1024:] + inner[1024:] * reset)
            state = candidate + (state - candidate) * update
            assert np.array_equal(found, state)
    assert np.array_equal(last, state)
