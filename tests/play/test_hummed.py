"""The notes of a recording are those that were sung in it, where and as loud as they were."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.errors import ScoreError
from ddsing.play import expression, hummed, placing, sing
from ddsing.play.expression import Loudness
from ddsing.play.score import Line, Note
from ddsing.play.style import STYLES
from ddsing.sound import loudness
from tests.support.tiny_workspace import tiny_instrument

LOUDNESS = Loudness.of(tiny_instrument("x").statistics, generation=3)
NOTES = ((60, 0.5, 1.25, 0.2), (64, 1.25, 2.0, 0.9), (62, 2.3, 3.5, 0.5), (62, 3.7, 4.2, 0.5), (57, 4.2, 6.0, 0.1))


def features(style, off=0.0):
    made = tuple(Note(start, end, midi + off, velocity) for midi, start, end, velocity in NOTES)
    line = Line(made, (), ((0.0, 120.0),), "s", "", 1, "highest")
    return placing.features(expression.curves(line, style, LOUDNESS, generation=3, seed=1))


@pytest.mark.parametrize("style", STYLES)
def test_what_a_style_has_drawn_is_found_again(style):
    found = hummed.line(features(STYLES[style], off=0.3), "hum.wav", "key")
    assert (found.score, found.score_hash, found.rule) == ("hum.wav", "key", hummed.RULE)
    assert len(found.notes) == len(NOTES)
    for note, (midi, start_s, end_s, _) in zip(found.notes, NOTES):
        assert note.midi == pytest.approx(midi + 0.3, abs=0.1)
        assert (note.start_s, note.end_s) == pytest.approx((start_s, end_s), abs=0.06)
    loud = [note.velocity for note in found.notes]
    assert max(loud) == loud[1] and min(loud) == loud[4]
    tuned = hummed.tuned(found)
    assert [note.midi for note in tuned.notes] == [midi for midi, *_ in NOTES] and hummed.tuned(tuned) == tuned


@pytest.mark.parametrize(("depth_db", "gap_s", "n_notes"), [(15, 0.06, 2), (25, 0.1, 2), (6, 0.06, 1), (15, 0.8, 1)])
def test_a_note_that_is_begun_anew_is_another(depth_db, gap_s, n_notes):
    """A hum of one pitch, softer for a moment: a short, deep dip parts two notes; a swell or a vibrato's dip none."""
    held = Line((Note(0.5, 2.5, 62.0, 0.5),), (), ((0.0, 120.0),), "s", "", 1, "highest")
    curves = expression.curves(held, STYLES["plain"], LOUDNESS, generation=3, seed=1)
    at_s = np.arange((len(curves.f0_hz) - 1) * HOP_SAMPLES) / SAMPLE_RATE
    if gap_s < 0.5:
        softer = np.where(abs(at_s - 1.5) < gap_s / 2, 10 ** (-depth_db / 20), 1.0)
    else:
        softer = 10 ** (-depth_db / 20 * np.cos(np.clip((at_s - 1.5) / gap_s, -1, 1) * np.pi / 2) ** 2)
    heard_db = loudness.compute((sing.hum(curves) * softer).astype(np.float32))
    found = hummed.line(replace(placing.features(curves), loudness_db=heard_db), "hum.wav", "key").notes
    assert len(found) == n_notes and all(note.midi == pytest.approx(62, abs=0.05) for note in found)
    if n_notes == 2:
        assert (found[0].end_s, found[1].start_s) == pytest.approx((1.5 - gap_s / 2, 1.5 + gap_s / 2), abs=0.016)


def test_silence_and_noise_have_no_notes():
    curves = features(STYLES["plain"])
    for nothing in (replace(curves, f0_confidence=np.zeros_like(curves.f0_confidence)), _empty(curves)):
        with pytest.raises(ScoreError, match="No note was found"):
            hummed.line(nothing, "hum.wav", "key")


def _empty(curves):
    return replace(
        curves, f0_hz=curves.f0_hz[:0], f0_confidence=curves.f0_confidence[:0], loudness_db=curves.loudness_db[:0]
    )
