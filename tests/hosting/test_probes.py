"""``/healthz``, ``/readyz`` and ``/metrics``: what they answer, to whom, and at what cost."""

import os
import re
import subprocess
import sys
import threading
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from ddsing.errors import Cancelled
from ddsing.hosting import admission, health, launch, metrics
from ddsing.hosting.config import Config, Metrics
from ddsing.hosting.site import open_site
from ddsing.hosting.totals import Totals
from ddsing.jobs import status
from ddsing.jobs.folder import JobFolder
from ddsing.ui.entrance import front, probes
from ddsing.work import counted, counters
from ddsing.workspace import Workspace
from tests.hosting.test_admission import CLAIMS
from tests.hosting.test_config import PEOPLE, PROVIDER, read
from tests.support import hosting
from tests.support.patience import until

TOKEN = "token-of-the-one-who-watches"
TEXT = 'base_path = "ddsing"\naddress = "https://sing.example.org"\n[login]\neverybody = true\n' + PROVIDER + PEOPLE
LOCAL = {"host": "127.0.0.1:8501"}


@pytest.fixture
def site(tmp_path):
    opened = open_site(read(tmp_path, TEXT))
    yield opened
    opened.engine.dispose()


def client(site, *, config=None, at=("127.0.0.1", 5000), totals=None):
    """Asks the site, from some network address."""
    routes = probes.routes(site, totals or Totals(site.config.root))
    app = Starlette(routes=routes, middleware=[Middleware(front.Guard, config=config or site.config)])
    return TestClient(app, base_url="http://127.0.0.1:8501", follow_redirects=False, client=at)


def enter(site, subject, role="member"):
    found = admission.identity({**CLAIMS, "sub": subject, "name": subject.title(), "iat": time.time()})
    return found, site.people.enter(found, role).person


def values(text):
    """All samples: by name and labels."""
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


# Alive and ready


@pytest.mark.parametrize("prefix", ["/", "/ddsing/"])
@pytest.mark.parametrize("host", ["10.1.2.3:8501", "sing.example.org", "localhost"])
def test_anybody_may_ask_whether_it_lives(site, prefix, host):
    here = client(site, at=("10.1.2.9", 5000))
    for name in ("healthz", "readyz"):
        answer = here.get(prefix + name, headers={"host": host, "accept": "text/html"})
        assert (answer.status_code, answer.text, answer.headers["cache-control"]) == (200, "ok\n", "no-store")
    assert here.get("/ddsing/other", headers={"host": "10.1.2.3:8501"}).status_code == 421


def test_what_is_not_ready_is_one_sentence_each_and_names_nothing(site):
    site.engine.dispose()
    moved = site.config.root.rename(site.config.root.with_name("moved"))
    site.config.root.write_text("no folder")
    answer = client(site).get("/readyz", headers=LOCAL)
    assert answer.status_code == 503
    assert answer.text.splitlines() == [
        "The database does not answer.",
        "The folder of the workspaces can't be written to.",
        "The queue of the work does not answer.",
    ]
    site.config.root.unlink()
    moved.rename(site.config.root)
    assert client(site).get("/readyz", headers=LOCAL).status_code == 200


def test_a_queue_in_a_redis_that_is_away_is_not_ready(tmp_path):
    opened = open_site(read(tmp_path, '[work]\nredis = "redis://127.0.0.1:1/0"\n' + PEOPLE))
    assert health.Readiness(opened).mistakes() == ["The queue of the work does not answer."]
    opened.engine.dispose()


def test_a_database_that_hangs_is_not_ready_and_is_asked_once(site):
    readiness, asked, answers = health.Readiness(site, patience_s=0.05), [], threading.Event()

    def hang():
        asked.append(1)
        answers.wait()

    readiness._checks = {"The database does not answer.": hang}
    assert readiness._look() == readiness._look() == ["The database does not answer."]
    assert asked == [1]
    answers.set()
    until(lambda: readiness._look() == [])


def test_many_who_ask_at_once_cost_one_look(site):
    readiness, looks = health.Readiness(site), []
    readiness._look = lambda: looks.append(1) or []
    readiness.mistakes()
    readiness._memo = (time.monotonic() + 1000.0, [])
    assert [readiness.mistakes() for _ in range(100)] == [[]] * 100 and looks == [1]


# Who may read the numbers


@pytest.mark.parametrize(
    ("address", "headers", "fine"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {"host": "[::1]:8501"}, True),
        ("127.0.0.1", {"host": "localhost"}, True),
        ("192.0.2.7", {}, False),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.5"}, False),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", {"x-forwarded-for": ""}, False),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"x-real-ip": "127.0.0.1"}, False),
        ("127.0.0.1", {"host": "sing.example.org"}, False),
        ("127.0.0.1", {"host": "[::1"}, False),
        ("127.0.0.1", {"host": ""}, False),
    ],
)
@pytest.mark.parametrize("path", ["/metrics", "/ddsing/metrics"])
def test_without_a_token_metrics_are_for_the_server_itself(site, path, address, headers, fine):
    answer = client(site, at=(address, 5000)).get(path, headers={**LOCAL, **headers})
    assert answer.status_code == (200 if fine else 403)
    assert ("ddsing_people" in answer.text) is fine


