"""Without being switched on, the REST interface is not there; and its document says what is there."""

import json

import pytest

from ddsing import cli
from ddsing.hosting import launch, reading
from ddsing.hosting.config import Config
from ddsing.hosting.site import open_site
from ddsing.hosting.totals import Totals
from ddsing.transfer import settings as controls
from ddsing.transfer.settings import Settings
from ddsing.ui.entrance import front
from ddsing.ui.rest import openapi, routes
from tests.hosting.test_config import PEOPLE
from tests.support.paths import ROOT


@pytest.mark.parametrize(("text", "there"), [("", False), ("[rest]\nallowed = true\n", True)])
def test_a_server_for_several_has_it_only_where_the_file_says_so(tmp_path, text, there):
    (tmp_path / "hosting.toml").write_text(text + PEOPLE)
    site = open_site(reading.read(tmp_path / "hosting.toml"))
    paths = {route.path for route in front.addresses(site, Totals(site.config.root))}
    site.engine.dispose()
    assert ("/api/v1/transfers" in paths) is there and any(path.startswith("/api") for path in paths) is there
    assert (launch._about(site.config)["REST interface"] == "off") is not there


def test_the_local_dashboard_has_it_only_when_asked(monkeypatch, tmp_path, capsys):
    assert launch.local().program[4].endswith("app.py") and launch.local(rest=True).program[4].endswith("rest.py")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["serve", "--check", "--rest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["REST interface"].endswith("/api/v1, with tokens")
    (tmp_path / "hosting.toml").write_text(PEOPLE)
    assert cli.main(["serve", "--check", "--rest"]) == 2 and "[rest]" in capsys.readouterr().err
    assert Config(tmp_path).rest.allowed is False


def test_the_document_has_all_addresses_and_is_the_one_in_docs():
    document = openapi.document()
    assert json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8")) == document
    paths = {route.path.removeprefix("/api/v1") for route in routes.routes()} - {"/api/{rest:path}"}
    assert set(document["paths"]) == paths
    page = (ROOT / "docs" / "rest.md").read_text("utf-8")
    assert all(path.split("/")[1] in page for path in paths)


def test_the_document_s_settings_are_those_of_a_transfer():
    schema = openapi.document()["components"]["schemas"]["Settings"]["properties"]
    assert {name: one["default"] for name, one in schema.items()} == Settings().to_json()
    assert {(one["minimum"], one["maximum"]) for one in schema.values() if "minimum" in one} == set(
        controls.RANGES.values()
    )
