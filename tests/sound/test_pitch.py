"""CREPE against what is known of it.

crepe 0.0.16's own output, a plain Keras build of the published network, a full-matrix Viterbi, and tones whose pitch is
known.
"""

import json
import tracemalloc

import numpy as np
import pytest

from benchmarks.keras_crepe import keras_crepe
from ddsing.errors import Cancelled, FeaturesError
from ddsing.sound import pitch
from ddsing.sound.pitch import rates, viterbi, weights
from ddsing.sound.pitch.network import Network
from tests.support.paths import GOLDEN
from tests.support.sounds import cents

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("capacity", ["full", "tiny"])
def test_equals_crepe_0_0_16(capacity, monkeypatch):
    golden = np.load(GOLDEN / f"crepe_{capacity}.npz")
    seen, blocks = [], Network.blocks

    def recorded(*arguments, **options):
        for block in blocks(*arguments, **options):
            seen.append(block)
            yield block

    monkeypatch.setattr(Network, "blocks", recorded)
    f0_hz, confidence = pitch.track(golden["audio"], tracker=capacity)
    active = np.concatenate(seen)
    assert active.shape == (501, 360) and active.dtype == np.float32
    np.testing.assert_allclose(active[::10], golden["activation"], rtol=0, atol=1e-5)
    assert f0_hz.shape == confidence.shape == (501,)
    assert f0_hz.dtype == confidence.dtype == np.float32
    np.testing.assert_allclose(confidence, golden["confidence"], rtol=0, atol=1e-5)
    assert cents(f0_hz, golden["f0_hz_viterbi"]).max() < 0.01


def crepe_frames(audio, hop_samples):
    """The frames that crepe 0.0.16 makes of padded audio, normalised as it does."""
    padded = np.pad(audio, 512)
    frames = np.stack([padded[k : k + 1024] for k in range(0, len(audio) + 1, hop_samples)])
    frames -= frames.mean(axis=1)[:, None]
    return frames / np.clip(frames.std(axis=1)[:, None], 1e-8, None)


@pytest.mark.parametrize(("capacity", "hop_samples"), [("full", 64), ("full", 160), ("tiny", 64)])
def test_equals_the_published_network_on_noise_and_a_chirp(capacity, hop_samples):
    rng = np.random.default_rng(7)
    t = np.arange(3200) / 16_000
    audio = (0.3 * np.sin(2 * np.pi * (200 * t + 800 * t**2)) + rng.normal(0, 0.05, t.size)).astype(np.float32)
    audio[1600:] *= 0.01
    expected = keras_crepe(capacity).predict(crepe_frames(audio, hop_samples), verbose=0)
    active = pitch.activation(audio, capacity=capacity, hop_samples=hop_samples)
    np.testing.assert_allclose(active, expected, rtol=0, atol=1e-5)


def test_equals_the_published_network_on_a_constant_offset_and_on_near_silence():
    tone = np.sin(2 * np.pi * 220 * np.arange(3200) / 16_000)
    keras = keras_crepe("tiny")
    for audio in (0.5 + 1e-3 * tone, 0.9 + 1e-5 * tone, np.full(3200, 0.3), 1e-7 * tone, 0.0 * tone):
        audio = audio.astype(np.float32)
        expected = keras.predict(crepe_frames(audio, 64), verbose=0)
        np.testing.assert_allclose(pitch.activation(audio, capacity="tiny"), expected, rtol=0, atol=1e-5)


def full_viterbi(observed):
    """The path by whole 360 × 360 matrices; of equal predecessors the highest bin, as hmmlearn's backtrace takes it."""
    bins = np.arange(360)
    transition = np.maximum(12 - np.abs(bins[:, None] - bins), 0.0)
    emission = np.log(np.eye(360) * 0.1 + 0.9 / 360)
    with np.errstate(divide="ignore"):
        transition = np.log(transition / transition.sum(axis=1, keepdims=True))
    scores = [np.log(1 / 360) + emission[:, observed[0]]]
    for seen in observed[1:]:
        scores.append((scores[-1][:, None] + transition).max(axis=0) + emission[:, seen])
    states = [int(scores[-1].argmax())]
    for score in scores[-2::-1]:
        states.append(int(359 - (score + transition[:, states[-1]])[::-1].argmax()))
    return np.array(states[::-1])


def test_the_banded_viterbi_takes_the_path_of_the_whole_matrix():
    rng = np.random.default_rng(3)
    walk = np.clip(np.cumsum(rng.integers(-15, 16, 300)) + 180, 0, 359)
    leaps = np.where(rng.random(300) < 0.2, rng.integers(0, 360, 300), walk)
    for observed in (walk, leaps, rng.integers(0, 360, 60), np.zeros(20, int), np.full(20, 359), np.array([7])):
        np.testing.assert_array_equal(viterbi.path(observed), full_viterbi(observed))