def test_who_has_no_address_is_not_the_server():
    assert not metrics.may_read(Config(root="unused"), None, {"host": "localhost"})


@pytest.mark.parametrize(
    ("sent", "fine"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (None, False),
        ("Bearer ", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer ü", False),
    ],
)
def test_with_a_token_metrics_are_for_whoever_has_it(site, sent, fine):
    config = Config(root=site.config.root, address=site.config.address, metrics=Metrics(TOKEN))
    for address in ("127.0.0.1", "192.0.2.7"):
        headers = {**LOCAL, "x-forwarded-for": "203.0.113.5"} | ({"authorization": sent.encode()} if sent else {})
        answer = client(site, config=config, at=(address, 5000)).get("/metrics", headers=headers)
        assert answer.status_code == (200 if fine else 401) and TOKEN not in answer.text


def test_what_streamlit_shows_of_itself_is_hidden_the_same_way(site):
    for path in ("/_stcore/metrics", "/ddsing/_stcore/metrics"):
        assert probes.hides(site.config, path, "192.0.2.7", LOCAL) is not None
        assert probes.hides(site.config, path, "127.0.0.1", LOCAL) is None
    assert probes.hides(site.config, "/ddsing/_stcore/health", "192.0.2.7", LOCAL) is None


@pytest.mark.parametrize(("text", "trusted"), [("", "127.0.0.1,::1"), ('proxies = ["10.0.0.0/8"]\n', "10.0.0.0/8")])
def test_only_the_fronts_of_the_file_say_who_asks(tmp_path, text, trusted):
    from uvicorn.middleware.proxy_headers import _TrustedHosts

    (tmp_path / "hosting.toml").write_text(text + PEOPLE)
    _, found = launch.hosted(tmp_path / "hosting.toml")
    assert found.environment["FORWARDED_ALLOW_IPS"] == trusted
    hosts = _TrustedHosts(trusted)
    assert ("10.1.2.3" in hosts) is bool(text) and ("127.0.0.1" in hosts) is not bool(text)


# The numbers


def test_the_numbers_are_right_and_name_nobody(site):
    ann, _ = enter(site, "ann")
    enter(site, "bob")
    _, boss = enter(site, "boss", "admin")
    site.people.sign_out(ann)
    site.people.block(boss, True, by="test")
    for n in range(8):
        site.guests.come(f"guest {n}")
    text = client(site).get("/metrics", headers=LOCAL).text
    found = values(text)
    assert (found["ddsing_people", "member"], found["ddsing_people", "admin"]) == (2, 1)
    assert found[("ddsing_people_blocked",)] == 1 and found[("ddsing_sessions",)] == 1
    assert found[("ddsing_guests",)] == 5 and found[("ddsing_guests_waiting",)] == 3
    assert found[("ddsing_root_free_bytes",)] > 0 and found[("process_resident_memory_bytes",)] > 1e6
    assert found[("ddsing_database_up",)] == 1 and "ddsing_build_info" in text
    for name in ("ann", "bob", "boss", "Ann", CLAIMS["iss"], str(site.config.root), "example.org"):
        assert name not in text
    assert re.search(r"\b[a-f0-9]{40}\b", text) is None


def test_without_a_database_there_are_still_numbers(site):
    site.engine.dispose()
    (site.config.root / "ddsing.db").unlink()
    (site.config.root / "ddsing.db").mkdir()
    found = values(client(site).get("/metrics", headers=LOCAL).text)
    assert found[("ddsing_database_up",)] == 0 and ("ddsing_people", "member") not in found


def job(workspace, name, state):
    folder = JobFolder(workspace.jobs / name)
    folder.create({"kind": "prepare", "title": "Ann's voice", "options": {}, "created": 1.0})
    folder.write_record({"state": state})
    return folder


def test_jobs_and_bytes_are_counted_beforehand_and_ended_jobs_once(site, monkeypatch):
    looked = []
    read_status = status.read
    monkeypatch.setattr(status, "read", lambda *args, **more: looked.append(args) or read_status(*args, **more))
    for person in ("ann", "bob"):
        workspace = Workspace(site.member_folder(person * 13))
        for number, state in enumerate(("done", "done", "failed")):
            job(workspace, f"20261126-12000{number}-prepare-abcdef", state)
    (site.guest_folder("guest")).mkdir(parents=True)
    (site.guest_folder("guest") / "x").write_bytes(bytes(1234))
    totals = Totals(site.config.root)
    assert ("ddsing_jobs", "done") not in values(client(site, totals=totals).get("/metrics", headers=LOCAL).text)
    totals.count_jobs()
    totals.count_bytes(pause_s=0.0)
    assert len(looked) == 6
    found = values(client(site, totals=totals).get("/metrics", headers=LOCAL).text)
    assert (found["ddsing_jobs", "done"], found["ddsing_jobs", "failed"], found["ddsing_jobs", "running"]) == (4, 2, 0)
    assert found["ddsing_workspaces_bytes", "guests"] == 1234 < 2000 and found["ddsing_workspaces_bytes", "people"] > 0
    totals.count_jobs()
    assert len(looked) == 6
    job(Workspace(site.member_folder("ann" * 13)), "20261126-120000-prepare-abcdef", "stopped")
    totals.count_jobs()
    assert len(looked) == 7 and totals.jobs["stopped"] == 1 and totals.jobs["done"] == 3


def test_nothing_is_scanned_when_somebody_asks(site, monkeypatch):
    totals = Totals(site.config.root)
    for name in ("count_jobs", "count_bytes"):
        monkeypatch.setattr(totals, name, lambda: pytest.fail("counted while somebody waits"))
    assert client(site, totals=totals).get("/metrics", headers=LOCAL).status_code == 200


def test_a_local_dashboard_counts_nothing(monkeypatch):
    monkeypatch.delenv(counted.FOLDER, raising=False)
    with counted.transfer():
        pass
    assert not [one for family in counters.TRANSFERS.collect() for one in family.samples]


# A server


@pytest.mark.slow
def test_a_server_answers_the_machines_that_watch_it(tmp_path):
    here = hosting.Site(tmp_path, "tools/ddsing")
    here.write(PEOPLE)
    try:
        here.start()
        at = f"http://127.0.0.1:{here.port}"
        for prefix in ("/", "/tools/ddsing/"):
            assert httpx.get(f"{at}{prefix}healthz").text == "ok\n" == httpx.get(f"{at}{prefix}readyz").text
        until(lambda: "ddsing_jobs" in httpx.get(f"{at}/metrics").text)
        found = values(httpx.get(f"{at}/metrics").text)
        assert found[("ddsing_tabs",)] == 0 and found["ddsing_jobs", "done"] == 0
        for path in ("/metrics", "/tools/ddsing/metrics", "/tools/ddsing/_stcore/metrics"):
            assert httpx.get(at + path, headers={"host": f"localhost:{here.port}"}).status_code == 200
            for spoof in ("127.0.0.1", "203.0.113.5"):
                answer = httpx.get(at + path, headers={"x-forwarded-for": spoof, "host": f"localhost:{here.port}"})
                assert answer.status_code == 403 and answer.text == "Metrics are for programs on the server itself."
        secret = here.root / ".hosting" / f"run-{here.port}" / "counts"
        assert secret.is_dir() and secret.stat().st_mode & 0o077 == 0
    finally:
        here.stop()


@pytest.mark.slow
def test_transfers_are_counted_by_result_over_all_processes(tmp_path):
    """In processes of their own, since the variable is read when the library is loaded."""
    program = (
        "import sys\nfrom ddsing.work import counted\nfrom ddsing.errors import Cancelled\n"
        "errors = {'done': None, 'failed': ValueError, 'cancelled': Cancelled}\n"
        "try:\n with counted.transfer():\n  error = errors[sys.argv[1]]\n  if error: raise error('x')\n"
        "except Exception: pass\n"
    )
    (tmp_path / "counts").mkdir()
    environment = {**os.environ, counted.FOLDER: str(tmp_path / "counts")}
    for result in ("done", "done", "failed", "cancelled"):
        subprocess.run([sys.executable, "-c", program, result], env=environment, check=True)
    page = (
        "from pathlib import Path\nfrom ddsing.hosting import metrics, reading, site\n"
        "from ddsing.hosting.totals import Totals\nimport sys\n"
        "here = site.open_site(reading.read(Path(sys.argv[1])))\n"
        "print(metrics.page(here, Totals(here.config.root), n_tabs=7).decode())\n"
    )
    (tmp_path / "hosting.toml").write_text(PEOPLE)
    words = [sys.executable, "-c", page, str(tmp_path / "hosting.toml")]
    text = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = values(text)
    counts = [found["ddsing_transfer_seconds_count", one] for one in ("done", "failed", "cancelled")]
    assert counts == [2, 1, 1] and found[("ddsing_tabs",)] == 7


def test_a_transfer_s_error_is_passed_on(monkeypatch):
    monkeypatch.delenv(counted.FOLDER, raising=False)
    with pytest.raises(Cancelled), counted.transfer():
        raise Cancelled("x")
