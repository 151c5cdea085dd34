"""CREPE against crepe 0.0.16's own output, a plain Keras build of the published network, and tones whose pitch is known."""

from pathlib import Path

import numpy as np
import pytest

from ddsing import pitch
from ddsing.engine import runtime
from ddsing.errors import Cancelled, FeaturesError
from ddsing.pitch import weights

GOLDEN = Path(__file__).parent / "golden"


def cents(f0_hz, reference_hz):
    return 1200.0 * np.abs(np.log2(f0_hz / reference_hz))


@pytest.mark.parametrize("capacity", ["full", "tiny"])
def test_equals_crepe_0_0_16(capacity):
    golden = np.load(GOLDEN / f"crepe_{capacity}.npz")
    active = pitch.activation(golden["audio"], capacity=capacity)
    assert active.shape == (501, 360)
    np.testing.assert_allclose(active[::10], golden["activation"], atol=1e-5)
    f0_hz, confidence = pitch.track(golden["audio"], tracker=capacity)
    assert f0_hz.shape == confidence.shape == (501,)
    assert f0_hz.dtype == confidence.dtype == np.float32
    np.testing.assert_allclose(confidence, golden["confidence"], atol=1e-5)
    assert cents(f0_hz, golden["f0_hz_viterbi"]).max() < 0.01


def keras_crepe(capacity):
    """The network as published, layer by layer, in Keras."""
    tf = runtime.tensorflow()
    layers, kernel, bias = weights.load(capacity)
    x = inputs = tf.keras.layers.Input((1024,))
    x = tf.keras.layers.Reshape((1024, 1))(x)
    for index, layer in enumerate(layers):
        width, _, n_out = layer.kernel.shape
        x = tf.keras.layers.Conv1D(
            n_out,
            width,
            strides=4 if index == 0 else 1,
            padding="same",
            activation="relu",
            weights=[layer.kernel, layer.bias],
        )(x)
        norm = [layer.scale, layer.shift, np.zeros(n_out), np.ones(n_out)]
        x = tf.keras.layers.BatchNormalization(epsilon=0.0, weights=norm)(x)
        x = tf.keras.layers.MaxPool1D(2)(x)
    x = tf.keras.layers.Flatten()(x)
    outputs = tf.keras.layers.Dense(360, activation="sigmoid", weights=[kernel, bias])(x)
    return tf.keras.Model(inputs, outputs)


@pytest.mark.parametrize("capacity", ["full", "tiny"])
@pytest.mark.parametrize("hop_samples", [64, 160])
def test_equals_the_published_network_on_noise_and_a_chirp(capacity, hop_samples):
    rng = np.random.default_rng(7)
    t = np.arange(6400) / 16_000
    audio = (0.3 * np.sin(2 * np.pi * (200 * t + 800 * t**2)) + rng.normal(0, 0.05, t.size)).astype(np.float32)
    audio[3000:] *= 0.01
    padded = np.pad(audio, 512)
    frames = np.stack([padded[k : k + 1024] for k in range(0, len(audio) + 1, hop_samples)])
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames /= np.maximum(frames.std(axis=1, keepdims=True), 1e-8)
    expected = keras_crepe(capacity).predict(frames, verbose=0)
    np.testing.assert_allclose(pitch.activation(audio, capacity=capacity, hop_samples=hop_samples), expected, atol=1e-5)


@pytest.mark.parametrize("tracker", ["full", "fast", "tiny"])
def test_a_rich_tone_is_found_within_a_quarter_tone(tracker):
    t = np.arange(16_000) / 16_000
    for f0 in (110.0, 261.6, 659.3):
        audio = sum(np.sin(2 * np.pi * f0 * h * t) / h for h in range(1, 9)).astype(np.float32)
        f0_hz, confidence = pitch.track(audio, tracker=tracker)
        assert f0_hz.shape == (251,)
        assert np.median(cents(f0_hz[10:-10], f0)) < 25.0
        assert confidence[10:-10].min() > 0.4


@pytest.mark.parametrize("tracker", ["full", "fast", "tiny"])
@pytest.mark.parametrize("n_samples", [0, 1, 63, 64, 1000])
def test_short_and_silent_recordings_give_finite_frames(tracker, n_samples):
    f0_hz, confidence = pitch.track(np.zeros(n_samples, np.float32), tracker=tracker)
    assert f0_hz.shape == confidence.shape == (n_samples // 64 + 1,)
    assert np.isfinite(f0_hz).all() and np.isfinite(confidence).all()


def test_progress_rises_to_one_and_can_cancel():
    seen = []
    pitch.track(np.zeros(16_000, np.float32), tracker="tiny", progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0

    def stop(_):
        raise Cancelled

    with pytest.raises(Cancelled):
        pitch.track(np.zeros(16_000, np.float32), tracker="tiny", progress=stop)


def test_an_unknown_tracker_is_one_sentence():
    with pytest.raises(FeaturesError, match="full, fast or tiny"):
        pitch.track(np.zeros(100, np.float32), tracker="huge")


def test_the_estimate_grows_with_the_recording():
    assert 0.0 < pitch.estimate_seconds("tiny", 10.0) < pitch.estimate_seconds("tiny", 20.0)
