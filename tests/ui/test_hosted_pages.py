"""The pages as a member of a hosted dashboard sees them: nothing there leads out of their workspace."""

from pathlib import Path

import pytest

from ddsing.dataset import voices
from ddsing.ui.dataset import add
from ddsing.ui.shell import visitor
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said
from tests.support.tiny_workspace import EXAMPLE

PAGES = ("timbre_transfer", "play", "datasets", "training", "instruments", "experiments")


@pytest.fixture
def member(monkeypatch, tmp_path, quiet) -> Path:
    """Whose workspace it is; beside it lies another person's."""
    for name in ("ann", "bob"):
        tiny_workspace.fill(tmp_path / name)
    ann = Visitor("member", "Ann", "person 1", tmp_path / "ann")
    monkeypatch.setattr(visitor, "current", lambda: ann)
    return tmp_path / "ann"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_no_field_takes_a_path_and_no_page_names_one(member, monkeypatch, page):
    app = open_page(monkeypatch, member, page)
    if page == "datasets":
        app.session_state["dataset.add.alto"] = True
        assert app.run().file_uploader, "the panel is open"
    clean(app)
    assert not [field.label for field in app.text_input if "computer" in field.label or "folder" in field.label]
    helps = " ".join(str(getattr(one, "help", "")) for kind in ("text_input", "button") for one in app.get(kind))
    assert str(member.parent) not in said(app) + helps


@pytest.mark.slow
@pytest.mark.parametrize("path", ["../bob/examples", "../bob", "{bob}"])
def test_a_path_that_comes_all_the_same_adds_nothing(member, monkeypatch, path):
    bob = member.parent / "bob" / "examples" / f"{EXAMPLE}.wav"
    assert bob.exists()
    app = open_page(monkeypatch, member, "datasets")
    before = sorted((member / "audio").rglob("*"))
    monkeypatch.setattr(add.st, "session_state", {add._PATH: path.format(bob=bob)})
    add._add_path(voices.get(Workspace(member), "alto"))
    assert "Upload the recordings instead" in str(add.st.session_state)
    assert sorted((member / "audio").rglob("*")) == before and not app.exception
