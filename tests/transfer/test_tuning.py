"""Transposition, scales, speed and tuning of autotune, as closed forms of the curves that the instrument is given."""

import json

import numpy as np
import pytest

from ddsing import cli, instrument
from ddsing.errors import SettingsError
from ddsing.model.statistics import FIELDS, DatasetStatistics
from ddsing.sound.features import Features
from ddsing.transfer import fit
from ddsing.transfer.conditioning import autotune, condition
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import content_key
from ddsing.units import hz_to_midi, midi_to_hz
from tests.support import tiny_workspace

N = 2000


def sung(midi):
    f0_hz = midi_to_hz(np.broadcast_to(midi, N)).astype(np.float32)
    return Features(f0_hz, np.ones(N, np.float32), np.full(N, -30.0, np.float32), "full", 3)


GLIDE = sung(np.linspace(55.0, 75.0, N))


def asked_midi(features=GLIDE, **settings):
    return hz_to_midi(condition(features, None, Settings(**settings)).f0_hz)


@pytest.mark.parametrize(("octaves", "semitones"), [(0, 7.0), (0, -0.25), (1, -3.5), (-1, 0.01), (0, 36.0)])
def test_a_transposition_is_exact(octaves, semitones):
    moved = asked_midi(octave_shift=octaves, transpose=semitones)
    expected = np.minimum(hz_to_midi(GLIDE.f0_hz) + 12 * octaves + semitones, 110.0)
    np.testing.assert_allclose(moved, expected, atol=2e-5)


def test_a_whole_octave_by_semitones_is_an_octave_shift():
    one, other = (condition(GLIDE, None, Settings(**way)) for way in ({"octave_shift": -1}, {"transpose": -12.0}))
    assert one.f0_hz.tobytes() == other.f0_hz.tobytes()


def test_a_glide_lands_on_the_notes_of_its_key_only():
    found = asked_midi(autotune=1.0, scale="C:major", tuning_hz=440.0)
    notes = np.round(found).astype(int)
    assert np.abs(found - notes).max() < 1e-4
    assert set(notes % 12) == {0, 2, 4, 5, 7, 9, 11} and np.abs(found - hz_to_midi(GLIDE.f0_hz)).max() < 1.001
    quarter = asked_midi(autotune=1.0, scale="D:rast", tuning_hz=440.0)
    assert set(np.round(2 * (quarter - 2.0)) % 24) == {0, 4, 7, 10, 14, 18, 21}
    half = asked_midi(autotune=0.5, scale="C:major", tuning_hz=440.0)
    np.testing.assert_allclose(half, (found + hz_to_midi(GLIDE.f0_hz)) / 2, atol=1e-4)


def test_a_tuning_moves_every_note_by_its_cents():
    at_440, at_432, at_442 = (asked_midi(sung(60.0), autotune=1.0, tuning_hz=hz) for hz in (440.0, 432.0, 442.0))
    np.testing.assert_allclose(at_440, 60.0, atol=1e-4)
    np.testing.assert_allclose(100 * (at_432 - at_440), 1200 * np.log2(432 / 440), atol=0.01)
    np.testing.assert_allclose(100 * (at_442 - at_440), 1200 * np.log2(442 / 440), atol=0.01)


def test_the_speed_is_the_time_from_note_to_note():
    midi = np.where(np.arange(N) < 1000, 60.3, 63.6)  # a third of a semitone above C, nearly half below E
    for speed_ms in (100.0, 400.0):
        off = midi - asked_midi(sung(midi), autotune=1.0, tuning_hz=440.0, autotune_speed_ms=speed_ms)
        n_frames = round(speed_ms / 4)
        np.testing.assert_allclose(off[:1000], 0.3, atol=1e-4)
        np.testing.assert_allclose(off[999 + n_frames :][1], -0.4, atol=1e-4)
        np.testing.assert_allclose(off[999 : 1000 + n_frames], np.linspace(0.3, -0.4, n_frames + 2)[:-1], atol=1e-2)
    at_once = midi - asked_midi(sung(midi), autotune=1.0, tuning_hz=440.0)
    np.testing.assert_allclose(at_once, np.where(np.arange(N) < 1000, 0.3, -0.4), atol=1e-4)


def test_vibrato_outlives_a_slow_autotune():
    vibrato = 0.3 * np.sin(2 * np.pi * 5.5 * np.arange(N) / 250)
    deviation = {
        speed_ms: np.std(autotune(60.1 + vibrato, 0.0, amount=1.0, speed_ms=speed_ms)[500:]) / np.std(vibrato[500:])
        for speed_ms in (0.0, 364.0)  # two periods
    }
    assert deviation[0.0] < 1e-6 and deviation[364.0] > 0.9


