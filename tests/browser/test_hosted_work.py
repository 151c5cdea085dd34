"""The work of a hosted dashboard in the browser: the place in line, Cancel, and a server killed in the middle."""

import contextlib
import os
import re
import signal
import sys

import pytest
import soundfile

from ddsing.transfer.takes import TakeStore
from ddsing.work import folder
from ddsing.work.order import Order
from ddsing.work.queue import Queue
from ddsing.workspace import Workspace
from tests.support import hosting, tiny_workspace, worked
from tests.support.dashboard import settled
from tests.support.patience import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals"),
]

TABLES = "[guests]\nallowed = true\nmost = 5\ntransfer_seconds = 60\n[work]\nprocesses = 1\n"
LONG = "zz long.wav"


@pytest.fixture
def site(locks, tmp_path):
    made = hosting.Site(tmp_path)
    made.write(TABLES)
    yield made.start()
    made.stop()


@pytest.fixture
def guest(tabs, site):
    """Lets somebody come in; returns a tab and their workspace, with a long recording among the examples."""
    lent = contextlib.ExitStack()

    def come(tracker="Draft") -> tuple:
        before = set((site.root / "guests").glob("*"))
        tab = lent.enter_context(tabs.lent(viewport={"width": 1366, "height": 768}))
        tab.goto(site.url)
        tab.get_by_role("button", name="Try it as a guest").click()
        tab.get_by_role("button", name="Transfer timbre").wait_for()
        settled(tab)
        (root,) = set((site.root / "guests").glob("*")) - before
        soundfile.write(root / "examples" / LONG, tiny_workspace.sung(20.0), 16_000)
        tab.reload()
        tab.get_by_role("combobox", name="Example").click()
        tab.get_by_role("option", name=LONG).click()
        settled(tab)
        tab.get_by_role("radio", name=tracker).click()
        settled(tab)
        return tab, Workspace(root)

    with lent:
        yield come


def begin(tab):
    tab.get_by_role("button", name="Transfer timbre").click()
    tab.get_by_role("button", name="Cancel").wait_for()


def test_a_transfer_outlives_a_server_that_is_killed(guest, site):
    tab, workspace = guest("Best")
    begin(tab)
    (order,) = [one for one in folder.of_workspace(workspace.root) if one.about().get("label")]
    worker = worked.at_work(order, "pitch")
    os.kill(worker, signal.SIGSTOP)  # so that it is in the middle, however quick it is
    site.process.kill()
    site.process.wait()
    assert TakeStore(workspace).list() == []
    os.kill(worker, signal.SIGCONT)
    site.start()
    tab.get_by_role("button", name="Cancel").wait_for()
    tab.get_by_role("heading", name="Takes (1)").wait_for()
    assert len(TakeStore(workspace).list()) == 1
    until(lambda: not [one for one in folder.of_workspace(workspace.root) if one.about().get("label")])


def test_who_waits_sees_the_place_in_line_and_can_cancel(guest, site):
    tab, workspace = guest()
    queue, long = Queue(site.root), worked.sung(300.0)
    busy = queue.submit(workspace.root, Order("analyse", "", {"tracker": "full"}, long))
    worker = worked.at_work(busy, "pitch")
    os.kill(worker, signal.SIGSTOP)  # it lasts, and takes nothing of the processor
    begin(tab)
    tab.get_by_text(re.compile(r"place \d in line")).wait_for()
    tab.get_by_role("button", name="Cancel").click()
    tab.get_by_text("Cancelled. Nothing was saved.").wait_for()
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    begin(tab)
    tab.reload()
    tab.get_by_role("button", name="Cancel").wait_for()
    assert TakeStore(workspace).list() == []
    queue.cancel(busy)
    os.kill(worker, signal.SIGCONT)
    tab.get_by_role("heading", name="Takes (1)").wait_for()
    assert len(TakeStore(workspace).list()) == 1
