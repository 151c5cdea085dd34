"""The REST interface of a real server for several people: a token is its owner, with their limits, and nobody else."""

import json
import time

import httpx
import pytest
from sqlalchemy import update

from ddsing.hosting import database, oversight, reading
from ddsing.hosting.site import open_site
from ddsing.hosting.tables import people
from ddsing.sound.audio import encode
from ddsing.tokens import Tokens
from ddsing.workspace import Workspace
from tests.hosting.test_config import PEOPLE
from tests.hosting.test_probes import enter
from tests.support import tiny_workspace
from tests.support.hosting import Site
from tests.support.programs import Program

pytestmark = pytest.mark.slow

FIRST = tiny_workspace.NAMES[0]
SONG = encode(tiny_workspace.sung(1.2))
TABLES = f"""
[rest]
allowed = true
[limits]
transfer_seconds = 4
live_jobs = 20
upload_mb = 1
[rates]
transfers = "4 per hour"
logins = "12 per hour"
[work]
processes = 1
{PEOPLE}
transfer_seconds = 3
"""


class Member:
    """Somebody with a workspace and a program that has their token."""

    def __init__(self, here, url: str, name: str):
        self.person = enter(here, name)[1]
        folder = here.member_folder(self.person.workspace)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.workspace = Workspace(tiny_workspace.fill(folder))
        self.tokens = Tokens(self.workspace)
        self.program = Program(url, self.tokens.make("program", owner=self.person.id)[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("several"), base_path="tools/ddsing")
    made.write(TABLES)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def here(site):
    """The same site, as a command opens it."""
    found = open_site(reading.read(site.file))
    yield found
    found.engine.dispose()


@pytest.fixture(scope="module")
def ann(here, site):
    return Member(here, site.url, "ann")


@pytest.fixture(scope="module")
def bob(here, site):
    return Member(here, site.url, "bob")


def refused(answer, status, told):
    assert answer.status_code == status and told in answer.json()["error"], answer.text
    assert "people/" not in answer.text and "hosted" not in answer.text


def test_each_has_the_own_and_the_house_s_instruments(ann):
    found = {one["name"]: one["house"] for one in ann.program.get("/instruments").json()["instruments"]}
    assert found[FIRST] is False and found["aria"] is True


def test_what_one_has_is_reached_by_no_other(ann, bob):
    order = ann.program.order(SONG, FIRST).json()
    done = ann.program.ended(order)
    (sung,) = done["recordings"]
    assert sung["result_at"].startswith("/tools/ddsing/api/v1/takes/")
    takes = f"/takes/{sung['take']}/result.wav", f"/takes/{sung['take']}/recipe.json"
    assert all(ann.program.get(one).status_code == 200 for one in takes)
    transfer, nobody_s = done["id"], done["id"][:-1] + ("0" if done["id"][-1] != "0" else "1")
    for there, none in (
        *((one, one.replace(sung["take"], sung["take"][:-1] + "zz")) for one in takes),
        (f"/transfers/{transfer}", f"/transfers/{nobody_s}"),
        (f"/takes/..%2f..%2f{ann.workspace.root.name}/recipe.json", "/takes/..%2f..%2fx/recipe.json"),
    ):
        told, other = bob.program.get(there), bob.program.get(none)
        assert told.status_code == other.status_code == 404
        assert told.json()["error"].split("'")[0] == other.json()["error"].split("'")[0]
    refused(bob.program.post(f"/transfers/{transfer}/stop"), 404, "No transfer")
    assert bob.program.get("/transfers").json() == {"transfers": []}
    mine = Tokens(bob.workspace).list()
    forged = ann.program.headers["authorization"].replace(f"ddsing_{ann.person.id}_", f"ddsing_{bob.person.id}_")
    refused(bob.program.get("/instruments", headers={"authorization": forged}), 401, "token")
    assert Tokens(bob.workspace).list() == mine


def test_a_worker_finds_features_and_leaves_no_order(bob):
    found = bob.program.post("/features", files={"recording": SONG}, data={"tracker": "instant"}).json()
    assert len(found["f0_hz"]) == len(found["loudness_db"]) > 250
    assert list((bob.workspace.root / ".work").iterdir()) == []


def test_the_limits_hold(here, site):
    carl = Member(here, site.url, "carl")
    long = encode(tiny_workspace.sung(5.0))
    for answer in (carl.program.order(long, FIRST), carl.program.post("/features", files={"recording": long})):
        refused(answer, 422, "seconds")
    refused(carl.program.order(b"x" * 2_500_000, FIRST), 413, "1 MB")
    for seed in range(4):
        assert carl.program.order(SONG, FIRST, settings=json.dumps({"seed": seed})).status_code == 202
    answer = carl.program.order(SONG, FIRST, settings='{"seed": 5}')
    refused(answer, 429, "4 per hour")
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    for transfer in carl.program.get("/transfers").json()["transfers"]:
        assert carl.program.ended(transfer)["state"] == "done"
    with open(carl.workspace.examples / "waste.bin", "wb") as file:
        file.truncate(10_000_000_000)  # of zeros, which take no room
    refused(carl.program.order(SONG, FIRST), 403, "are left")


def test_who_is_blocked_is_out_for_good(here, site):
    dora = Member(here, site.url, "dora")
    assert dora.program.get("/instruments").status_code == 200
    kept = (dora.workspace.root / ".tokens.json").read_bytes()
    oversight.keep_out(here, dora.person, True, by="command line")
    refused(dora.program.get("/instruments"), 401, "token")
    (dora.workspace.root / ".tokens.json").write_bytes(kept)  # such as from a backup
    refused(dora.program.get("/instruments"), 403, "closed")
    oversight.keep_out(here, dora.person, True, by="command line")
    oversight.keep_out(here, dora.person, False, by="command line")
    refused(dora.program.get("/instruments"), 401, "token")


def test_a_token_rests_while_its_owner_is_away(here, site):
    emil = Member(here, site.url, "emil")
    for days, status in ((29, 200), (31, 403), (1, 200)):
        with database.writing(here.engine) as connection:
            mine = people.c.id == emil.person.id
            connection.execute(update(people).where(mine).values(seen_s=time.time() - days * 86_400))
        assert emil.program.get("/instruments").status_code == status


def test_the_guard_answers_programs_in_json(site, ann):
    answer = httpx.get(f"{site.url}/api/v1/instruments", headers={"host": "evil.example"})
    assert answer.status_code == 421 and answer.json()["error"]
    assert ann.program.get("/instruments").headers["x-frame-options"] == "SAMEORIGIN"
    assert httpx.get(f"{site.url}/api/v1/openapi.json").json()["servers"] == [{"url": "/tools/ddsing/api/v1"}]


def test_z_whoever_guesses_is_slowed_down_and_owners_are_not(site, ann):
    """The last one: what it uses up is the address's."""
    wrong = [
        httpx.get(f"{site.url}/api/v1/instruments", headers={"authorization": f"Bearer ddsing_1_{n:043}"})
        for n in range(13)
    ]
    assert {one.status_code for one in wrong} == {401, 429} and "retry-after" in wrong[-1].headers
    refused(wrong[-1], 429, "sign-ins")
    assert ann.program.get("/instruments").status_code == 200
