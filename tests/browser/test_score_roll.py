"""The notes of a score in their piano roll, in a real browser: dragged, drawn over, undone, and then sung as edited."""

import io
import zipfile
from dataclasses import replace

import mido
import pytest

from ddsing.play import sing
from ddsing.play.edit import ScoreEdit
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.browser.test_pitch import accessible
from tests.support import scores, tiny_workspace
from tests.support.dashboard import settled
from tests.support.patience import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCORE = scores.midi([*scores.note(0, 480, 57), *scores.note(480, 960, 60), *scores.note(1440, 1920, 64)])
ROLL = "[...ddsingNotes.values()][0]"
NOTES = f"() => {ROLL}.history.now.notes.map((note) => note.slice(0, 3))"
STROKES = f"() => [{ROLL}.history.now.pitch.length, {ROLL}.history.now.loudness.length]"
KEYS_PX, RULER_PX, LANE_PX = 44, 20, 84


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def heard(tab):
    """Wait until the page has heard of the last change, and is drawn with it."""
    tab.wait_for_function(f"() => {ROLL}.waiting === null")
    settled(tab)


def unfolded(tab):
    """The page with its roll, on which notes are where `point` says."""
    tab.locator(".stage").wait_for()
    settled(tab)
    tab.locator(".stage").scroll_into_view_if_needed()


def point(tab, seconds, midi):
    """Where on the page a time and a pitch are; without a pitch, in the strip of the loudness."""
    shown = tab.evaluate(f"() => {ROLL}")
    view, pitches, box = shown["view"], shown["pitches"], tab.locator(".stage").bounding_box()
    width, height = box["width"] - 2 - KEYS_PX, box["height"] - 2 - RULER_PX - LANE_PX
    share = 0.0 if midi is None else (pitches["high"] - midi) / (pitches["high"] - pitches["low"])
    x = box["x"] + 1 + KEYS_PX + (seconds - view["start"]) / view["width"] * width
    return x, box["y"] + 1 + RULER_PX + (share * height if midi is not None else height + LANE_PX / 2)


def drag(tab, start, end):
    tab.mouse.move(*start)
    tab.mouse.down()
    tab.mouse.move(*end, steps=6)
    tab.mouse.up()


def test_notes_and_curves_are_edited_undone_kept_and_sung(dashboard, workspace):
    tab, _ = dashboard(workspace, "")
    tab.get_by_role("radio", name="Score").click()
    settled(tab)
    file = {"name": "song.mid", "mimeType": "audio/midi", "buffer": SCORE}
    tab.locator('input[type="file"]').first.set_input_files(file)
    tab.get_by_text("Edit the notes").click()
    unfolded(tab)
    assert tab.evaluate(NOTES) == [[0, 0.5, 57], [0.5, 1, 60], [1.5, 2, 64]]
    undo = tab.get_by_role("button", name="Undo", exact=True)
    assert undo.is_disabled()

    drag(tab, point(tab, 0.25, 57), point(tab, 0.25, 59))
    assert tab.evaluate(NOTES) == [[0, 0.5, 59], [0.5, 1, 60], [1.5, 2, 64]]
    heard(tab)
    drag(tab, point(tab, 1.99, 64), point(tab, 2.49, 64))
    assert tab.evaluate(NOTES)[2] == [1.5, pytest.approx(2.5, abs=0.02), 64]
    heard(tab)
    tab.mouse.dblclick(*point(tab, 1.2, 66))
    assert tab.evaluate(NOTES)[2] == [pytest.approx(1.2, abs=0.02), 1.5, 66]
    tab.keyboard.press("Delete")
    assert len(tab.evaluate(NOTES)) == 3
    # The style is changed before the page has heard of the last note: nothing is lost.
    tab.locator(".stage").focus()
    for key in ("Home", "ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
    tab.get_by_role("radio", name="Plain").click()
    heard(tab)
    assert [midi for _, _, midi in tab.evaluate(NOTES)] == [59, 59, 64]

    tab.get_by_role("button", name="Draw pitch").click()
    drag(tab, point(tab, 1.6, 63), point(tab, 2.2, 66))
    heard(tab)  # the page says more now, and the roll may be at another place on it
    tab.get_by_role("button", name="Draw loudness").click()
    drag(tab, point(tab, 0.1, None), point(tab, 0.9, None))
    assert tab.evaluate(STROKES) == [1, 1]
    tab.keyboard.press("Control+z")
    assert tab.evaluate(STROKES) == [1, 0]
    tab.keyboard.press("Control+Shift+Z")
    heard(tab)
    tab.get_by_text("notes: 3 changed · pitch drawn · loudness drawn").wait_for()
    edited = tab.evaluate(NOTES)
    tab.reload()
    unfolded(tab)
    assert tab.evaluate(NOTES) == edited and tab.evaluate(STROKES) == [1, 1]
    undo.click()
    heard(tab)
    assert tab.evaluate(STROKES) == [1, 0], "what was done before the reload is undone"
    accessible(tab)

    with tab.expect_download() as saving:
        tab.get_by_role("button", name="Save the edit").click()
    assert saving.value.suggested_filename == "song edit.json"
    saved = ScoreEdit.from_text(saving.value.path().read_bytes())

    # Sung at once: the last change has not come to the page yet.
    tab.locator(".stage").focus()
    for key in ("Home", "ArrowUp", "Control+Enter"):
        tab.keyboard.press(key)
    takes = TakeStore(workspace)
    until(lambda: takes.newest() is not None)
    edit = sing.edit_of(takes.newest())
    assert replace(edit, changed=edit.changed[1:]) == replace(saved, changed=saved.changed[1:])
    edited[0][2] += 1
    rows = [[note.start_s, note.end_s, note.midi] for _, note in edit.changed]
    assert rows == edited and edit.pitch and not edit.loudness
    downloaded(tab, takes.newest())


def downloaded(tab, take):
    """What was sung goes to a DAW with its notes and bends, and to a table with its curves."""
    settled(tab)
    tab.get_by_text("Guide", exact=True).wait_for()
    tab.get_by_role("button", name="Download song").click()
    with tab.expect_download() as saving:
        tab.get_by_role("button", name="For a DAW").click()
    with zipfile.ZipFile(saving.value.path()) as file:
        assert "guide.wav" in file.namelist()
        messages = list(mido.MidiFile(file=io.BytesIO(file.read("notes.mid"))))
    assert [one.type for one in messages].count("pitchwheel") > 10
    notes = [one.note - take.score["transpose"] for one in messages if one.type == "note_on"]
    assert notes == [60, 59, 64]
    with tab.expect_download() as saving:
        tab.get_by_role("button", name="Curves as CSV").click()
    head, *rows = saving.value.path().read_text().splitlines()
    assert head.startswith("time,frequency,confidence") and len(rows) == len(take.curves()["f0_hz"])