def test_what_is_decided_early_changes_no_path_and_bounds_the_memory(monkeypatch):
    rng = np.random.default_rng(4)
    walk = np.clip(np.cumsum(rng.integers(-15, 16, 400)) + 180, 0, 359)
    for n_frames in (1, 17, 400):
        for observed in (walk[:n_frames], rng.integers(0, 360, n_frames), np.full(n_frames, 359)):
            monkeypatch.setattr(viterbi, "_SECTION_FRAMES", 16)
            np.testing.assert_array_equal(viterbi.path(observed), full_viterbi(observed))
    monkeypatch.setattr(viterbi, "_SECTION_FRAMES", 256)
    peaks = []
    for n_frames in (2_000, 8_000):
        tracemalloc.start()
        viterbi.path(np.resize(walk, n_frames))
        peaks.append(tracemalloc.get_traced_memory()[1] - 8 * n_frames)  # the path itself
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 5e6


@pytest.mark.parametrize("tracker", ["full", "fast", "tiny"])
def test_a_rich_tone_is_found_within_a_quarter_semitone(tracker):
    t = np.arange(6400) / 16_000
    for f0 in (110.0, 261.6, 659.3):
        audio = sum(np.sin(2 * np.pi * f0 * h * t) / h for h in range(1, 9)).astype(np.float32)
        f0_hz, confidence = pitch.track(audio, tracker=tracker)
        assert f0_hz.shape == (101,)
        assert cents(f0_hz[10:-10], f0).max() < 25.0
        assert confidence[10:-10].min() > 0.4


@pytest.mark.parametrize("tracker", ["full", "fast", "tiny"])
def test_a_sweep_of_an_octave_is_followed_within_a_quarter_semitone(tracker):
    t = np.arange(16_000) / 16_000
    f0 = 200.0 * 2.0**t
    phase = 2 * np.pi * np.cumsum(f0) / 16_000
    audio = sum(np.sin(h * phase) / h for h in range(1, 9)).astype(np.float32)
    f0_hz, _ = pitch.track(audio, tracker=tracker)
    assert cents(f0_hz[10:-10], f0[::64][10:241]).max() < 25.0


@pytest.mark.parametrize("tracker", ["full", "fast", "tiny"])
@pytest.mark.parametrize("n_samples", [0, 1, 64, 1000])
@pytest.mark.filterwarnings("error")
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


def test_a_full_disk_is_one_sentence(monkeypatch):
    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(pitch.tempfile, "TemporaryFile", Full)
    with pytest.raises(FeaturesError, match=r"0\.4 MB of temporary space .*No space left"):
        pitch.track(np.zeros(16_000, np.float32), tracker="tiny")


@pytest.fixture
def fresh_rates():
    rates.forget()
    yield
    rates.forget()


def test_the_estimate_grows_with_the_recording(fresh_rates):
    assert 0.0 < pitch.estimate_seconds("tiny", 10.0) < pitch.estimate_seconds("tiny", 20.0)


def test_finished_runs_are_remembered_by_the_next_process(fresh_rates, tmp_path, monkeypatch):
    file = tmp_path / "rates.json"
    file.write_text('{"full": 0.02, "fast": -1.0')  # damaged
    pitch.track(np.zeros(16_000, np.float32), tracker="tiny", rates_path=file)
    stored = json.loads(file.read_text())
    assert set(stored) == {"tiny"} and stored["tiny"] > 0
    rates.forget()
    monkeypatch.setattr(pitch, "_trial", lambda tracker: pytest.fail("measured again"))
    estimate = pitch.estimate_seconds("tiny", 60.0, rates_path=file)
    assert estimate == pytest.approx(stored["tiny"] * 15_001 + 0.6, rel=1e-6)


def test_the_trial_is_made_once(fresh_rates, monkeypatch):
    calls = []
    monkeypatch.setattr(pitch, "_trial", lambda tracker: calls.append(tracker) or 0.004)
    assert pitch.estimate_seconds("full", 10.0) == pytest.approx(0.004 * 2501 + 0.1)
    assert pitch.estimate_seconds("full", 10.0) == pitch.estimate_seconds("full", 10.0)
    assert calls == ["full"]


def test_trials_made_elsewhere_are_not_made_again_and_leave_no_weights(fresh_rates, monkeypatch):
    monkeypatch.setattr(pitch, "_trial", lambda tracker: pytest.fail("measured here"))
    pitch.rates.learn("fast", 0.5)  # of a finished run, which knows better
    loaded = weights.load.cache_info().misses
    pitch.try_elsewhere()
    assert 0.0 < pitch.estimate_seconds("tiny", 10.0) < pitch.estimate_seconds("full", 10.0)
    assert pitch.estimate_seconds("fast", 1.0) > 50.0
    assert weights.load.cache_info().misses == loaded
