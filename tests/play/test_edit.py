"""An edit does what it says to notes and curves of a score, and nothing to the others; what is none is one sentence."""

import json
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ddsing.errors import ScoreError
from ddsing.play import daw, placing, sing
from ddsing.play.edit import NOTHING_LEFT, OTHER, ScoreEdit, line_digest
from ddsing.play.score import Line, Note
from ddsing.play.style import STYLES
from ddsing.sound import audio as recordings
from ddsing.units import hz_to_midi
from tests.support import tiny_workspace
from tests.support.tiny_workspace import tiny_instrument

STATISTICS = tiny_instrument("x").statistics  # notes from MIDI 50 to 70
ROWS = ((60, 0.2, 1.4), (64, 1.4, 2.6), (62, 3.0, 4.2), (57, 4.5, 5.5))
NOTES = tuple(Note(start, end, midi, 0.5) for midi, start, end in ROWS)
LINE = Line(NOTES, (), ((0.0, 120.0),), "song.mid", "0" * 64, 1, "highest")


def edited(**what):
    return ScoreEdit(line_digest(LINE), **what)


def placed(edit=None, **how):
    return placing.place(LINE, STYLES["classical"], STATISTICS, generation=3, seed=3, edit=edit, **how)


def same(one, other, *, after_s=0.0, before_s=None):
    there = slice(round(after_s * 250), None if before_s is None else round(before_s * 250))
    return all((getattr(one, name)[there] == getattr(other, name)[there]).all() for name in ("f0_hz", "loudness_db"))


def test_a_note_that_is_changed_leaves_the_others_bit_for_bit():
    plain = placed()
    for edit in (edited(changed=((3, Note(4.5, 5.5, 59, 0.9)),)), edited(removed=(3,))):
        assert same(placed(edit).curves, plain.curves, before_s=4.3)
    first = placed(edited(changed=((0, Note(0.3, 1.2, 61, 0.5)),)))
    assert same(first.curves, plain.curves, after_s=2.97) and not same(first.curves, plain.curves)
    assert [note.midi for note in first.line.notes] == [61, 64, 62, 57]


def test_an_added_note_shortens_the_one_before_and_leaves_the_numbers_of_the_others():
    plain, found = placed(), placed(edited(added=(Note(2.0, 2.9, 67, 0.5),)))
    assert [(note.midi, note.start_s, note.end_s) for note in found.line.notes][1:3] == [(64, 1.4, 2.0), (67, 2.0, 2.9)]
    assert same(found.curves, plain.curves, after_s=3.0 - 0.05 + 0.2) and same(found.curves, plain.curves, before_s=1.3)
    covered = placed(edited(added=(Note(1.4, 2.6, 50, 0.5), Note(5.6, 6.0, 55, 0.5))))
    assert [note.midi for note in covered.line.notes] == [60, 50, 62, 57, 55], "of two that begin together the later"
    with pytest.raises(ScoreError, match="longer than 10 min"):
        placed(edited(added=(Note(900.0, 901.0, 60, 0.5),)))


def test_offsets_are_straight_between_their_points_and_nothing_elsewhere():
    pitch, loudness = (
        ((0.5, 0.0), (0.7, 100.0), (0.9, 100.0), (0.9, -50.0), (1.1, -50.0)),
        ((1.6, 0.0), (1.6, -6.0), (2.0, 6.0)),
    )
    found = placed(edited(pitch=pitch, loudness=((0.0, 12.0), (0.05, 12.0), (0.05, 0.0), *loudness)))
    plain = placed().curves
    assert same(found.styled, plain)
    cents = 100.0 * (hz_to_midi(found.curves.f0_hz) - hz_to_midi(plain.f0_hz))
    at = np.arange(len(cents)) / 250
    asked = np.where(at < 0.9, np.interp(at, [0.5, 0.7], [0, 100]), np.where(at <= 1.1, -50.0, 0.0))
    np.testing.assert_allclose(cents, asked, atol=0.05)
    louder = found.curves.loudness_db - plain.loudness_db
    asked = np.where((at >= 1.6 - 1e-9) & (at <= 2.0 + 1e-9), np.interp(at, [1.6, 2.0], [-6.0, 6.0]), 0.0)
    np.testing.assert_allclose(louder, asked, atol=1e-4)
    assert not found.curves.sounding[:10].any(), "a rest stays one"
    silent = placed(edited(loudness=((0.0, -60.0), (1.0, -60.0)))).curves
    assert not silent.sounding[:200].any() and silent.loudness_db.min() == silent.silence_db
    extreme = placed(edited(pitch=((0.0, 4800.0), (9.0, 4800.0)))).curves
    assert np.isfinite(extreme.f0_hz).all() and extreme.f0_hz.max() < 5000.0


def test_an_edit_does_not_move_the_whole_by_an_octave_and_goes_along_with_a_transposition():
    high = replace(LINE, notes=tuple(replace(note, midi=note.midi + 12) for note in NOTES))
    up = ScoreEdit(
        line_digest(high), changed=tuple((place, Note(*NOTES[place].__dict__.values())) for place in (0, 1, 2))
    )
    how = {"generation": 3, "seed": 0}
    found = placing.place(high, STYLES["plain"], STATISTICS, edit=up, **how)
    assert found.transpose == placing.place(high, STYLES["plain"], STATISTICS, **how).transpose == -12
    bent = edited(pitch=((0.0, 30.0), (6.0, 30.0)))
    np.testing.assert_allclose(
        placed(bent, transpose=2).curves.f0_hz, placed(bent).curves.f0_hz * 2 ** (2 / 12), rtol=1e-5
    )


