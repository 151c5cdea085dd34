"""Forms that edit what is on disk, while somebody else edits it."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from tests.support import tiny_workspace


def script(path):
    import json
    from pathlib import Path

    import streamlit as st

    from ddsing.ui.shell import drafts

    def save():
        if Path(path).with_suffix(".refused").exists():
            return
        known = json.loads(Path(path).read_text())
        typed = {key.partition(".")[2]: value for key, value in drafts.changed(fields).items()}
        Path(path).write_text(json.dumps(known | typed))
        drafts.drop(fields)

    def draw():
        st.text_input("Title", key=drafts.field("field.title", now["title"]))
        st.text_area("Notes", key=drafts.field("field.notes", now["notes"]))

    now = json.loads(Path(path).read_text())
    fields = [f"field.{name}" for name in now]
    drafts.form("form", draw, "Save", save, fields=fields)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "thing.json"
    path.write_text(json.dumps({"title": "first", "notes": ""}))
    return path


@pytest.fixture
def app(path, tmp_path, monkeypatch, quiet):
    monkeypatch.setenv("DDSING_WORKSPACE", str(tiny_workspace.empty(tmp_path / "ws")))
    return AppTest.from_function(script, args=(str(path),)).run()


def fields(app):
    return app.text_input[0].value, app.text_area[0].value


@pytest.mark.parametrize("drawn_again", [False, True])
def test_what_somebody_else_edits_stays_and_so_does_what_is_typed(path, app, drawn_again):
    assert fields(app) == ("first", "")
    path.write_text(json.dumps({"title": "second", "notes": ""}))
    if drawn_again:
        assert fields(app.run()) == ("second", "")
    app.text_area[0].set_value("typed")
    app.button[0].click().run()
    assert json.loads(path.read_text()) == {"title": "second", "notes": "typed"}
    assert fields(app) == ("second", "typed") and not app.exception and not app.warning


@pytest.mark.slow
def test_what_was_typed_and_not_taken_stays_until_it_is(path, app):
    path.with_suffix(".refused").touch()
    app.text_area[0].set_value("typed")
    app.button[0].click().run()
    path.write_text(json.dumps({"title": "second", "notes": "somebody else's"}))
    assert fields(app.run()) == ("second", "typed") == fields(app.run())
    path.with_suffix(".refused").unlink()
    app.button[0].click().run()
    assert json.loads(path.read_text()) == {"title": "second", "notes": "typed"}
    path.write_text(json.dumps({"title": "second", "notes": "later"}))
    assert fields(app.run()) == ("second", "later")
