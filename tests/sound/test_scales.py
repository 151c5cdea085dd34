"""Scales: their degrees are librosa's where it has them; the nearest pitch by closed forms."""

import itertools

import librosa
import numpy as np
import pytest

from ddsing.errors import SettingsError
from ddsing.sound.scales import SCALES, TONICS, Scale
from ddsing.units import hz_to_midi, midi_to_hz

MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")


def pitch_classes(scale):
    return sorted((np.array(scale.degrees) + scale.tonic) % 12)


@pytest.mark.parametrize("mode", MODES)
def test_keys_are_librosa_s(mode):
    for tonic in TONICS:
        assert pitch_classes(Scale.parse(f"{tonic}:{mode}")) == sorted(librosa.key_to_degrees(f"{tonic}:{mode}"))


def test_scales_that_are_parts_or_modes_of_others():
    def classes(name):
        return set(pitch_classes(Scale.parse(name)))

    assert classes("C:major-pentatonic") == classes("A:minor-pentatonic") < classes("C:major")
    assert classes("A:blues") == classes("C:major-blues") == classes("A:minor-pentatonic") | {3.0}
    assert classes("A:harmonic-minor") ^ classes("A:minor") == {7.0, 8.0}
    assert classes("A:melodic-minor") ^ classes("A:major") == {0.0, 1.0}
    assert classes("C:whole-tone") == classes("D:whole-tone") and not classes("C:whole-tone") & classes("B:whole-tone")
    assert classes("C:octatonic") == classes("Eb:octatonic")
    np.testing.assert_allclose(np.diff(Scale.parse("C:just-major").degrees)[:3], 12 * np.log2([9 / 8, 10 / 9, 16 / 15]))
    for kind in SCALES:
        degrees = Scale.parse(f"C:{kind}").degrees
        assert degrees[0] == 0.0 and list(degrees) == sorted(set(degrees)) and degrees[-1] < 12.0


def test_the_nearest_pitch_is_a_degree_and_none_is_nearer():
    glide = np.linspace(40.0, 90.0, 4001)
    for name, hz in itertools.product(("chromatic", "C:major", "F#:blues", "Bb:rast", "D:just-minor"), (432.0, 440.0)):
        scale, tuning = Scale.parse(name), 12 * np.log2(hz / 440.0)
        found = hz_to_midi(scale.nearest_hz(midi_to_hz(glide), hz)) - tuning
        every = np.sort(np.concatenate([np.array(pitch_classes(scale)) + 12.0 * octave for octave in range(2, 9)]))
        nearest = np.abs(glide[:, None] - tuning - every).min(axis=1)
        np.testing.assert_allclose(np.abs(found + tuning - glide), nearest, atol=1e-9)
        assert np.abs(found[:, None] - every).min(axis=1).max() < 1e-9


def test_tuning_moves_notes_by_its_cents_and_unvoiced_frames_stay():
    a = np.array([440.0, 0.0, 220.3])
    np.testing.assert_allclose(Scale.parse("chromatic").nearest_hz(a, 432.0), [432.0, 0.0, 216.0])
    np.testing.assert_allclose(Scale.parse("A:minor").nearest_hz(a, 442.0), [442.0, 0.0, 221.0])


@pytest.mark.parametrize(
    ("text", "name", "title"),
    [
        ("Chromatic", "chromatic", "chromatic"),
        (" c: Maj ", "C:major", "C major"),
        ("f♯:Harmonic minor", "F#:harmonic-minor", "F♯ harmonic minor"),
        ("Bb:aeolian", "Bb:minor", "B♭ minor"),
        ("cb:rast", "B:rast", "B rast"),
        ("B:pentatonic", "B:major-pentatonic", "B major pentatonic"),
    ],
)
def test_as_people_write_it(text, name, title):
    scale = Scale.parse(text)
    assert (scale.name, scale.title) == (name, title)
    assert Scale.parse(scale.name) == scale


@pytest.mark.parametrize("text", ["", "C", "major", "H:major", "C:majr", "C##:major", None, 3])
def test_what_is_no_scale_is_refused_with_what_would_be_one(text):
    with pytest.raises(SettingsError, match="such as C:major"):
        Scale.parse(text)
