"""What the piano roll does to the notes and the drawn curves of a score, as pure functions: expected by hand."""

import numpy as np
import pytest

from ddsing.ui.player.players import text_of
from tests.support import in_node

SCRIPT = text_of("grid.js", "notes_edit.js")
SCORE = [
    [0.0, 1.0, 60, 0.5, False],
    [1.0, 2.0, 62, 0.6, True],
    [2.5, 3.0, 64, 0.7, False],
    [10 / 3, 11 / 3, 65, 0.7, False],
]
EMPTY = {"changed": [], "added": [], "removed": [], "pitch": [], "loudness": []}
SUNG = "[0, 110]"


@pytest.fixture
def told(tmp_path):
    """The value of an expression, in which `edit` is that of the score without changes, or with those given."""

    def told(expression, **changes):
        body = f"const edit = read(given.score, given.changes); tell({expression});"
        return in_node.told(tmp_path / "node", SCRIPT + body, score=SCORE, changes=changes)

    return told


def written(expression):
    """What the page is told of an edit, without what is always the same."""
    return f'((made) => written(given.score, "line", made.edit ?? made))({expression})'


def changes(document, **expected):
    """Whether a document has these changes and no others."""
    return document == {"version": 1, "line": "line", **EMPTY, **expected}


def test_nothing_is_changed_of_what_is_only_read(told):
    assert changes(told(written("edit")))
    made = {
        "changed": [[1, [1.0, 2.0, 63, 0.6, True]]],
        "added": [[2.1, 2.4, 70, 0.5, False], [0.2, 0.3, 50, 0.5, False]],
        "removed": [0, 3],
        "pitch": [[0.5, 0], [0.5, 20], [0.8, -30], [0.8, 0], [0.8, 0], [0.8, 40], [1, 10], [1, 0]],
        "loudness": [[1, 0], [1, 0], [2, -6], [2, 0]],
    }
    assert changes(told(written("edit"), **made), **made)
    # Points of others that are no strokes of ours mean the same curve.
    points = [[0.0, 0], [1.0, 0], [1.5, 50], [2.0, 0], [3.0, 0]]
    assert told("edit.pitch", pitch=points) == [[[1.0, 0], [1.5, 50], [2.0, 0]]]


def test_notes_are_moved_together_and_cut_what_they_cover(told):
    assert changes(told(written(f"moved(edit, [0], 0, 7, {SUNG})")), changed=[[0, [0.0, 1.0, 67, 0.5, False]]])
    later = told(written(f"moved(edit, [1], 0.7, -1, {SUNG})"))
    assert changes(later, changed=[[1, [1.7, 2.7, 61, 0.6, True]], [2, [2.7, 3.0, 64, 0.7, False]]])
    covered = told(written(f"moved(edit, [1], 1.48, 0, {SUNG})"))  # 20 ms would be left of the third
    assert changes(covered, changed=[[1, [2.48, 3.48, 62, 0.6, True]], [3, [3.48, 3.667, 65, 0.7, False]]], removed=[2])
    assert told(f"moved(edit, [1], 1.48, 0, {SUNG}).chosen") == [1]
    assert told(f"moved(edit, [0, 2], 0.25, 0, {SUNG}).edit.notes.map((note) => note.slice(0, 3))") == [
        [0.25, 1.25, 60],
        [1.25, 2, 62],
        [2.75, 3.25, 64],
        pytest.approx([10 / 3, 11 / 3, 65]),
    ]


def test_notes_are_moved_as_far_as_there_is_room(told):
    assert told(f"moved(edit, [0, 1], -5, 100, {SUNG}).edit.notes.slice(0, 2)") == [
        [0.0, 1.0, 108, 0.5, False, 0],
        [1.0, 2.0, 110, 0.6, True, 1],
    ]
    assert told("moved(edit, [1, 3], 0, -12, [55, 110]).edit.notes.map((note) => note[MIDI])") == [60, 55, 64, 58]
    assert told("moved(edit, [2, 3], 9, 0, [0, 110, 5]).edit.notes[3][END]") == 5
    # Only rounded, the end of a note is not over the next one.
    assert changes(
        told(written(f"moved(edit, [2], {1 / 3:.4f}, 0, {SUNG})")), changed=[[2, [2.833, 3.333, 64, 0.7, False]]]
    )


