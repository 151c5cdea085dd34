"""Consonants above 8 kHz: a vowel, a hiss and a vowel at 48 kHz, sung by an instrument whose top is known."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from ddsing.instrument import read
from ddsing.sound import recording
from ddsing.sound.upper_band import UpperBand
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.unvoiced import Passed, above
from ddsing.workspace import Workspace
from tests.support import tops
from tests.support.paths import ROOT

RATE = 48_000
HISS, VOWEL = slice(36_000, 50_000), slice(6_000, 22_000)  # their middles
TOP, OWN = 1e-8, 1e-7  # densities above 8 kHz, of the instrument and of the recording's hiss


def spoken() -> np.ndarray:
    """Vowel, hiss and vowel, 0.6 s each [shape=(n_samples,), float32]; the hiss has the density `OWN` up to 24 kHz."""
    time_s = np.arange(round(0.6 * RATE)) / RATE
    edge = np.clip(np.minimum(time_s, time_s[::-1]) / 0.03, 0.0, 1.0)
    vowel = 0.12 * edge * sum(np.sin(2 * np.pi * 330 * k * time_s) / k**1.2 for k in range(1, 20))
    hiss = np.random.default_rng(0).normal(0.0, np.sqrt(OWN * RATE / 2), len(time_s))
    sound = np.concatenate([vowel, hiss, vowel])
    return (sound + np.random.default_rng(1).normal(0.0, 1e-5, len(sound))).astype(np.float32)


@pytest.fixture(scope="module")
def sing(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    for folder in (workspace.instruments, workspace.experiments):
        folder.mkdir()
    made = read(ROOT / "demo" / "assets" / "instruments" / "aria.zip").replaced(top=tops.flat(TOP))
    sounds = {"wide": (spoken(), RATE), "cd": (soxr.resample(spoken(), RATE, 44_100), 44_100)}
    sounds["coded"] = soxr.resample(soxr.resample(spoken(), RATE, 32_000), 32_000, RATE), RATE
    sounds["narrow"] = soxr.resample(spoken(), RATE, 16_000), 16_000
    done = {}
    for name, (sound, rate) in sounds.items():
        soundfile.write(workspace.root / f"{name}.wav", sound, rate, subtype="PCM_24")

    def sing(name="wide", amount=1.0, **settings):
        key = name, amount, *settings.items()
        if key not in done:
            source = recording.read(workspace.root / f"{name}.wav")
            settings = Settings(keep_unvoiced=amount, **settings)
            done[key] = pipeline.run(workspace, source, made, settings, tracker="instant")
        return done[key]

    return sing


def heard(take, name: str = "noise") -> np.ndarray:
    return soundfile.read(Path(take.folder) / f"{name}.wav", dtype="float32")[0]


def density_db(sound: np.ndarray, low_hz: float, high_hz: float) -> float:
    return 10.0 * np.log10(tops.band_density(sound, low_hz, high_hz))


def level_db(take) -> float:
    """By how much the recording's hiss is raised."""
    curves = take.curves()
    return float(np.median((curves["loudness_db_used"] - curves["loudness_db"])[200:250]))


@pytest.mark.parametrize("name", ["wide", "cd"])
def test_the_recordings_own_hiss_is_heard_up_to_its_end_in_the_place_of_the_tops(sing, name):
    take = sing(name)
    for low_hz, high_hz in ((8_500, 11_500), (12_000, 16_000), (16_000, 20_000)):
        assert density_db(heard(take)[HISS], low_hz, high_hz) - level_db(take) == pytest.approx(-70.0, abs=0.6)
        assert density_db(heard(sing(name, 0.0))[HISS], low_hz, high_hz) == pytest.approx(-80.0, abs=0.6)


def test_it_is_the_recordings_sample_for_sample_and_levelled_alike(sing):
    low, high = (signal.butter(10, hz, kind, fs=RATE, output="sos") for hz, kind in ((9_000, "high"), (6_000, "low")))
    for take in (sing(), sing(loudness_shift_db=-12.0)):
        for sos in (low, high):
            own, passed = (signal.sosfiltfilt(sos, sound)[HISS] for sound in (spoken(), heard(take)))
            if sos is low:
                assert np.corrcoef(own, passed)[0, 1] > 0.98
                gain_db = 20 * np.log10(np.std(passed) / np.std(own))
                assert gain_db == pytest.approx(level_db(take), abs=0.3)
    assert level_db(sing(loudness_shift_db=-12.0)) - level_db(sing()) == pytest.approx(-12.0, abs=0.01)


def test_vowels_are_as_before_and_a_recording_that_ends_at_8_khz_leaves_the_top_as_it_is(sing):
    for name in ("wide", "narrow"):
        np.testing.assert_array_equal(heard(sing(name))[VOWEL], heard(sing(name, 0.0))[VOWEL])
    for amount in (0.0, 1.0):
        assert density_db(heard(sing("narrow", amount))[HISS], 8_500, 20_000) == pytest.approx(-80.0, abs=0.6)


def test_above_where_the_recording_ends_the_tops_noise_stays(sing):
    take = sing("coded")
    assert density_db(heard(take)[HISS], 9_000, 14_000) - level_db(take) == pytest.approx(-70.0, abs=0.6)
    assert density_db(heard(take)[HISS], 18_000, 22_000) == pytest.approx(-80.0, abs=0.6)


def test_borders_do_not_click_above_either(sing):
    upper = np.abs(signal.sosfiltfilt(signal.butter(8, 9_000, "high", fs=RATE, output="sos"), heard(sing())))
    assert max(upper[26_000:31_600].max(), upper[54_800:60_000].max()) < 1.1 * upper[HISS].max()


def test_what_is_passed_does_not_depend_on_how_it_is_asked_for():
    sound, gain = np.tile(spoken(), 2), np.linspace(0.0, 1.0, 902, dtype=np.float32)
    whole = Passed(sound, gain, rate_hz=RATE)(0, len(sound))
    passed = Passed(sound, gain, rate_hz=RATE)
    parts = [passed(at, min(at + 19_152, len(sound))) for at in range(0, len(sound), 19_152)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    copy = soxr.resample(soxr.resample(sound, RATE, 16_000), 16_000, RATE)[: len(sound)]
    inner = len(sound) - 100  # at its end the copy's filters see no silence
    np.testing.assert_allclose(UpperBand(sound).samples(0, inner), (sound - copy)[:inner], atol=1e-5)


def test_recordings_that_hardly_go_on_above_8_khz_are_not_passed():
    assert above(spoken()[::3], 16_000) is None
    small = soxr.resample(soxr.resample(spoken(), RATE, 16_000), 16_000, RATE)
    assert above(np.round(small * 32_768) / 32_768, RATE) is None
    found = above(soxr.resample(spoken(), RATE, 44_100), 44_100)
    assert found.reach_hz > 21_000 and abs(len(found.audio) - len(spoken())) <= 1
