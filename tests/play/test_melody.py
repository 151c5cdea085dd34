"""Which notes are sung where several sound, and what a line keeps."""

import json

import pytest

from ddsing.errors import ScoreError
from ddsing.play import melody
from ddsing.play.score import Line, Note, Part, Score


def part(*notes, name="Part"):
    return Part(name, tuple(Note(start, end, midi, 0.5) for midi, start, end in notes))


def chosen(rule, *notes):
    return [(one.midi, one.start_s, one.end_s) for one in melody.choose(part(*notes), rule)]


CHORD = ((48, 0.0, 2.0), (60, 0.0, 1.0), (64, 0.01, 1.0), (62, 1.0, 2.0))


def test_of_a_chord_one_note_is_sung():
    assert chosen("highest", *CHORD) == [(64, 0.0, 1.0), (62, 1.0, 2.0)]
    assert chosen("lowest", *CHORD) == [(48, 0.0, 2.0)]
    assert chosen("last", *CHORD) == [(64, 0.0, 1.0), (62, 1.0, 2.0)]
    with pytest.raises(ScoreError, match="highest, lowest, last"):
        melody.choose(part(*CHORD), "loudest")


def test_a_covered_note_does_not_come_back():
    held = (60, 0.0, 4.0), (72, 1.0, 2.0)
    assert chosen("highest", *held) == [(60, 0.0, 1.0), (72, 1.0, 2.0)]
    assert chosen("last", *held) == [(60, 0.0, 1.0), (72, 1.0, 2.0)]
    assert chosen("lowest", *held) == [(60, 0.0, 4.0)]


def test_notes_that_overlap_a_little_follow_each_other():
    for rule in melody.RULES:
        assert chosen(rule, (64, 0.0, 1.05), (60, 1.0, 2.0), (67, 1.9, 3.0)) == [
            (64, 0.0, 1.0),
            (60, 1.0, 1.9),
            (67, 1.9, 3.0),
        ]


def test_the_part_for_a_voice_is_the_one_that_is_sung():
    notes = ((60, 0.0, 1.0),)
    score = Score("s", "", "MIDI", (part(*notes, name="Piano"), part(*notes, name="Lead Vocals"), part(*notes)))
    assert melody.line(score).part == 2 and melody.line(score, 3).part == 3
    assert Score("s", "", "MIDI", (part(*notes, name="Piano"), part(*notes))).part()[0] == 1


def test_a_line_can_be_cut_and_kept():
    score = Score("söng.mid", "f" * 64, "MIDI", (part(*((60 + n, n, n + 0.5) for n in range(8))),), ((0.0, 90.0),))
    line = melody.line(score)
    cut = line.between(2.0, 4.25)
    assert [(one.midi, one.start_s, one.end_s) for one in cut.notes] == [(62, 0, 0.5), (63, 1, 1.5), (64, 2, 2.25)]
    assert cut.tempos == ((0.0, 90.0),) and Line.from_json(json.loads(json.dumps(cut.to_json()))) == cut
    with pytest.raises(ScoreError, match="No note begins"):
        line.between(0.6, 0.9)
    for broken in ({}, {**cut.to_json(), "notes": [[0, 0, 0, 0, 0, 0]]}, {**cut.to_json(), "notes": []}):
        with pytest.raises(ScoreError):
            Line.from_json(broken)


def test_a_note_that_can_t_be_is_refused():
    for bad in ((1.0, 1.0, 60.0, 0.5), (0.0, 1.0, float("nan"), 0.5), (0.0, 1.0, 200.0, 0.5), (-1.0, 1.0, 60.0, 0.5)):
        with pytest.raises(ScoreError):
            Note(*bad)
