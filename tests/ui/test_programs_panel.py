"""Tokens on the page: made, shown once, listed and revoked, by their owner only, and only where programs may come."""

import time
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ddsing import tokens
from ddsing.hosting import audit, launch, reading, site, switch
from ddsing.hosting.site import open_site
from ddsing.tokens import Tokens
from ddsing.ui.shell import programs_panel, visitor
from ddsing.workspace import Workspace
from tests.hosting.test_config import PEOPLE
from tests.hosting.test_probes import enter
from tests.support import tiny_workspace
from tests.support.pages import clean, said
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.empty(tmp_path / "ws"))


def drawn():
    from ddsing.ui.shell import errors, programs_panel, values

    values.collect()
    errors.show_waiting()
    programs_panel.show()


def opened(monkeypatch, workspace):
    """The panel alone: Streamlit's test driver shows no sidebar."""
    monkeypatch.setenv("DDSING_WORKSPACE", str(workspace.root))
    app = AppTest.from_function(drawn, default_timeout=PATIENCE_S)
    app.session_state["programs"] = True
    return app.run()


def has(app, key):
    return any(one.key == key for one in app.button)


def shown(app):
    return [one.value for one in app.code]


def made(app, name):
    app.text_input(key="programs.name").set_value(name).run()
    return app.button(key="programs.make.send").click().run()


def test_a_token_is_made_shown_once_and_revoked(monkeypatch, workspace):
    monkeypatch.setenv(switch.REST, "1")
    app = opened(monkeypatch, workspace)
    assert "No tokens yet." in said(app) and shown(app) == []
    app.selectbox(key="programs.days").set_value(7).run()
    app = made(app, "lap*top*")
    clean(app)
    (text,), (kept,) = shown(app), Tokens(workspace).list()
    assert Tokens(workspace).accepts(text) == kept and kept.name == "lap*top*" and tokens.owner(text) == 0
    assert kept.ends_s - kept.made_s == 7 * 86_400 and app.text_input(key="programs.name").value == ""

    app = made(app, "lap*top*")  # of one name there are no two, and what was typed stays
    assert app.text_input(key="programs.name").value == "lap*top*" and len(Tokens(workspace).list()) == 1
    assert "already" in said(app)

    app.session_state["programs"] = False  # closed: it can't be seen again, in this tab or another
    app.run()
    app.session_state["programs"] = True
    assert shown(app.run()) == [] and shown(opened(monkeypatch, workspace)) == []

    app.button(key=f"programs.revoke.{kept.hash[:16]}").click().run()
    assert Tokens(workspace).list() == [] and Tokens(workspace).accepts(text) is None
    assert "No tokens yet." in said(app) and "no longer works" in said(app)


def test_it_is_there_only_where_programs_may_come(monkeypatch, workspace):
    monkeypatch.delenv(switch.REST, raising=False)
    assert not has(opened(monkeypatch, workspace), "programs.make.send")
    assert switch.REST not in launch.local().environment and launch.local(rest=True).environment[switch.REST]


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A site on which programs are allowed, as its server has it."""
    (tmp_path / "hosting.toml").write_text(f"[rest]\nallowed = true\n{PEOPLE}")
    here = open_site(reading.read(tmp_path / "hosting.toml"))
    monkeypatch.setattr(site, "served", lambda: here)
    yield here
    here.engine.dispose()


def as_visitor(monkeypatch, kind, folder, person=None):
    quota = SimpleNamespace(person=person)
    found = visitor.Visitor(kind, "Ann", f"person {person}", folder, time.time() + 3600.0, quota)
    monkeypatch.setattr(visitor, "current", lambda: found)


def test_on_a_server_it_is_the_person_s_own_logged_and_not_for_guests(monkeypatch, served):
    person = enter(served, "ann")[1]
    folder = served.member_folder(person.workspace)
    tiny_workspace.empty(folder)
    as_visitor(monkeypatch, "member", folder, person.id)
    app = made(opened(monkeypatch, Workspace(folder)), "laptop")
    (text,) = shown(app)
    assert tokens.owner(text) == person.id and Tokens(Workspace(folder)).accepts(text) is not None
    newest = audit.newest(served.engine)[0]
    assert (newest.who, newest.what, newest.about) == (f"person {person.id}", "token made", f"person {person.id}")

    as_visitor(monkeypatch, "guest", folder)
    assert not has(app.run(), "programs.make.send")
    monkeypatch.setattr(programs_panel.values, "get", {"programs.name": "x", "programs.days": 7}.get)
    with pytest.raises(visitor.Outside, match="Guests"):
        programs_panel._make.__wrapped__()
    assert [one.name for one in Tokens(Workspace(folder)).list()] == ["laptop"]
