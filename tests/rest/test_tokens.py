"""Tokens: only hashes are kept, they end, and no export takes them along."""

import json
import re
import zipfile

import pytest

from ddsing import cli, tokens
from ddsing.hosting import oversight, parcel, reading
from ddsing.hosting.site import open_site
from ddsing.tokens import TokenError, Tokens
from ddsing.workspace import Workspace
from tests.hosting.test_config import PEOPLE
from tests.hosting.test_probes import enter
from tests.support import tiny_workspace


@pytest.fixture
def site(tmp_path, monkeypatch):
    (tmp_path / "hosting.toml").write_text(PEOPLE)
    monkeypatch.setenv("DDSING_HOSTING", str(tmp_path / "hosting.toml"))
    made = open_site(reading.read(tmp_path / "hosting.toml"))
    yield made
    made.engine.dispose()


def member(site, name):
    person = enter(site, name)[1]
    folder = site.member_folder(person.workspace)
    folder.parent.mkdir(parents=True, exist_ok=True)
    tiny_workspace.fill(folder)
    return person, folder


def test_only_a_hash_is_kept_and_the_token_is_accepted(tiny):
    kept = Tokens(tiny)
    made, text = kept.make("  my\tlaptop ")
    assert made.name == "my laptop" and re.fullmatch(r"ddsing_0_[\w-]{43}", text) and tokens.owner(text) == 0
    everything = b"".join(path.read_bytes() for path in tiny.root.rglob("*") if path.is_file())
    assert text.encode() not in everything and text.split("_", 2)[2].encode() not in everything
    assert kept.accepts(text) == made and kept.make("other")[1] != text
    for wrong in (text[:-1], text + "x", text.swapcase(), made.hash, "", "ddsing_0_" + "\udcff" * 43):
        assert kept.accepts(wrong) is None


def test_a_token_ends_by_its_time_and_when_it_is_revoked(tiny, monkeypatch):
    kept = Tokens(tiny)
    (short, first), (_, second) = kept.make("short", days=1), kept.make("long", days=2)
    monkeypatch.setattr(tokens.time, "time", lambda: short.ends_s)
    assert kept.accepts(first) is None and kept.accepts(second) is not None
    assert [one.over for one in kept.list()] == [False, True]
    kept.revoke("long")
    assert kept.accepts(second) is None and [one.name for one in kept.list()] == ["short"]
    assert kept.clear() == 1 and kept.list() == []


@pytest.mark.parametrize("name", ["", " \n ", "x" * 61, "a\0b"])
def test_a_name_that_can_be_none_is_refused(tiny, name):
    with pytest.raises(TokenError, match="1 to 60 characters"):
        Tokens(tiny).make(name)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"tokens": 1}', '{"tokens": [1, {}, {"name": "x"}, {"name":"a","made_s":[],"ends_s":1}]}'],
)
def test_a_damaged_file_opens_nothing(tiny, content):
    kept = Tokens(tiny)
    text = kept.make("a")[1]
    (tiny.root / tokens.FILE).write_text(content)
    assert kept.list() == [] and kept.accepts(text) is None
    assert kept.accepts(kept.make("b")[1]) is not None


def test_there_are_no_two_of_a_name_and_not_too_many(tiny, monkeypatch):
    kept = Tokens(tiny)
    monkeypatch.setattr(tokens, "MOST", 2)
    kept.make("café")
    with pytest.raises(TokenError, match="already"):
        kept.make("café")
    kept.make("b")
    with pytest.raises(TokenError, match="Revoke one"):
        kept.make("c")


def test_by_command_they_are_made_listed_and_revoked(tiny, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = cli.main(["token", *words, "--workspace", str(tiny.root), "--json"])
        said = capsys.readouterr()
        return json.loads(said.out) if status == 0 else said.err

    text = run("make", "laptop", "--days", "3")["token"]
    assert Tokens(tiny).accepts(text) is not None
    assert [one["name"] for one in run("list")["tokens"]] == ["laptop"] and text not in json.dumps(run("list"))
    assert "366 days" in run("make", "x", "--days", "1000") and "366 days" in run("make", "x", "--days", "nan")
    assert run("revoke", "laptop")["name"] == "laptop" and "token list" in run("revoke", "laptop")
    assert Tokens(tiny).accepts(text) is None


def test_on_a_server_for_several_they_are_a_person_s_and_logged(site, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    person, folder = member(site, "ann")
    assert cli.main(["token", "make", "laptop"]) == 2 and "--person ID" in capsys.readouterr().err
    assert cli.main(["token", "make", "laptop", "--person", "99"]) == 2
    assert cli.main(["token", "make", "laptop", "--person", str(person.id)]) == 0
    text = capsys.readouterr().out.split()[0]
    assert tokens.owner(text) == person.id and (folder / tokens.FILE).is_file()
    assert cli.main(["users", "log", "--json"]) == 0
    (entry, *_) = json.loads(capsys.readouterr().out)["entries"]
    assert (entry["what"], entry["about"]) == ("token made", f"person {person.id}")


def test_no_export_takes_them_along(site, tmp_path):
    person, folder = member(site, "ann")
    text = Tokens(Workspace(folder)).make("laptop", owner=person.id)[1]
    parcel.write(site, person, tmp_path / "ann.zip")
    with zipfile.ZipFile(tmp_path / "ann.zip") as archive:
        assert not [name for name in archive.namelist() if "token" in name]
    packed = (tmp_path / "ann.zip").read_bytes()
    assert text.encode() not in packed and Tokens(Workspace(folder)).list()[0].hash.encode() not in packed


def test_who_is_blocked_has_none_any_more(site):
    person, folder = member(site, "ann")
    Tokens(Workspace(folder)).make("laptop", owner=person.id)
    oversight.block(site, person.id, False, by="x")
    assert len(Tokens(Workspace(folder)).list()) == 1
    oversight.block(site, person.id, True, by="x")
    assert Tokens(Workspace(folder)).list() == []
