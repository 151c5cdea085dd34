"""A dashboard behind the nginx of ``deploy``, in the browser: at a base path, by https, and with two servers."""

import contextlib
import os
import ssl

import httpx
import numpy as np
import pytest
import soundfile

from tests.support import front_server, hosting
from tests.support.dashboard import settled
from tests.support.front_server import Front
from tests.support.patience import PATIENCE_S, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BASE = "tools/ddsing"
MOST = 24  # browsers, until each server has one
TABLES = """
address = "{origin}"
root = "{root}"
[guests]
allowed = true
most = 20
transfer_seconds = 40
"""


@pytest.fixture(scope="module")
def nginx():
    """Without nginx these tests are skipped, in CI they fail."""
    if front_server.program() is None:
        message = "These tests need nginx: apt-get install nginx-light (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="module")
def front(nginx, tmp_path_factory):
    made = Front(tmp_path_factory.mktemp("front"), BASE)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def sites(front, locks, tmp_path_factory):
    """Two servers of one root, behind the front."""
    root = tmp_path_factory.mktemp("root") / "hosted"
    made = [hosting.Site(tmp_path_factory.mktemp(name), BASE) for name in ("one", "two")]
    try:
        for site in made:
            site.root = root
            site.write(TABLES.format(origin=front.origin, root=root))
            site.start()
        front.start([site.port for site in made])
        yield made
    finally:
        for site in made:
            site.stop()


@pytest.fixture
def visit(tabs):
    options = {"viewport": {"width": 1366, "height": 768}, "ignore_https_errors": True}
    with contextlib.ExitStack() as lent:
        yield lambda: lent.enter_context(tabs.lent(**options))


@pytest.fixture
def ask(front, sites):
    """Asks the front as a program does, which trusts its certificate."""
    trusting = ssl.create_default_context(cafile=str(front.folder / "fullchain.pem"))
    with httpx.Client(verify=trusting, timeout=PATIENCE_S) as client:
        yield client


def come(tab, front):
    """As a guest, to the page Timbre transfer."""
    tab.goto(front.url)
    tab.get_by_role("button", name="Try it as a guest").click()
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    settled(tab)


def number(site, name):
    """A metric of one server, asked directly."""
    text = httpx.get(f"http://127.0.0.1:{site.port}/metrics", timeout=PATIENCE_S).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def test_a_guest_transfers_over_the_websocket(visit, front, sites):
    tab, sockets = visit(), []
    tab.on("websocket", lambda one: sockets.append(one.url))
    before = sum(number(site, "ddsing_transfer_seconds_count") for site in sites)
    come(tab, front)
    tab.get_by_role("button", name="Transfer timbre").click()
    tab.get_by_role("button", name="Download").first.wait_for()
    settled(tab)
    assert sockets and all(one.startswith(f"wss://localhost:{front.port}/{BASE}/_stcore/stream") for one in sockets)
    done = 'ddsing_transfer_seconds_count{result="done"}'
    assert sum(number(site, "ddsing_transfer_seconds_count") for site in sites) == before + 1
    assert sum(number(site, done) for site in sites) >= 1 and sum(number(site, "ddsing_tabs") for site in sites) >= 1
    cookies = {one["name"]: one for one in tab.context.cookies()}
    assert cookies["ddsing_server"]["secure"] and cookies["ddsing_server"]["httpOnly"]
    assert all(one["secure"] for one in cookies.values())


def test_each_header_is_there_once(ask, front):
    answer = ask.get(f"{front.url}/", headers={"accept": "text/html"})
    assert answer.status_code == 200
    names = [name.lower() for name, _ in answer.headers.multi_items()]
    for name in ("content-security-policy", "strict-transport-security", "x-content-type-options", "x-frame-options"):
        assert names.count(name) == 1, name
    assert answer.headers["server"] == "nginx"
    assert httpx.get(f"http://localhost:{front.plain_port}/{BASE}/x?y=1").headers["location"].endswith(f"/{BASE}/x?y=1")


