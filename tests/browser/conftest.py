"""One Chromium for all tests in a browser; what its microphone hears."""

import contextlib
import os
import shutil

import numpy as np
import pytest
import soundfile

from ddsing.jobs.store import JobStore
from tests.support import hosting, tiny_workspace
from tests.support.dashboard import EMPTY, Server, Tabs, settled

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
TOLD_MS = 10_000.0
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def _chromium() -> str | None:
    return next((found for name in _CHROMIUMS if (found := shutil.which(name))), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails tells what was on the pages, as one who can't see them is told."""
    report = yield
    browser = getattr(item, "funcargs", {}).get("browser")
    if report.failed and call.when == "call" and browser is not None:
        for tab in [tab for context in browser.contexts for tab in context.pages if not tab.url.endswith(EMPTY)]:
            report.sections.append((f"Page {tab.url}", _told(tab)))
    return report


def _told(tab) -> str:
    from playwright.sync_api import Error

    try:
        return tab.locator("body").aria_snapshot(timeout=TOLD_MS)
    except Error as error:
        return f"can't be told: {error}"


@pytest.fixture(scope="package")
def chromium_path():
    """Where the browser is. Without one the tests are skipped, in CI they fail."""
    path = _chromium()
    if path is None:
        message = "These tests need Chromium: apt-get install chromium (Debian), or put chrome or chromium on the PATH."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="package")
def playwright():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def microphone_file(tmp_path_factory):
    """What the fake microphone hears, again and again."""
    path = tmp_path_factory.mktemp("microphone") / "sung.wav"
    audio = tiny_workspace.sung(3.0)
    soundfile.write(path, np.repeat(audio, 3), 48_000, subtype="PCM_16")
    return path


@pytest.fixture(scope="package")
def browser(playwright, chromium_path, microphone_file):
    launched = playwright.chromium.launch(
        executable_path=chromium_path, args=[*ARGUMENTS, f"--use-file-for-fake-audio-capture={microphone_file}"]
    )
    yield launched
    launched.close()


@pytest.fixture(scope="package")
def tabs(browser):
    """Tabs to lend, see there."""
    return Tabs(browser)


@pytest.fixture(scope="module")
def locks(tmp_path_factory):
    """Devices of these tests' own, for the jobs that the dashboards start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDSING_LOCKS", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture(scope="package")
def npm(tmp_path_factory):
    """Where oidc-provider is installed, once for all processes. Without npm the tests are skipped, in CI they fail."""
    if shutil.which("npm") is None:
        message = "These tests need npm: apt-get install nodejs npm (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.getbasetemp().parent / "oidc-provider"
    folder.mkdir(exist_ok=True)
    return hosting.install_provider(folder)


@pytest.fixture
def visit(tabs):
    """Opens a browser of its own for somebody, without any cookies; returns a tab."""
    with contextlib.ExitStack() as lent:
        yield lambda **options: lent.enter_context(tabs.lent(viewport={"width": 1366, "height": 768}, **options))


@pytest.fixture(scope="package")
def ports():
    """Of dashboards that have been stopped: scripts from the same address are read only once."""
    return []


@pytest.fixture
def dashboard(tabs, ports, locks, tmp_path):
    """Opens a page of a dashboard on a workspace; jobs that still live are ended afterwards."""
    opened, lent = [], contextlib.ExitStack()

    def open_page(workspace, page):
        server = Server(workspace.root, before=ports.pop() if ports else 0)
        server.wait()
        opened.append((workspace, server))
        tab = lent.enter_context(tabs.lent(viewport={"width": 1280, "height": 1400}))
        tab.goto(f"{server.url}/{page}")
        settled(tab)
        return tab, server

    yield open_page
    lent.close()
    for workspace, server in opened:
        server.stop()
        ports.append(server.port)
        for job in JobStore(workspace).live():
            JobStore(workspace).stop(job.id, force=True)
