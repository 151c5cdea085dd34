"""Long-term spectra and the spread of log-mel frames: closed forms, and sounds whose answer is known."""

import numpy as np
import pytest
from scipy import linalg

from ddsing.sound import closeness

RATE = 16_000


def sine(frequency_hz: float, *, amplitude: float = 1.0, seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32) * 0.1


@pytest.mark.parametrize(("rate", "n_octaves"), [(16_000, 8), (48_000, 9)])
def test_a_sine_is_in_its_octave_with_its_level(rate, n_octaves):
    levels_db = closeness.octave_levels_db(sine(1000.0, rate=rate), sample_rate=rate)
    assert levels_db.shape == (n_octaves,) and levels_db.dtype == np.float64
    assert levels_db[4] == pytest.approx(10 * np.log10(0.5), abs=0.01)
    assert np.delete(levels_db, 4).max() < -60.0


def test_octaves_of_white_noise_rise_by_3_db():
    levels_db = closeness.octave_levels_db(noise(20.0))
    np.testing.assert_allclose(np.diff(levels_db[1:7]), 10 * np.log10(2), atol=0.5)
    assert closeness.octave_levels_db(np.zeros(RATE, np.float32)).max() == pytest.approx(-120.0)


def test_octave_errors_are_those_of_a_filter_and_free_of_level():
    low, high = sine(250.0), sine(2000.0)
    one, two = (closeness.octave_levels_db(sound) for sound in (low + 0.1 * high, 0.5 * low + 0.1 * high))
    errors_db = closeness.octave_errors_db(one, two, level_free=False)
    assert errors_db[2] == pytest.approx(20 * np.log10(0.5), abs=0.05) and errors_db[5] == pytest.approx(0.0, abs=0.05)
    assert np.isnan(errors_db[7])  # neither has anything there
    louder = closeness.octave_levels_db(0.25 * (low + 0.1 * high))
    assert np.nanmax(np.abs(closeness.octave_errors_db(one, louder))) == pytest.approx(0.0, abs=1e-3)


def test_log_mel_frames_of_a_sound_and_its_silence():
    mel = closeness.log_mel_db(np.concatenate([sine(440.0), np.zeros(2 * RATE, np.float32)]), n_bands=40)
    assert mel.db.shape == (len(mel.sounding), 40) and mel.sounding.dtype == bool
    assert mel.sounding.mean() == pytest.approx(0.5, abs=0.03)
    assert len({int(frame.argmax()) for frame in mel.heard_db}) == 1
    np.testing.assert_allclose(mel.level_free_db.mean(axis=1), 0.0, atol=1e-9)
    twice = closeness.log_mel_db(2.0 * np.concatenate([sine(440.0), np.zeros(2 * RATE, np.float32)]))
    np.testing.assert_allclose(twice.heard_db.max(), mel.heard_db.max() + 20 * np.log10(2), atol=1e-3)


def test_the_frechet_distance_is_its_closed_form():
    random = np.random.default_rng(1)
    one = random.standard_normal((400, 6)) @ random.standard_normal((6, 6))
    two = random.standard_normal((300, 6)) @ random.standard_normal((6, 6)) + 2.0
    shrunk = [0.98 * np.cov(x, rowvar=False) + 0.02 * np.diag(np.var(x, axis=0, ddof=1)) for x in (one, two)]
    root = linalg.sqrtm(shrunk[0] @ shrunk[1]).real
    wanted = np.square(one.mean(0) - two.mean(0)).sum() + np.trace(shrunk[0] + shrunk[1] - 2 * root)
    assert closeness.frechet_db(one, two) == pytest.approx(np.sqrt(wanted / 6), rel=1e-6)
    assert closeness.frechet_db(one, one[::-1]) == pytest.approx(0.0, abs=1e-4)
    assert closeness.frechet_db(one, one + 3.0) == pytest.approx(3.0, abs=1e-4)
    assert closeness.frechet_db(one, two[:7]) is None


def test_a_blur_is_far_though_its_mean_is_right():
    """What a spectral loss rewards: the mean of all frames in each of them."""
    frames = np.random.default_rng(2).standard_normal((500, 10)) * 6.0
    blurred = frames.mean(axis=0) + 0.5 * np.random.default_rng(3).standard_normal((500, 10))
    others = np.random.default_rng(4).standard_normal((500, 10)) * 6.0
    assert closeness.frechet_db(frames, blurred) > 5.0 > 1.5 > closeness.frechet_db(frames, others)


def test_by_pitch_only_like_pitches_are_compared():
    low, high = np.full((20, 4), -10.0), np.full((20, 4), -30.0)
    pitch = np.repeat([220.0, 440.0, 0.0], [20, 20, 5])
    frames = np.concatenate([low, high, np.full((5, 4), 99.0)])
    swapped = np.concatenate([high + 2.0, low - 1.0, frames[40:]])
    order = np.repeat([440.0, 220.0, 0.0], [20, 20, 5])
    assert closeness.by_pitch_db(frames, pitch, swapped, order) == pytest.approx(1.5)
    assert closeness.by_pitch_db(frames, pitch, frames, pitch) == 0.0
    assert closeness.by_pitch_db(frames, pitch, frames, 4 * pitch) is None