def test_what_was_drawn_over_a_note_comes_along(told):
    pitch = [[0.5, 0], [0.5, 10], [1.5, 30], [1.5, 0]]
    assert told(f"moved(edit, [1], 0, 5, {SUNG}).edit.pitch", pitch=pitch) == [[[0.5, 10], [1.5, 30]]]
    parts = told(f"moved(edit, [1], 0.25, 0, {SUNG}).edit.pitch", pitch=pitch)
    assert parts == [[[0.5, 10], [1.0, 20]], [[1.25, 20], [1.75, 30]]]
    loudness = [[1.0, 0], [1.0, 3], [3.0, 3], [3.0, 0]]
    parts = told(f"moved(edit, [1], 1, 0, {SUNG}).edit.loudness", loudness=loudness)
    assert parts == [[[2.0, 3], [3.0, 3]]]


def test_a_note_is_stretched_at_both_ends(told):
    assert changes(told(written("stretched(edit, 2, START, 2.25)")), changed=[[2, [2.25, 3.0, 64, 0.7, False]]])
    assert changes(told(written("stretched(edit, 2, END, 1.0)")), changed=[[2, [2.5, 2.53, 64, 0.7, False]]])
    both = told(written("stretched(edit, 0, END, 1.5)"))
    assert changes(both, changed=[[0, [0.0, 1.5, 60, 0.5, False]], [1, [1.5, 2.0, 62, 0.6, True]]])


@pytest.mark.slow
def test_notes_are_added_where_there_is_room_and_deleted(told):
    assert told("added(edit, 0.5, 70, 4)") is None
    assert told("added(edit, 2.48, 70, 4)") is None
    # As long as the one before, up to the next; as loud, and without its breath.
    assert changes(told(written("added(edit, 2.1, 70, 4)")), added=[[2.1, 2.5, 70, 0.6, False]])
    assert changes(told(written("added(edit, 5, 70, 4)")), added=[[5, 5.333, 70, 0.7, False]])
    assert told("added(edit, 2.1, 70, 4).chosen") == [2]
    two = "added(added(edit, 5, 70, 4).edit, 2.1, 71, 4).edit"
    assert told(written(two))["added"] == [[5, 5.333, 70, 0.7, False], [2.1, 2.5, 71, 0.6, False]]
    left = told(written(f"without({two}, [0, 5])"))
    assert changes(left, removed=[0], added=[[2.1, 2.5, 71, 0.6, False]])
    assert told("[freeFrom(edit.notes, 0.5), freeFrom(edit.notes, 2), freeFrom(edit.notes, 9)]") == [2, 2, 9]
    assert told("valued(edit, [0, 2], VELOCITY, 0.9).edit.notes.map((note) => note[VELOCITY])") == [0.9, 0.6, 0.9, 0.7]


def test_a_drawn_line_becomes_the_stroke_that_moves_the_curve_onto_it(told):
    """Drawn straight over a vibrato, stroke and vibrato add up to the line, within the tolerance."""
    vibrato = "(at) => 60 + 0.4 * Math.sin(2 * Math.PI * 5.6 * at)"
    cents = "{ scale: 100, tolerance: 2, most: 4800 }"
    rows = np.array(told(f"strokeTo([[0.5, 60], [1.5, 62]], {vibrato}, 0.004, {cents})"))
    at_s = np.arange(0.5, 1.5, 0.004)
    drawn = 60 + 0.4 * np.sin(2 * np.pi * 5.6 * at_s) + np.interp(at_s, *rows.T) / 100
    np.testing.assert_allclose(drawn, 60 + 2 * (at_s - 0.5), atol=0.025)
    assert rows[0, 0] == 0.5 and rows[-1, 0] == 1.5 and 40 < len(rows) < 130
    assert told(f"strokeTo([[1, 60], [1.0002, 61]], () => 60, 0.004, {cents})") is None
    assert told(f"strokeTo([[1, 20], [2, 120]], () => 70, 0.5, {cents})") == [[1, -4800], [2, 4800]]
    found = told("Array.from(offsets([[[0.5, 10], [1.0, 30]], [[1.0, -10], [1.5, -10]]], 500, 0.004))")
    expected = np.zeros(500)
    expected[125:250] = 10 + 40 * (np.arange(125, 250) * 0.004 - 0.5)
    expected[250:376] = -10
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_stroke_replaces_what_is_under_it(told):
    pitch = [[0, 0], [0, 10], [2, 30], [2, 0]]
    over = told('drawnOver(edit, "pitch", [[0.5, 99], [1, 99]]).pitch', pitch=pitch)
    assert over == [[[0, 10], [0.5, 15]], [[0.5, 99], [1, 99]], [[1, 20], [2, 30]]]
    assert told('undrawn(edit, "pitch", 1, Infinity).pitch', pitch=pitch) == [[[0, 10], [1, 20]]]
    # Backwards, the brush replaces what it has drawn before.
    line = "brushed(brushed([[0, 1]], [0, 1], [2, 1]), [2, 1], [1, 5])"
    assert told(line) == [[0, 1], [1, 5], [2, 1]]


