"""The instant tracker against tones whose pitch is known, and against what must not change its result."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ddsing.errors import Cancelled, FeaturesError
from ddsing.sound import features, pitch
from ddsing.sound.pitch import instant
from ddsing.units import n_frames
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S
from tests.support.sounds import cents, noise
from tests.support.tiny_workspace import sung

EDGE = 12  # frames at either end, where the network sees half of a tone


def track(audio, **options):
    return pitch.track(np.asarray(audio, np.float32), tracker="instant", **options)


def voice(f0_hz):
    """Eight harmonics that follow a pitch [shape=(n_samples,)] at 16 kHz."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16_000
    return sum(0.1 * np.sin(k * phase) / k * (k * f0_hz < 7_500) for k in range(1, 9)).astype(np.float32)


def at_frames(f0_hz):
    return f0_hz[np.minimum(np.arange(n_frames(len(f0_hz), centred=True)) * 64, len(f0_hz) - 1)]


SECONDS = np.arange(24_000) / 16_000
KNOWN = {
    "lowest": np.full(24_000, 49.0),
    "steady": np.full(24_000, 261.6),
    "highest": np.full(24_000, 2_000.0),
    "glide": 150.0 * 2.0 ** (SECONDS / 1.5),
    "vibrato": 330.0 * 2.0 ** (50.0 / 1200.0 * np.sin(2 * np.pi * 5.5 * SECONDS)),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_a_known_pitch_is_found_in_time_and_with_confidence(kind):
    f0_hz, confidence = track(voice(KNOWN[kind]))
    expected = at_frames(KNOWN[kind])
    assert f0_hz.shape == confidence.shape == expected.shape and f0_hz.dtype == confidence.dtype == np.float32
    off = cents(f0_hz, expected)[EDGE:-EDGE]
    assert np.median(off) < 20.0 and off.max() < 50.0
    assert confidence[EDGE:-EDGE].min() >= features.CLEAR


def test_a_vibrato_keeps_its_depth_and_does_not_lag():
    f0_hz, _ = track(voice(KNOWN["vibrato"]))
    swing, expected = (1200.0 * np.log2(curve[50:-50] / 330.0) for curve in (f0_hz, at_frames(KNOWN["vibrato"])))
    lags = range(-4, 5)
    likeness = [np.corrcoef(np.roll(swing, -lag)[8:-8], expected[8:-8])[0, 1] for lag in lags]
    assert lags[int(np.argmax(likeness))] == 0 and max(likeness) > 0.98
    assert np.polyfit(expected, swing, 1)[0] == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("n_samples", [0, 1, 63, 64, 255, 256, 257, 1_000, 4_097])
@pytest.mark.filterwarnings("error")
def test_there_are_as_many_frames_as_crepe_gives_and_silence_has_no_pitch(n_samples):
    for padding in ("center", "same"):
        f0_hz, confidence = track(np.zeros(n_samples), padding=padding)
        assert f0_hz.shape == confidence.shape == (n_frames(n_samples, centred=padding == "center"),)
        assert np.isfinite(f0_hz).all() and not confidence.any()
        assert not len(f0_hz) or f0_hz.min() > 0.0


def test_noise_has_no_clear_pitch():
    _, confidence = track(noise(3.0))
    assert np.mean(confidence >= features.CLEAR) < 0.02


def test_frames_of_datasets_tell_of_the_sound_half_of_crepe_s_window_later():
    audio = sung(2.0)[:31_900]
    centred, same = track(audio), track(audio, padding="same")
    for later, found in zip(centred, same):
        assert len(found) == 499 and len(later) == 499
        np.testing.assert_allclose(found[:-8], later[8:], rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def long():
    """More than two pieces, which end in the middle of notes."""
    return np.concatenate([sung(5.0, hz=hz) for hz in (110.0, 196.0, 294.0, 440.0)])


@pytest.mark.slow
def test_neither_parts_nor_cores_nor_the_length_of_a_piece_change_the_result(long, monkeypatch):
    whole = track(long)
    tracking = pitch.Tracking(long, tracker="instant", part_frames=1)
    kept = {part.start: np.concatenate(list(tracking.blocks(part))) for part in reversed(tracking.parts)}
    assert len(kept) == 3
    for ours, expected in zip(tracking.finish([kept[part.start] for part in tracking.parts]), whole):
        np.testing.assert_array_equal(ours, expected)
    monkeypatch.setattr(instant, "PIECE_FRAMES", 100)
    f0_hz, confidence = track(long)
    np.testing.assert_allclose(confidence, whole[1], atol=1e-3)
    assert cents(f0_hz, whole[0])[confidence >= features.CLEAR].max() < 0.5


def test_the_network_sees_a_few_seconds_at_a_time_however_long_the_recording_is(long, monkeypatch):
    seen, detector = [], instant.network()
    detect = type(detector).detect
    monkeypatch.setattr(
        type(detector), "detect", lambda self, audio, rate: (seen.append(len(audio)), detect(self, audio, rate))[1]
    )
    track(long)
    assert len(seen) == 3 and max(seen) <= (instant.PIECE_FRAMES + 21) * instant.HOP


def test_a_soft_recording_is_heard_as_a_loud_one(long):
    f0_hz, confidence = track(long[:80_000])
    softer = track(0.004 * long[:80_000])
    np.testing.assert_allclose(softer[1], confidence, atol=0.02)
    assert cents(softer[0], f0_hz)[confidence >= features.CLEAR].max() < 5.0


def rows(pitches_hz, confidence=1.0):
    pitches_hz = np.asarray(pitches_hz, np.float32)
    return np.stack([pitches_hz, np.broadcast_to(np.float32(confidence), pitches_hz.shape)], axis=1)


def test_between_the_network_s_frames_pitch_moves_without_overshoot():
    found, _ = instant.curves(rows([200.0, 200.0, 220.0, 225.0, 225.0]), 17)
    np.testing.assert_allclose(found[::4], [200.0, 200.0, 220.0, 225.0, 225.0], rtol=1e-6)
    assert (np.diff(found) >= -1e-3).all() and found.min() >= 199.99 and found.max() <= 225.01
    assert 205.0 < found[6] < 215.0


@pytest.mark.parametrize("gap", [[200.0, 200.0, 400.0, 400.0], [200.0, 200.0, 90.0, 210.0, 210.0]])
def test_no_pitch_is_made_up_across_a_leap_or_a_gap(gap):
    sure = np.where(np.asarray(gap) == 90.0, 0.0, 1.0)
    found, _ = instant.curves(rows(gap, sure), 4 * len(gap) - 3)
    assert set(np.round(found).tolist()) <= set(gap)


def test_the_map_of_confidence_rises_from_nothing_to_certainty():
    _, confidence = instant.curves(rows(np.full(101, 200.0), np.linspace(0.0, 1.0, 101)), 401)
    assert (np.diff(confidence) >= 0.0).all() and confidence[0] == 0.0 and 0.9 <= confidence[-1] <= 1.0


def test_progress_rises_to_one_and_can_cancel(long):
    seen = []
    track(long, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) == 3

    def stop(_):
        raise Cancelled

    with pytest.raises(Cancelled):
        track(long, progress=stop)


def test_a_track_is_kept_under_a_key_of_its_own(tmp_path):
    cache = features.FeatureCache(tmp_path)
    first = features.extract(sung(1.0), tracker="instant", cache=cache)
    again = features.extract(sung(1.0), tracker="instant", cache=cache)
    assert not first.reused and again.reused and first.tracker == "instant"
    np.testing.assert_array_equal(first.f0_hz, again.f0_hz)
    assert [path.name.split("-")[1] for path in tmp_path.iterdir()] == ["instant"]


def test_threads_share_one_network_and_find_the_same(long):
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: track(long[:130_000]), range(3)))
    for one in found[1:]:
        np.testing.assert_array_equal(one[0], found[0][0])
    assert instant.network() is instant.network()


