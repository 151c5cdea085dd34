"""``ddsing users``: everybody with their number and space, keeping somebody out, guests' leftovers, the log."""

import json
import time

import pytest

from ddsing import cli
from ddsing.hosting import admission, switch
from ddsing.hosting.people import SessionOver
from ddsing.hosting.site import open_site
from ddsing.jobs import queue
from ddsing.workspace import open_workspace
from tests.hosting.test_admission import CLAIMS
from tests.hosting.test_config import PEOPLE, PROVIDER, read
from tests.support import busy_site


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
    with pytest.raises(SessionOver, match="signed out"):
        site.people.enter(found, "member")
    assert enter(site, "ann")[1].id == ann.id
    assert "No person has the number 99" in command("block", "99", status=2)


def test_what_guests_left_is_deleted(site, command):
    state = site.guests.come("a guest")
    site.guest_folder(state.id).mkdir(parents=True)
    assert command("expire", "--json") == {"guests": 0, "expired": 0, "deleted": 0}
    site.guests.leave("a guest")
    assert "1 guest." in command("expire") and not site.guest_folder(state.id).exists()


@pytest.mark.slow
def test_a_job_that_waits_is_put_first(site, command, own_locks):
    assert "Nothing runs or waits." in command("queue")
    busy_site.add_people(site, 6)
    with busy_site.jobs_of(site, 6) as folders:
        listed = command("queue", "--json")["jobs"]
        assert [one["place"] for one in listed] == [0, 1, 2, 3]
        assert [one["kind"] for one in listed] == ["train", "sweep", "train", "sweep"]
        last = listed[-1]
        assert last["id"] == folders[5].id and last["device"] == "cpu"
        assert "is the next one on cpu" in command("first", last["id"])
        assert [ticket.job for ticket in queue.tickets("cpu")][1] == folders[5].path
        assert [one["place"] for one in command("queue", "--json")["jobs"] if one["id"] == last["id"]] == [1]
        text = command("queue")
        assert "running" in text and f"(person {last['person']})" in text and "Secret" not in text
        assert f"put a job first (person {last['person']}, sweep)" in command("log")
        assert "is running already" in command("first", folders[0].id, status=2)
        for nobody_s in (folders[1].id, "nothing", "../../x"):
            assert f"No job with the ID {nobody_s} waits for a device here" in command("first", nobody_s, status=2)


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
