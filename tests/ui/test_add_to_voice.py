"""The way of an uploaded recording into a voice."""

import pytest

from ddsing.dataset import voices
from ddsing.sound.audio import encode
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said


@pytest.fixture
def root(tmp_path):
    return tiny_workspace.fill(tmp_path / "ws")


@pytest.fixture
def uploaded(monkeypatch, root):
    """The first page with an upload, and the panel open."""
    app = open_page(monkeypatch, root)
    app.get_by_key("transfer.source_kind").set_value("upload").run()
    app.file_uploader[0].upload("a *song*.flac", encode(tiny_workspace.sung(2.0, hz=180.0), format="FLAC")).run()
    app.session_state["add_to_voice.panel"] = True
    return app.run()


@pytest.mark.slow
def test_it_joins_a_voice_under_its_name_and_only_once(uploaded, root):
    for words in ("was added to the voice", "already has it"):
        uploaded.session_state["add_to_voice.panel"] = True
        uploaded.run()
        assert uploaded.text_input(key="add_to_voice.called").value == "a *song*"
        uploaded.button(key="add_to_voice.add").click().run()
        clean(uploaded)
        assert words in said(uploaded) and uploaded.session_state["add_to_voice.panel"] is False
    voice = voices.get(Workspace(root), "alto")
    assert [voice.name_of(path) for path in voice.recordings()] == ["a -song.flac", "one.wav"]


def test_a_new_voice_is_made_for_it_and_a_refused_name_stays_with_its_reason(uploaded, root):
    uploaded.selectbox(key="add_to_voice.voice").select("New voice").run()
    uploaded.text_input(key="add_to_voice.new").set_value("../etc")
    uploaded.button(key="add_to_voice.add").click().run()
    assert "can't be the name of a voice" in uploaded.error[0].value
    assert uploaded.text_input(key="add_to_voice.new").value == "../etc"
    assert uploaded.session_state["add_to_voice.panel"] is True
    uploaded.text_input(key="add_to_voice.new").set_value("Tenor")
    uploaded.button(key="add_to_voice.add").click().run()
    clean(uploaded)
    assert len(voices.get(Workspace(root), "Tenor").recordings()) == 1
    assert uploaded.session_state["voice.name"] == "Tenor", "the Datasets page opens with it"


@pytest.mark.slow
def test_what_was_typed_is_kept_until_it_is_added(uploaded, monkeypatch, root):
    uploaded.selectbox(key="add_to_voice.voice").select("New voice").run()
    uploaded.text_input(key="add_to_voice.new").set_value("Tenor").run()
    uploaded.text_input(key="add_to_voice.called").set_value("first").run()
    again = open_page(monkeypatch, root)
    again.session_state["add_to_voice.panel"] = True
    again.run()
    assert again.selectbox(key="add_to_voice.voice").value == "New voice"
    assert again.text_input(key="add_to_voice.new").value == "Tenor"
    assert again.text_input(key="add_to_voice.called").value == "first"
    again.button(key="add_to_voice.add").click().run()
    clean(again)
    again.session_state["add_to_voice.panel"] = True
    again.run()
    assert again.text_input(key="add_to_voice.called").value == "a *song*"
