"""Work in the background belongs to the server: any tab finds it, a reload loses nothing, and waiting says for what."""

import threading
import time

import pytest

from ddsing.transfer.takes import TakeStore
from ddsing.ui.shell import work
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, finished, open_page, said
from tests.support.patience import PATIENCE_S

OPEN = "a tab that is open"


@pytest.fixture(autouse=True)
def _browser(monkeypatch):
    """Which tabs there are, without a browser; with one see tests/browser/test_values.py."""
    monkeypatch.setattr(work, "_connected", lambda tab: tab == OPEN)


@pytest.fixture
def root(tmp_path):
    return tiny_workspace.fill(tmp_path / "ws")


@pytest.fixture
def held():
    """Keeps the turn, so that a work waits until the fixture lets go."""
    go, ready = threading.Event(), threading.Event()

    def function(report):
        report("holding", 0.5)
        ready.set()
        while not go.wait(0.05):
            report("holding", 0.5)

    def start(root, tab="a tab that is gone"):
        one = work.Work("Another work", function, root=root, tab=tab)
        one.start()
        work._works.append(one)
        assert ready.wait(30)
        return one

    yield start
    go.set()
    for one in work._works[:]:
        one.cancel()
        one._thread.join(30)
    work._works.clear()


def bars(app):
    return [bar.proto.text for bar in app.get("progress")]


@pytest.mark.slow
def test_a_tab_that_is_loaded_again_finds_its_work_with_cancel_and_its_result(monkeypatch, root, held):
    one = held(root)
    app = open_page(monkeypatch, root)
    app.get_by_key("transfer.tracker").set_value("tiny").run()
    assert any("Another work" in text for text in bars(app))
    assert "transfer.start" not in [button.key for button in app.button], "one at a time, in one tab"
    app.button(key="work.cancel").click().run()
    one._thread.join(30)
    clean(finished(app))

    app.button(key="transfer.start").click().run()
    again = open_page(monkeypatch, root)
    assert again.get_by_key("transfer.tracker").value == "tiny"
    assert any("Transferring" in text for text in bars(again)) or TakeStore(Workspace(root)).list()
    clean(finished(again))
    assert len(TakeStore(Workspace(root)).list()) == 1 and "Takes (1)" in said(again)


def test_what_ends_while_nobody_looks_is_said_on_return(monkeypatch, root, held):
    def fail(report):
        raise OSError(28, "No space left on device")

    one = work.Work("Transferring a song", fail, root=root, tab="gone")
    one.start()
    work._works.append(one)
    one._thread.join(30)
    app = open_page(monkeypatch, root)
    assert app.error and not work._works
    app.run()
    assert not app.error


@pytest.mark.slow
def test_one_that_waits_says_for_what(monkeypatch, root, held):
    ahead = held(root, OPEN)
    app = open_page(monkeypatch, root)
    assert any("Another work" in text for text in bars(app)), "a second tab sees it, with Cancel"
    assert not app.button(key="transfer.start").disabled
    app.get_by_key("transfer.tracker").set_value("tiny").run()
    app.button(key="transfer.start").click().run()
    time.sleep(0.5)
    app.run()
    assert any("Transferring" in text and "waiting for :small[“Another work”]" in text for text in bars(app)), bars(app)
    ahead.cancel()
    ahead._thread.join(30)
    clean(finished(app))
    assert len(TakeStore(Workspace(root)).list()) == 1


def test_the_bar_is_there_before_the_work_begins(monkeypatch, root):
    began = threading.Event()
    one = work.Work("Looking", lambda report: began.set(), root=root, tab="gone")
    one.start(page_first_s=PATIENCE_S)
    assert not began.wait(0.2) and one.stage == work.STARTING
    one.shown()
    one._thread.join(PATIENCE_S)
    assert began.is_set()

    monkeypatch.setattr(work, "PAGE_FIRST_S", PATIENCE_S)
    app = open_page(monkeypatch, root)
    app.get_by_key("transfer.tracker").set_value("instant").run()
    app.button(key="transfer.start").click().run()
    assert any("Transferring" in text for text in bars(app)), "however quick it is"
    clean(finished(app))
    assert len(TakeStore(Workspace(root)).list()) == 1


def test_what_is_heard_first_comes_before_the_bar_and_the_rest_after_it(root):
    heard, went_on = threading.Event(), threading.Event()

    def sing(report):
        report("singing", 0.0)
        heard.set()
        report("singing", 0.1)
        went_on.set()

    one = work.Work("Singing", sing, root=root, tab="gone", heard=heard.is_set)
    one.start(page_first_s=PATIENCE_S)
    assert heard.wait(PATIENCE_S) and not went_on.wait(0.2)
    one.shown()
    one._thread.join(PATIENCE_S)
    assert went_on.is_set()


def test_the_work_of_another_workspace_is_not_found(monkeypatch, root, held, tmp_path):
    held(tmp_path / "elsewhere")
    assert not bars(open_page(monkeypatch, root))
