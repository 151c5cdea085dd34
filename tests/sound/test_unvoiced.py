"""Voicing, the filter that consonants pass, and the two figures about them: closed forms and known sounds."""

import numpy as np
import pytest
from scipy import signal

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.sound import highpass, noisiness, steps, unvoiced, voicing


def noise(n_frames: int) -> np.ndarray:
    return np.random.default_rng(2).normal(0.0, 0.1, n_frames * HOP_SAMPLES).astype(np.float32)


def glide(n_frames: int, f0_hz: float = 220.0) -> np.ndarray:
    """A vowel that rises by an octave in a second."""
    time_s = np.arange(n_frames * HOP_SAMPLES) / SAMPLE_RATE
    phase = 2 * np.pi * f0_hz * (2.0**time_s - 1.0) / np.log(2.0)
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 12))).astype(np.float32)


def test_a_pitch_that_flickers_changes_nothing():
    confidence = np.full(100, 0.9, np.float32)
    confidence[40:60] = 0.1
    confidence[[20, 21, 80]] = 0.0  # gone for two frames
    confidence[50] = 0.9  # there for one
    curve = voicing.voicing(noise(100), confidence)
    assert curve.shape == (100,) and curve.dtype == np.float32
    assert (curve[:34] == 1.0).all() and (curve[40:60] == 0.0).all() and (curve[66:] == 1.0).all()


def test_between_the_thresholds_it_stays_as_it_was():
    confidence = np.repeat([0.9, 0.56, 0.1, 0.56, 0.9], 20).astype(np.float32)
    assert (voicing.voicing(noise(100), confidence)[[10, 30, 50, 70, 90]] == [1, 1, 0, 0, 1]).all()
    assert (voicing.voicing(noise(9), np.full(9, 0.56, np.float32)) == 1.0).all()


def test_a_pitch_that_the_tracker_doubts_is_one_if_the_sound_has_lines():
    doubtful = np.full(250, 0.2, np.float32)
    assert (voicing.voicing(glide(250), doubtful) == 1.0).all() and not voicing.voicing(noise(250), doubtful).any()
    both = np.concatenate([glide(100), noise(100)])
    curve = voicing.voicing(both, np.full(200, 0.2, np.float32))
    assert (curve[:85] == 1.0).all() and (curve[105:] == 0.0).all()


def test_noise_scatters_by_a_known_amount_and_lines_do_not():
    frames = np.arange(20, 480)
    white = noisiness.noisiness_db(noise(500), frames)
    assert white.shape == (460,) and white.dtype == np.float32
    # the mean of the logarithm of an exponential variable is -0.577 nepers: -2.5 dB
    assert np.mean(white) == pytest.approx(-2.5, abs=0.25) and white.min() > noisiness.BEGINS_DB
    for f0_hz in (80.0, 300.0):
        assert noisiness.noisiness_db(glide(500, f0_hz), frames[:200]).max() < noisiness.ENDS_DB
    silence = noisiness.noisy(np.zeros(6400, np.float32), np.ones(101, bool))
    assert silence.all() and not noisiness.noisy(noise(100), np.zeros(101, bool)).any()


def test_a_step_is_eased_as_a_raised_cosine_of_at_least_10_ms():
    curve = steps.eased(np.repeat([0.0, 1.0], 20))
    rise = curve[(curve > 0.0) & (curve < 1.0)]
    assert len(rise) * HOP_SAMPLES / SAMPLE_RATE >= 0.010
    np.testing.assert_allclose(rise + rise[::-1], 1.0, atol=1e-6)
    assert np.diff(curve).max() == pytest.approx(np.diff(curve)[19], abs=1e-6)  # steepest halfway


def test_presence_goes_by_the_loud_parts_whatever_lies_between():
    loudness_db = np.repeat([-20.0, -80.0, -60.0, -20.0], [50, 500, 50, 50]).astype(np.float32)
    assert voicing.loud_db(loudness_db) == -20.0
    present = voicing.presence(loudness_db)
    assert (present[[25, 575, 630]] == 1.0).all() and (present[100:500] == 0.0).all()
    assert (voicing.presence(loudness_db - 30.0)[[25, 575, 630]] == 1.0).all()


