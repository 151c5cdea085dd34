"""A sung score is a take like all others: its sound has the notes that were written, its recipe sings it again."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing import instrument
from ddsing.instrument import Instrument
from ddsing.play import melody, reading, sing
from ddsing.play.style import CONTROLS, STYLES, Style
from ddsing.sound import audio as recordings
from ddsing.sound import features, loudness
from ddsing.transfer.takes import TakeStore
from ddsing.units import hz_to_midi
from ddsing.workspace import open_workspace
from tests.support import scores, tiny_workspace
from tests.support.z_models import some_space, z_instrument

SONG = ((60, 0.5, 1.25), (64, 1.25, 2.0), (62, 2.0, 2.75), (67, 3.1, 5.1), (65, 5.1, 5.85), (60, 6.2, 8.2))
FIRST = tiny_workspace.NAMES[0]


def lined(path):
    return melody.line(reading.read(path))


def test_an_instrument_with_timbre_sings_with_its_voice_s_mean(tiny, song):
    for latent, z_from, warned in ((some_space(), "mean", False), (None, "recording", True)):
        take = sing.sing(tiny, lined(song), z_instrument(latent=latent), STYLES["plain"], style_name="plain")
        assert take.settings.z_from == z_from and (sing.NO_MEAN in take.warnings) == warned
        assert np.abs(recordings.decode(take.folder / "result.wav")).max() > 1e-4


def test_the_recipe_fits_into_a_file_whatever_is_changed(tiny, song):
    style = Style(
        **{name: one.low + 0.61803 * (one.high - one.low) for name, one in CONTROLS.items() if name != "soft"}
    )
    take = sing.sing(tiny, replace(lined(song), score="n" * 80 + ".mid"), FIRST, style, style_name="voice:" + "v" * 60)
    recipe = recordings.read_recipe(TakeStore(tiny).export(take.id))
    found, name = sing.style_of(recipe["score"])
    assert found.to_json() == style.to_json() and name.startswith("voice:v")


def flutelike() -> Instrument:
    """A playable instrument whose sound follows what it is given: the demo's."""
    return instrument.read(open_workspace().instruments / "aria.zip")


@pytest.fixture(scope="module")
def performed(tmp_path_factory):
    """The song sung by the demo's singer: the line, the style, and the result, tracked again."""
    workspace = open_workspace(tmp_path_factory.mktemp("sung") / "w")
    style = replace(
        STYLES["classical"],
        vibrato_cents=45.0,
        vibrato_hz=5.8,
        vibrato_delay_s=0.3,
        vibrato_delay_share=0.0,
        vibrato_irregularity=0.0,
        drift_cents=2.0,
    )
    line = melody.line(reading.read(scores.melody(*SONG), name="song.mid"))
    take = sing.sing(workspace, line, "aria", style)
    result = recordings.decode(take.folder / "result.wav")
    return line, style, take, features.extract(result, tracker="full"), loudness.compute(result)


def inner(note, *, begin, end):
    return slice(round((note.start_s + begin) * 250), round((note.end_s - end) * 250))


@pytest.mark.slow
def test_every_note_s_middle_is_within_ten_cents_of_what_was_written(performed):
    line, style, take, found, _ = performed
    assert take.score["transpose"] == 0 and take.warnings == ()
    for note in line.notes:
        period = 1.0 / style.vibrato_hz
        middle = (note.end_s - note.start_s) / 2
        n_periods = max(1, int((note.duration_s - 0.4) / period)) * period
        there = inner(note, begin=middle - n_periods / 2, end=middle - n_periods / 2)
        cents = 100.0 * (hz_to_midi(found.f0_hz[there]) - note.midi)
        assert abs(cents.mean()) < 10.0, (note, cents.mean())


@pytest.mark.slow
def test_every_onset_is_within_thirty_milliseconds(performed):
    line, _, _, found, level = performed
    midi = hz_to_midi(found.f0_hz)
    before = None
    for note in line.notes:
        around = slice(max(0, round((note.start_s - 0.15) * 250)), round((note.start_s + 0.15) * 250))
        if before is not None and note.start_s - before.end_s < 1e-3:  # connected: where the pitch passes the middle
            share = (midi[around] - before.midi) / (note.midi - before.midi)
            at = np.flatnonzero(share >= 0.5)[0]
        else:  # after a rest: where the sound reaches half of its amplitude
            full = np.median(level[inner(note, begin=0.1, end=0.2)])
            at = np.flatnonzero(level[around] >= full - 6.0)[0]
        assert abs((around.start + at) / 250 - note.start_s) < 0.030, note
        before = note


@pytest.mark.slow
def test_vibrato_has_the_rate_and_depth_that_were_asked_for(performed):
    line, style, _, found, _ = performed
    for note in (note for note in line.notes if note.duration_s > 1.9):
        swing = 100.0 * (hz_to_midi(found.f0_hz[inner(note, begin=0.7, end=0.3)]) - note.midi)
        swing -= swing.mean()
        spectrum = np.abs(np.fft.rfft(swing * np.hanning(len(swing)), 25_000))
        assert np.argmax(spectrum[300:]) / 100.0 + 3.0 == pytest.approx(style.vibrato_hz, abs=0.25)
        depth = np.sqrt(2.0) * swing.std() * 1.18  # what the tracker's windows take off
        assert depth == pytest.approx(style.vibrato_cents, rel=0.15)
