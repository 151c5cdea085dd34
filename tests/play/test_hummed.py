"""The notes of a recording are those that were sung in it, where and as loud as they were."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing.errors import ScoreError
from ddsing.play import expression, hummed, placing
from ddsing.play.expression import Loudness
from ddsing.play.score import Line, Note
from ddsing.play.style import STYLES
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


def test_silence_and_noise_have_no_notes():
    curves = features(STYLES["plain"])
    for nothing in (replace(curves, f0_confidence=np.zeros_like(curves.f0_confidence)), _empty(curves)):
        with pytest.raises(ScoreError, match="No note was found"):
            hummed.line(nothing, "hum.wav", "key")


def _empty(curves):
    return replace(
        curves, f0_hz=curves.f0_hz[:0], f0_confidence=curves.f0_confidence[:0], loudness_db=curves.loudness_db[:0]
    )