def test_the_filter_has_no_delay_and_does_not_depend_on_the_division():
    audio = np.random.default_rng(0).normal(size=3 * SAMPLE_RATE).astype(np.float32)
    whole = highpass.Highpass(audio).samples(0, len(audio))
    taps = signal.firwin(255, 2000.0, window="hamming", pass_zero=False, fs=SAMPLE_RATE)
    expected = signal.convolve(audio.astype(np.float64), taps, mode="same")
    np.testing.assert_allclose(whole, expected, atol=2e-6)
    filtering = highpass.Highpass(audio)
    edges = [0, 1, 700, 16_129, 16_131, 40_000, len(audio)]
    parts = [filtering.samples(start, stop) for start, stop in zip(edges, edges[1:])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.abs(highpass.Highpass(audio[:1000]).samples(2000, 2100)).max() < 1e-6


def test_half_passes_at_the_crossover_and_nothing_below():
    passed = highpass.response(np.array([0.0, 1700.0, 2000.0, 2300.0, 8000.0]))
    np.testing.assert_allclose(passed, [0.0, 0.0, 0.5, 1.0, 1.0], atol=0.01)


@pytest.fixture(scope="module")
def spoken():
    """(recording, confidence): a second of a vowel, a second of noise, a second of silence."""
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    vowel = 0.1 * sum(np.sin(2 * np.pi * 200 * k * time_s) / k for k in range(1, 30))
    noise = np.random.default_rng(0).normal(0.0, 0.05, SAMPLE_RATE)
    recording = np.concatenate([vowel, noise, np.zeros(SAMPLE_RATE)]).astype(np.float32)
    return recording, np.repeat([0.95, 0.1, 0.1], [250, 250, 251]).astype(np.float32)


def test_frames_are_those_that_sound(spoken):
    found = unvoiced.frames(*spoken)
    assert found.voiced[5:245].all() and found.unvoiced[255:495].all()
    assert not found.voiced[255:].any() and not found.unvoiced[510:].any() and not found.unvoiced[:245].any()


def test_the_share_of_energy_is_by_level_and_by_frame(spoken):
    recording, confidence = spoken
    kept = unvoiced.energy_kept(recording, *spoken)
    assert kept == pytest.approx(1.0)
    assert unvoiced.energy_kept(0.25 * recording, *spoken) == pytest.approx(1.0, abs=1e-3)
    softer = recording * np.where(np.arange(len(recording)) < SAMPLE_RATE, 1.0, 0.5).astype(np.float32)
    assert unvoiced.energy_kept(softer, *spoken) == pytest.approx(0.25, abs=0.01)
    half = recording.copy()
    half[SAMPLE_RATE : SAMPLE_RATE * 3 // 2] *= 10.0  # too much here does not make up for nothing there
    half[SAMPLE_RATE * 3 // 2 :] = 0.0
    assert unvoiced.energy_kept(half, *spoken) == pytest.approx(0.5, abs=0.02)
    lower = highpass.Highpass(recording, crossover_hz=4000.0).samples(0, len(recording))
    lower[:SAMPLE_RATE] = recording[:SAMPLE_RATE]
    assert unvoiced.energy_kept(lower, *spoken) == pytest.approx(4 / 6, abs=0.03)
    assert unvoiced.energy_kept(lower, *spoken, from_hz=250.0) == pytest.approx(4 / 7.75, abs=0.03)
    assert unvoiced.energy_kept(recording, recording, np.ones_like(confidence)) is None


def test_buzz_is_relative_to_the_voiced_frames(spoken):
    recording, confidence = spoken
    sine = np.sin(2 * np.pi * 0.05 * np.arange(len(recording)))
    gains = np.repeat([1.0, 0.1, 1.0], [SAMPLE_RATE - 32, SAMPLE_RATE + 2000, SAMPLE_RATE - 1968])
    assert unvoiced.buzz_db((sine * gains).astype(np.float32), *spoken) == pytest.approx(-20.0, abs=0.1)
    assert unvoiced.buzz_db(sine * (gains == 1.0), *spoken) == -120.0
    assert unvoiced.buzz_db(sine, recording, np.ones_like(confidence)) is None