def test_the_world_sees_health_and_no_numbers(ask, front):
    assert ask.get(f"{front.url}/healthz").text == ask.get(f"{front.url}/readyz").text == "ok\n"
    for path in (f"/{BASE}/metrics", f"/{BASE}/_stcore/metrics", "/metrics"):
        for headers in ({}, {"x-forwarded-for": "127.0.0.1"}, {"host": "127.0.0.1:8501"}):
            assert ask.get(front.origin + path, headers=headers).status_code == 404
    assert ask.get(f"{front.url}/training", headers={"host": "evil.example"}).status_code == 421


def test_large_uploads_come_through_and_larger_ones_get_a_sentence(visit, front, ask, sites, tmp_path):
    fine, too_large = tmp_path / "fine.wav", tmp_path / "large.wav"
    rate, channels, seconds = 192_000, 8, 33
    sung = 0.3 * np.sin(2 * np.pi * 220.0 * np.arange(rate * seconds) / rate).astype(np.float32)
    soundfile.write(fine, np.repeat(sung[:, None], channels, axis=1), rate, subtype="FLOAT")
    assert 200e6 < fine.stat().st_size < 210e6
    with open(too_large, "wb") as file:
        file.truncate(330_000_000)
    tab = visit()
    come(tab, front)
    tab.get_by_text("Upload", exact=True).first.click()
    chooser = tab.get_by_test_id("stFileUploaderDropzoneInput")
    chooser.set_input_files(too_large)
    tab.get_by_text("300.0MB").first.wait_for()
    chooser.set_input_files(fine)
    tab.get_by_text("fine.wav").first.wait_for()
    until(lambda: tab.get_by_role("button", name="Transfer timbre").is_enabled())
    # What goes past the page is refused as well, whoever sees it first.
    for n_bytes in (305_000_000, 330_000_000):
        with open(too_large, "r+b") as file:
            file.truncate(n_bytes)
        with open(too_large, "rb") as file:
            answer = ask.put(f"{front.url}/_stcore/upload_file/none/none", content=file)
        assert answer.status_code == 413 and "300 MB" in answer.text, answer.text


def test_a_page_goes_on_after_its_server_has_restarted(visit, front, sites):
    tab = visit()
    come(tab, front)
    tab.get_by_text("Upload", exact=True).first.click()
    tab.get_by_test_id("stFileUploaderDropzone").wait_for()
    settled(tab)
    for site in sites:
        site.stop()
    app = tab.get_by_test_id("stApp")
    until(lambda: app.get_attribute("data-test-connection-state") != "CONNECTED")
    for site in sites:
        site.start()
    until(lambda: app.get_attribute("data-test-connection-state") == "CONNECTED")
    settled(tab)
    transfer, examples = (
        tab.get_by_role("button", name="Transfer timbre"),
        tab.get_by_text("Examples", exact=True).first,
    )
    assert not transfer.is_enabled()  # as it was left
    until(transfer.is_enabled, again=examples.click, every_s=2.0)  # until the new session has run, a click may be lost
    assert sum(number(site, "ddsing_tabs") for site in sites) >= 1


def test_a_browser_stays_with_one_server_and_outlives_it(visit, front, sites):
    tabs = []
    while len(tabs) < MOST and not all(number(site, "ddsing_tabs") for site in sites):
        tabs.append(visit())
        come(tabs[-1], front)
    assert all(number(site, "ddsing_tabs") for site in sites), "chance would give all to one once in 8 million times"
    folders = {path.name for path in (sites[0].root / "guests").iterdir()}
    sites[0].stop()
    for tab in tabs:
        tab.reload()
        tab.get_by_role("button", name="Transfer timbre").wait_for()
        settled(tab)
    assert {path.name for path in (sites[0].root / "guests").iterdir()} == folders
    assert number(sites[1], "ddsing_tabs") == len(tabs)
    sites[0].start()
    for tab in tabs:  # it stays with the one that has its session now: what a page plays is in that one's memory
        tab.reload()
        tab.get_by_role("button", name="Transfer timbre").wait_for()
        settled(tab)
    assert number(sites[1], "ddsing_tabs") == len(tabs)


def test_without_any_server_there_is_a_sentence(ask, front, sites):
    for site in sites:
        site.stop()
    answer = ask.get(f"{front.url}/", headers={"accept": "text/html"})
    assert answer.status_code == 503 and answer.text.startswith("ddsing is not running at the moment.")
    assert answer.headers["retry-after"] == "10" and "strict-transport-security" in answer.headers
    for site in sites:
        site.start()