def test_what_was_done_is_undone_and_redone(told):
    three = "done(done(begun(1), 2), 3)"
    assert told(f"undone({three})") == {"past": [1], "now": 2, "future": [3]}
    assert told(f"redone(undone({three}))") == {"past": [1, 2], "now": 3, "future": []}
    assert told(f"done(undone({three}), 4)") == {"past": [1, 2], "now": 4, "future": []}
    assert told(f"[undone(begun(1)), redone({three}).now]") == [{"past": [], "now": 1, "future": []}, 3]


def test_names_of_notes_are_read_as_people_write_them(told):
    names = {
        "A4": 69,
        "c#3": 49,
        "Db5": 73,
        "h3": 59,
        "B3": 59,
        "C♯-1": 1,
        " 60 ": 60,
        "60.5": 60.5,
        "x4": None,
        "": None,
    }
    assert told(f"{list(names)}.map(readNote)") == list(names.values())


def test_a_place_is_a_note_its_end_or_nothing(told):
    scale = "{ second: 0.01, semitone: 0.2, edge: 7 }"
    touch = f"((at, pitch) => touched(edit.notes, at, pitch, {scale}))"
    found = told(f"[{touch}(0.5, 60.4), {touch}(0.95, 60), {touch}(1.04, 62), {touch}(0.5, 61), {touch}(3.05, 64)]")
    assert found == [
        {"index": 0, "edge": None},
        {"index": 0, "edge": 1},
        {"index": 1, "edge": 0},
        None,
        {"index": 2, "edge": 1},
    ]
    assert told("[magnet(1.02, [1, 2], 0.05), magnet(1.06, [1, 2], 0.05), magnet(1, [], 1)]") == [1, 1.06, 1]


def test_two_fingers_hold_what_is_between_them(told):
    assert told("pinchedView(1, 2, 100, 300, 400)") == pytest.approx({"start": 0.5, "width": 2.0})
    assert told("[pinchedView(1, 2, 100, 104, 400), pinchedView(1, 2, 300, 100, 400)]") == [None, None]


def test_curves_go_with_their_notes_until_they_are_drawn_anew(told):
    """Each point moves with the note over it: 256 a semitone; where it was is what it was, or a rest."""
    before = "[[0, 1, 60, 0.5, false, 0], [1, 2, 62, 0.5, false, 1]]"
    after = "[[0, 1, 63, 0.5, false, 0], [1.5, 2.5, 62, 0.5, false, 1], [2.5, 3, 70, 0.5, false, 9]]"
    points = "Float32Array.from({ length: 40 }, (_, k) => k)"
    how = "lift: 256, fresh: (note) => note[MIDI], rest:"
    guess = f"[null, -1].map((one) => Array.from(guessed({points}, 0.1, {before}, {after}, {{ {how} one }})))"
    expected = np.arange(40.0)
    expected[:10] += 768
    expected[15:25] = np.arange(10, 20)
    expected[25:30] = 70
    rest = np.where((np.arange(40) >= 10) & (np.arange(40) < 15), -1, expected)
    assert told(guess) == [expected.tolist(), rest.tolist()]