def python(program):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_it_works_in_a_process_that_was_forked_after_it_was_used():
    done = python("""
        import os
        from ddsing.sound import pitch
        from tests.support.tiny_workspace import sung
        before = pitch.track(sung(1.0), tracker="instant")[0]
        child = os.fork()
        if child == 0:
            os._exit(0 if (pitch.track(sung(1.0), tracker="instant")[0] == before).all() else 1)
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_nothing_of_it_is_imported_before_a_sound_is_read():
    done = python("""
        import sys
        import ddsing.work.kinds
        from ddsing.sound import pitch
        assert pitch.quickest() == "instant"
        assert not {"onnxruntime", "swift_f0"} & set(sys.modules)
    """)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def broken(monkeypatch):
    """A computer on which the runtime can't be loaded, as with a wheel for another machine."""
    monkeypatch.setattr(instant, "_failed", "")
    instant._loaded.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "swift_f0"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    yield
    instant._loaded.cache_clear()


def test_where_it_can_t_be_loaded_one_sentence_says_so_and_the_others_work(broken, monkeypatch):
    with pytest.raises(FeaturesError, match=r"instant pitch tracker can't be used .* Use the tracker full, fast or ti"):
        track(sung(1.0))
    assert not instant.usable() and "onnxruntime" in instant.why_missing()
    assert pitch.usable() == ("full", "fast", "tiny")
    assert len(pitch.track(sung(0.2), tracker="tiny")[0]) == 51


def test_where_it_is_not_installed_that_is_known_without_loading_it(monkeypatch):
    monkeypatch.setattr(instant, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert "onnxruntime not installed" in instant.why_missing()
