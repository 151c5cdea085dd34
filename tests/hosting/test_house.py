"""The house library: filled with the demo, published to and withdrawn from by admins, with names that nothing takes."""

import json

import pytest

from ddsing import cli
from ddsing.hosting import audit, switch
from ddsing.hosting.house import HouseError
from ddsing.hosting.site import open_site
from ddsing.instrument.library import Library
from ddsing.sound.audio import encode
from tests.hosting.test_config import PEOPLE, read
from tests.support import tiny_workspace
from tests.support.running_jobs import at_once


@pytest.fixture
def site(tmp_path, monkeypatch):
    opened = open_site(read(tmp_path, PEOPLE))
    monkeypatch.setenv(switch.VARIABLE, str(tmp_path / "hosting.toml"))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def command(capsys):
    def run(*words, status=0):
        assert cli.main(["house", *words]) == status
        printed = capsys.readouterr()
        return printed.err if status else json.loads(printed.out) if "--json" in words else printed.out

    return run


def log(site):
    return [(one.who, one.what) for one in reversed(audit.newest(site.engine))]


def test_it_has_the_demo_at_first(site):
    assert {one.name for one in site.house.instruments()} == {"aria", "aria full band", "cello"}
    assert len(site.house.examples()) == 4 and (site.house.folder / "audio" / "Mira").is_dir()


def test_what_is_published_takes_no_name_and_is_in_the_log_without_one(site):
    made = site.house.publish(tiny_workspace.tiny_instrument("Alto of Ann"), by="person 1")
    assert made.name in {one.name for one in site.house.instruments()}
    with pytest.raises(HouseError, match="already"):
        site.house.publish(tiny_workspace.tiny_instrument("Alto of Ann", seed=2), by="person 2")
    assert log(site) == [("person 1", "published")]
    assert not any("Ann" in one.about for one in audit.newest(site.engine))
    assert site.house.withdraw("Alto of Ann", by="person 1") == "instrument"
    assert log(site)[-1] == ("person 1", "withdrawn")
    with pytest.raises(HouseError, match="neither"):
        site.house.withdraw("Alto of Ann", by="person 1")
    assert list((site.house.folder / "instruments" / ".trash").rglob("*.zip"))


def test_of_admins_who_publish_one_name_at_once_one_succeeds(site):
    site.house.instruments()
    refused = []

    def publish(seed):
        try:
            site.house.publish(tiny_workspace.tiny_instrument("Alto", seed=seed), by=f"person {seed}")
        except HouseError as error:
            refused.append(error)

    at_once([lambda seed=seed: publish(seed) for seed in range(4)])
    assert len(refused) == 3
    assert sorted(one.name for one in site.house.instruments()) == ["Alto", "aria", "aria full band", "cello"]


@pytest.mark.slow
def test_commands_list_publish_and_withdraw(site, command, tmp_path):
    tiny_workspace.fill(tmp_path / "ws")
    zipped, song = tmp_path / "ws" / "instruments" / "First voice.zip", tmp_path / "song.wav"
    song.write_bytes(encode(tiny_workspace.sung()))
    assert "'First voice'" in command("publish", str(zipped)) and "song.wav" in command("publish", str(song))
    assert "already" in command("publish", str(zipped), status=2) and "already" in command(
        "publish", str(song), status=2
    )
    listed = command("list", "--json")
    assert "First voice" in [one["name"] for one in listed["instruments"]] and "song.wav" in listed["examples"]
    assert "instrument  First voice" in command("list")
    (tmp_path / "no.wav").write_bytes(b"no sound")
    assert command("publish", str(tmp_path / "no.wav"), status=2) and command("publish", "nowhere.zip", status=2)
    for name, kind in (("First voice", "instrument"), ("song.wav", "example")):
        assert command("withdraw", name, "--json") == {"kind": kind, "name": name}
    assert "neither" in command("withdraw", "song.wav", status=2)
    assert [what for _, what in log(site)] == ["published", "published", "withdrawn", "withdrawn"]
    assert len(Library(site.house.workspace).list()) == 3 and zipped.exists() and song.exists()