def test_the_chromatic_scale_is_what_it_was():
    features = sung(60.0 + np.random.default_rng(0).normal(0.0, 1.0, N))
    plain = condition(features, None, Settings(autotune=0.7))
    f0_midi = hz_to_midi(features.f0_hz)
    off = (f0_midi - plain.tuning_factor) % 1.0
    expected = midi_to_hz(f0_midi - 0.7 * np.where(off > 0.5, off - 1.0, off)).astype(np.float32)
    assert plain.f0_hz.tobytes() == expected.tobytes()


def test_takes_of_before_keep_what_they_are_found_by():
    settings = Settings(octave_shift=1, autotune=0.5, z_shift=(1.0,))
    key = content_key("a" * 64, "b" * 64, "full", settings)
    assert key == "4f63ce3cf008fdc663789b89ad2d7aea168304296dc6944d4fc2b1b69e5061ab"  # as 0.3.0 made it
    assert key != content_key("a" * 64, "b" * 64, "full", Settings.from_json(settings.to_json() | {"transpose": 1.0}))


@pytest.mark.parametrize(
    "wrong", [{"transpose": 37.0}, {"scale": "C:majr"}, {"tuning_hz": 380.0}, {"tuning_hz": True}, {"scale": None}]
)
def test_what_is_no_tuning_is_refused(wrong):
    with pytest.raises(SettingsError, match="such as C:major|must be"):
        Settings(**wrong)


def test_the_fit_proposes_the_fewest_semitones():
    values = dict.fromkeys(FIELDS, 0.0) | {"mean_pitch_note": 65.0, "std_pitch_note": 4.0}
    values |= {"min_pitch_note": 62.0, "max_pitch_note": 70.0}
    statistics = DatasetStatistics(3, values, np.linspace(0, 1, 100), np.linspace(-50.0, -20.0, 100))
    melody = sung(np.repeat([57.0, 59.0, 60.0, 64.0], N // 4))
    low, high = statistics.pitch_range_midi
    for settings in (Settings(), Settings(octave_shift=1, transpose=-4.0)):
        found = fit.measure(melody, statistics, settings)
        assert found.transpose == int(np.ceil(low - 0.5 - 57.0)) and 64 + found.transpose <= high + 0.5
        assert found.to_json()["transpose"] == found.transpose
    one_slip = sung(np.where(np.arange(N) == 5, 30.0, 66.0))
    assert fit.measure(one_slip, statistics).transpose == 0


def test_auto_is_a_way_of_the_command_line(tmp_path, capsys):
    root = tiny_workspace.fill(tmp_path / "ws")
    example = next((root / "examples").iterdir())
    out = tmp_path / "out.wav"
    words = ["transfer", str(example), "--instrument", tiny_workspace.NAMES[1], "--out", str(out), "--tracker", "tiny"]
    assert cli.main(["--workspace", str(root), "--json", *words, "--transpose", "auto", "--scale", "d:dor"]) in (
        0,
        None,
    )
    document = json.loads(capsys.readouterr().out)
    assert document["auto_transpose"] == document["settings"]["transpose"] == document["fit"]["transpose"] < 0
    assert document["settings"]["scale"] == "D:dorian"


@pytest.mark.slow
def test_auto_is_for_the_pitch_that_is_sung_after_its_edit(tmp_path, capsys):
    root = tiny_workspace.fill(tmp_path / "ws")
    example, out, table = next((root / "examples").iterdir()), str(tmp_path / "out.wav"), tmp_path / "low.csv"
    name = tiny_workspace.NAMES[1]
    low = instrument.read(root / "instruments" / f"{name}.zip").statistics.pitch_range_midi[0]
    table.write_text("".join(f"{k / 100},{midi_to_hz(low - 7.2)}\n" for k in range(301)))
    begin = ["--workspace", str(root), "--json", "transfer", str(example), "--out", out, "--transpose", "auto"]
    for words in (["--instrument", name, "--tracker", "tiny", "--f0", str(table)], ["--like", out]):
        assert cli.main([*begin, *words]) in (0, None)
        document = json.loads(capsys.readouterr().out)
        assert document["pitch_edit"] == 1
        assert (
            document["auto_transpose"] == document["fit"]["transpose"] == 7
        )  # half a semitone outside counts as inside
        assert document["fit"]["pitch_inside"] == 1.0
