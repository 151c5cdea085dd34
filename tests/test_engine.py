"""Decoding and synthesis against ddsp itself: 1.6.3's own output for instruments of 2021, ddsp 3.7 for today's."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ddsing.engine import model as models
from ddsing.engine import render, runtime
from ddsing.engine.synthesis import HarmonicStream, NoiseStream
from ddsing.model_config import ModelConfig, ZConfig

GOLDEN = Path(__file__).parent / "golden"
OF_2021 = dict(
    generation=1, rnn_channels=48, ch=48, layers_per_stack=2, n_harmonics=40, n_noise_bands=33, noise_window_size=0
)
SMALL = ModelConfig(rnn_channels=32, ch=32, layers_per_stack=1, n_harmonics=20, n_noise_bands=17)


def features(n_samples, seed=0):
    rng = np.random.default_rng(seed)
    n_frames = n_samples // 64 + 1
    glide = np.cumsum(rng.normal(0.0, 0.01, n_frames))
    return (220.0 * 2.0**glide).astype(np.float32), rng.uniform(-60.0, -20.0, n_frames).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    return render.load(SMALL, models.random_weights(SMALL, seed=1))


@pytest.mark.parametrize(("name", "z"), [("singing_2021", None), ("singing_z_2021", ZConfig(32, 8, 125))])
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
    np.testing.assert_allclose(rendering.controls["noise_magnitudes"], golden["filtered_noise/magnitudes"][0], atol=1e-5)
    # ddsp sums its phase in float32 and drifts; the first tenth of a second has not drifted yet.
    np.testing.assert_allclose(rendering.harmonic[:1600], golden["harmonic/signal"][0, :1600], atol=1e-4)


def test_a_model_of_today_gives_the_controls_and_the_signal_of_ddsp_3_7():
    config = ModelConfig(rnn_channels=64, ch=64)
    weights = models.random_weights(config, seed=3)
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


@pytest.mark.parametrize("window_size", [0, 257, 33, 100])
def test_noise_is_filtered_as_ddsp_filters_it(window_size):
    config = ModelConfig(noise_window_size=window_size)
    magnitudes = np.random.default_rng(0).random((100, 65)).astype(np.float32)
    draw = NoiseStream(config, seed=5)._draw(100).ravel()
    expected = runtime.ddsp().core.frequency_filter(draw[None], magnitudes[None], window_size=window_size).numpy()[0]
    stream = NoiseStream(config, seed=5)
    ours = np.concatenate([stream.next(magnitudes), stream.next(np.zeros((4, 65), np.float32))])
    np.testing.assert_allclose(ours[stream.delay :][:6400], expected, atol=2e-6)


def test_a_harmonic_stream_is_the_closed_form_of_a_sinusoid():
    stream = HarmonicStream(ModelConfig(n_harmonics=1))
    signal = np.concatenate([stream.next(np.full(11, 250.0), np.ones((11, 1), np.float32)) for _ in range(50)])
    expected = np.sin(2 * np.pi * 250.0 * np.arange(1, len(signal) + 1) / 16_000)
    np.testing.assert_allclose(signal, expected, atol=1e-5)


def test_the_result_does_not_depend_on_the_block_size_and_has_the_input_s_length(small):
    f0_hz, loudness_db = features(50_001)
    whole = render.render(small, f0_hz, loudness_db, n_samples=50_001, keep_controls=True)
    assert whole.audio.shape == (50_001,)
    assert len(whole.controls["amps"]) == -(-50_001 // 64)
    for block_frames in (1, 77, 2000):
        blocks = render.render(small, f0_hz, loudness_db, n_samples=50_001, block_frames=block_frames, keep_controls=True)
        np.testing.assert_allclose(blocks.audio, whole.audio, atol=1e-5)
        np.testing.assert_allclose(blocks.controls["amps"], whole.controls["amps"], atol=1e-5)


def test_the_seed_fixes_the_noise_and_nothing_else(small):
    f0_hz, loudness_db = features(16_000)
    one, again, other = (render.render(small, f0_hz, loudness_db, n_samples=16_000, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.noise, again.noise)
    assert not np.array_equal(one.noise, other.noise)
    assert np.array_equal(one.harmonic, other.harmonic)


def test_threads_with_different_models_do_not_disturb_each_other(small):
    other = render.load(SMALL, models.random_weights(SMALL, seed=2))
    f0_hz, loudness_db = features(32_000)
    alone = [render.render(model, f0_hz, loudness_db, n_samples=32_000).audio for model in (small, other)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: render.render((small, other)[i % 2], f0_hz, loudness_db, n_samples=32_000).audio, range(12)))
    for index, audio in enumerate(together):
        assert np.array_equal(audio, alone[index % 2])


def test_extreme_features_give_finite_sound(small):
    for f0_hz, loudness_db in ((0.0, -80.0), (4000.0, 0.0), (7999.0, 40.0), (30.0, -300.0)):
        rendering = render.render(small, np.full(26, f0_hz), np.full(26, loudness_db), n_samples=1600)
        assert np.isfinite(rendering.audio).all()


def test_z_of_long_recordings_is_that_of_ddsp_s_windows_where_they_stand_alone():
    config = ModelConfig(z=ZConfig(16, 4, 125), rnn_channels=16, ch=16, layers_per_stack=1, n_harmonics=5, n_noise_bands=9)
    encoder = render.load(config, models.random_weights(config)).encoder
    audio = np.random.default_rng(0).normal(0, 0.1, 10 * 16_000).astype(np.float32)
    z = encoder.encode(audio, 2500)
    np.testing.assert_allclose(z[:750], encoder.encode_window(audio[:64_000])[:750], atol=1e-6)
    np.testing.assert_allclose(z[1000:1500], encoder.encode_window(audio[48_000:112_000])[250:750], atol=1e-6)
    assert np.isfinite(z).all()
