"""The panel *Edit the notes*: an edit from a file is taken up, and one of other notes is refused in a sentence.

What is done in the roll itself, tests/browser/test_score_roll.py does.
"""

import json

import pytest

from ddsing.play import edit as edits
from ddsing.play import melody, reading
from ddsing.play.edit import ScoreEdit, line_digest
from ddsing.ui.shell.formatting import plain
from ddsing.workspace import Workspace
from tests.support import scores, tiny_workspace
from tests.support.pages import clean, open_page, said

CONTENT = scores.midi([*scores.note(0, 960, 60), *scores.note(960, 1920, 62)])
LINE = melody.line(reading.read(CONTENT, name="song.mid"))


@pytest.fixture
def app(monkeypatch, tmp_path):
    opened = open_page(monkeypatch, Workspace(tiny_workspace.fill(tmp_path / "ws")).root)
    opened.session_state["score.more.roll"] = True
    opened.button_group(key="transfer.source_kind").set_value("score").run()
    return opened.file_uploader(key="score.uploader").set_value(("song.mid", CONTENT, "audio/midi")).run()


def load(app, text):
    return app.file_uploader(key="score.edit.load").set_value(("edit.json", text.encode(), "application/json")).run()


def test_an_edit_is_loaded_from_a_file_and_others_are_refused(app):
    clean(app)
    made = ScoreEdit(line_digest(LINE), removed=(1,), pitch=((0.1, 20.0), (0.5, -20.0)))
    load(app, made.to_text())
    clean(app)
    assert "notes: 1 removed · pitch drawn" in said(app)
    for text, sentence in (
        (ScoreEdit("0" * 64, removed=(1,)).to_text(), edits.OTHER),
        (ScoreEdit(made.line, removed=(0, 1)).to_text(), edits.NOTHING_LEFT),
        ("nothing", "it is not JSON"),
        (json.dumps(made.to_json() | {"pitch": [[0.5, 1e9]]}), "is not a number from"),
    ):
        load(app, text)
        assert plain(sentence) in app.error[0].value and len(app.error) == 1
        assert "notes: 1 removed · pitch drawn" in said(app), "what was there stays"
    load(app, made.to_text())
    clean(app)