NUMBERS = st.floats(0.0, 100.0)
POINTS = st.lists(st.tuples(NUMBERS, st.floats(-60.0, 60.0)), max_size=5).map(lambda one: tuple(sorted(one)))
MADE = st.builds(
    lambda start, length, midi, velocity: Note(start, start + length, midi, velocity),
    NUMBERS,
    st.floats(0.01, 20.0),
    st.floats(30.0, 90.0),
    st.floats(0.0, 1.0),
)
EDITS = st.builds(
    lambda places, notes, added, removed, pitch, loudness: edited(
        changed=tuple(zip(sorted(places), notes)),
        added=tuple(added),
        removed=tuple(sorted(removed - places)),
        pitch=pitch,
        loudness=loudness,
    ),
    st.sets(st.integers(0, 3)),
    st.lists(MADE, min_size=4, max_size=4),
    st.lists(MADE, max_size=4),
    st.sets(st.integers(0, 3)),
    POINTS,
    POINTS,
)


@hypothesis.given(EDITS)
@pytest.mark.slow
def test_any_edit_is_read_as_it_was_written_and_sung_or_one_sentence_says_why_not(edit):
    again = ScoreEdit.from_text(edit.to_text())
    assert again == edit and again.digest == edit.digest and bool(again) == bool(edit)
    try:
        found = placed(edit)
    except ScoreError as error:
        assert str(error) == NOTHING_LEFT
        return
    assert all(a.end_s <= b.start_s for a, b in zip(found.line.notes, found.line.notes[1:]))
    assert np.isfinite(found.curves.f0_hz).all() and found.curves.f0_hz.min() > 8.0
    assert found.curves.silence_db <= found.curves.loudness_db.min() and found.curves.loudness_db.max() <= 0.0


GOOD = edited(pitch=((1.0, 2.0),)).to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 10_000,
        "\xff",
        json.dumps(GOOD | {"version": 2}),
        json.dumps(GOOD | {"line": 7}),
        *(
            json.dumps(GOOD | {name: value})
            for name, value in (
                ("pitch", [[2, 1], [1, 1]]),
                ("pitch", [[1, 5000]]),
                ("pitch", [[1]]),
                ("pitch", 5),
                ("pitch", [[1, "x"]]),
                ("pitch", [[float("nan"), 1]]),
                ("loudness", [[-1, 1]]),
                ("loudness", [[1, 1]] * 20_001),
                ("added", [[1, 2, 60, 0.5]]),
                ("added", [[2, 1, 60, 0.5, False]]),
                ("added", [[0, 1, 1e400, 0.5, False]]),
                ("changed", [[-1, [0, 1, 60, 0.5, False]]]),
                ("changed", [[1, [0, 1, 60, 0.5, False]]] * 2),
                ("removed", [1, 0]),
                ("removed", [True]),
                ("removed", ["1"]),
                ("more", []),
            )
        ),
    ],
)
def test_what_is_no_edit_is_one_sentence(text):
    with pytest.raises(ScoreError) as error:
        ScoreEdit.from_text(text)
    assert str(error.value).count(".") <= 2 and "\n" not in str(error.value)


def test_an_edit_of_other_notes_and_one_that_leaves_none_are_refused():
    with pytest.raises(ScoreError, match=OTHER[:30]):
        edited(removed=(4,)).notes_of(LINE)
    with pytest.raises(ScoreError, match=OTHER[:30]):
        edited(removed=(0,)).notes_of(replace(LINE, notes=NOTES[1:]))
    with pytest.raises(ScoreError, match=NOTHING_LEFT[:30]):
        edited(removed=(0, 1, 2, 3)).notes_of(LINE)


def test_a_take_keeps_its_edit_beside_it_and_only_if_it_has_one(tiny):
    edit, how = edited(removed=(1,), pitch=((0.0, 20.0), (1.0, 20.0))), {"style_name": "plain", "transpose": 0}
    plain = sing.sing(tiny, LINE, tiny_workspace.NAMES[0], STYLES["plain"], **how)
    assert "edit" not in plain.score and sing.edit_of(plain) is None and not (plain.folder / sing.EDIT_FILE).exists()
    empty = sing.sing(tiny, LINE, tiny_workspace.NAMES[0], STYLES["plain"], edit=edited(), **how)
    assert empty.score == plain.score and empty.key == plain.key
    take = sing.sing(tiny, LINE, tiny_workspace.NAMES[0], STYLES["plain"], edit=edit, **how)
    assert take.score == plain.score | {"edit": edit.digest} and take.key != plain.key
    assert sing.edit_of(take) == edit and sing.line_of(take) == LINE and len(sing.sung_by(take).notes) == 3
    heard = take.curves()["f0_hz"]
    assert 100 * hz_to_midi(heard[100]) == pytest.approx(6020.0, abs=0.1)
    hum = recordings.decode(take.folder / "original.wav")
    spectrum = np.abs(np.fft.rfft(hum[round(0.4 * 16000) : round(0.9 * 16000)], 160_000))
    assert np.argmax(spectrum) / 10 == pytest.approx(440 * 2 ** ((60.2 - 69) / 12), abs=0.3)
    assert [name for _, name in daw._of_score(take)[0]] == ["C4", "D4", "A3"]
    (take.folder / sing.EDIT_FILE).write_text(json.dumps(edited(removed=(2,)).to_json()))
    with pytest.raises(ScoreError, match="not the one"):
        sing.edit_of(take)
