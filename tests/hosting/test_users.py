"""``ddsing users``: everybody with their number and space, keeping somebody out, guests' leftovers, the log."""

import json
import time

import pytest

from ddsing import cli
from ddsing.hosting import admission, switch
from ddsing.hosting.people import SessionOver
from ddsing.hosting.site import open_site
from ddsing.workspace import open_workspace
from tests.hosting.test_admission import CLAIMS
from tests.hosting.test_config import PEOPLE, PROVIDER, read


@pytest.fixture
def site(tmp_path, monkeypatch):
    opened = open_site(read(tmp_path, "[login]\neverybody = true\n" + PROVIDER + PEOPLE))
    monkeypatch.setenv(switch.VARIABLE, str(tmp_path / "hosting.toml"))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def command(capsys):
    def run(*words, status=0):
        assert cli.main(["users", *words]) == status
        printed = capsys.readouterr()
        return printed.err if status else json.loads(printed.out) if "--json" in words else printed.out

    return run


def enter(site, subject):
    found = admission.identity({**CLAIMS, "sub": subject, "name": subject.title(), "iat": time.time()})
    return found, site.people.enter(found, "member").person


def test_everybody_is_listed_with_their_space(site, command):
    assert "No one has signed in yet." in command("list")
    _, ann = enter(site, "ann")
    open_workspace(site.member_folder(ann.workspace))
    site.guests.come("a guest")
    listed = command("list", "--json")
    (one,) = listed["people"]
    assert (one["id"], one["name"], one["role"], one["subject"]) == (ann.id, "Ann", "member", "ann")
    assert one["bytes"] > 1000 and one["workspace"].endswith(ann.workspace) and listed["guests"] == 1
    text = command("list")
    assert "Ann" in text and "1 guest" in text and "MB" in text


def test_somebody_is_kept_out_and_let_in_again(site, command):
    found, ann = enter(site, "ann")
    assert "Ann is blocked" in command("block", str(ann.id))
    with pytest.raises(SessionOver):
        site.people.enter(found, "member")
    assert "can sign in again" in command("unblock", str(ann.id))
    assert site.people.enter(found, "member")
    assert "No person has the number 99" in command("block", "99", status=2)


def test_what_guests_left_is_deleted(site, command):
    state = site.guests.come("a guest")
    site.guest_folder(state.id).mkdir(parents=True)
    assert command("expire", "--json") == {"guests": 0, "expired": 0, "deleted": 0}
    site.guests.leave("a guest")
    assert "1 guest." in command("expire") and not site.guest_folder(state.id).exists()


def test_the_log_says_who_and_what(site, command):
    assert "Nothing has happened yet." in command("log")
    enter(site, "ann")
    enter(site, "bob")
    found = command("log", "--json")["entries"]
    assert [(one["who"], one["what"]) for one in found] == [("person 2", "signed in"), ("person 1", "signed in")]
    assert "by university as member" in command("log", "--most", "1")
    assert "--most" in command("log", "--most", "0", status=2)


def test_without_a_file_there_is_one_sentence(command, monkeypatch, tmp_path):
    monkeypatch.delenv(switch.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert "There is no hosting.toml here" in command("list", status=2)


def test_somebody_is_moved_to_another_server(site, command, tmp_path, monkeypatch):
    _, ann = enter(site, "ann")
    workspace = open_workspace(site.member_folder(ann.workspace))
    (workspace.root / "engine.toml").write_text("")
    file = tmp_path / "ann.zip"
    text = command("export", str(ann.id), str(file))
    assert text.startswith("Ann: ") and f"written to {file}. Left out: engine.toml." in text
    assert "exists already" in command("export", str(ann.id), str(file), status=2)
    assert "No person has the number 99" in command("export", "99", str(tmp_path / "x"), status=2)
    assert "Ann is on this server already, as number 1" in command("import", str(file), status=2)
    (tmp_path / "other").mkdir()
    read(tmp_path / "other", "[login]\neverybody = true\n" + PROVIDER)
    monkeypatch.setenv(switch.VARIABLE, str(tmp_path / "other" / "hosting.toml"))
    assert "Ann is person 1 here" in command("import", str(file))
    (one,) = command("list", "--json")["people"]
    assert one["subject"] == "ann" and one["bytes"] > 1000
    assert "imported" in command("log")
