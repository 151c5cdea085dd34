"""What a press needs of the chosen instrument is there before it, and nothing of those that were leafed through."""

import pytest

from ddsing.engine import render
from ddsing.instrument import format as instruments
from ddsing.instrument.library import Library
from ddsing.ui.shell import caches, ordered
from ddsing.ui.transfer import at_hand
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, transfer

FIRST, SECOND = tiny_workspace.NAMES[:2]


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch):
    monkeypatch.setattr(at_hand, "_waiting", None)
    monkeypatch.setattr(at_hand, "_fetched", None)
    yield
    if at_hand._waiting is not None:
        at_hand._waiting.cancel()


@pytest.fixture
def done(monkeypatch):
    """What is opened and loaded, by name: the functions themselves are called."""
    calls = []
    read, load = instruments.read, render.load

    def noted(kind, function):
        def called(*args, **options):
            made = function(*args, **options)
            calls.append((kind, getattr(made, "name", "")))
            return made

        return called

    monkeypatch.setattr(instruments, "read", noted("open", read))
    monkeypatch.setattr(render, "load", noted("load", load))
    return calls


def still():
    """The page has stood still."""
    waiting = at_hand._waiting
    waiting.cancel()
    waiting.function(*waiting.args)


def test_a_press_opens_and_loads_nothing(monkeypatch, tmp_path, done):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    assert done == [], "the page itself does not"
    still()
    assert [kind for kind, _ in done] == ["open", "load"]
    clean(app.run())
    assert at_hand._waiting is None, "it is there"
    transfer(app)
    assert [kind for kind, _ in done] == ["open", "load"]


def test_each_run_puts_it_off_and_only_what_is_chosen_then_is_fetched(monkeypatch, tmp_path, done):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    before = [at_hand._waiting]
    for name in (SECOND, FIRST, SECOND):
        app.get_by_key("transfer.instrument").set_value(name).run()
        before.append(at_hand._waiting)
    assert [one.finished.is_set() for one in before] == [True, True, True, False]
    still()
    assert done == [("open", SECOND), ("load", "")]


def test_an_instrument_that_has_gone_meanwhile_is_left_to_the_press(monkeypatch, tmp_path, done):
    root = tiny_workspace.fill(tmp_path / "ws")
    app = open_page(monkeypatch, root)
    for path in Workspace(root).instruments.glob("*.zip"):
        path.unlink()
    still()
    assert done == []
    clean(app.run())
    assert at_hand._waiting is None


def test_one_that_is_replaced_is_fetched_again(monkeypatch, tmp_path, done):
    root = tiny_workspace.fill(tmp_path / "ws")
    app = open_page(monkeypatch, root)
    still()
    entry = next(one for one in caches.instruments() if one.name == at_hand._fetched[0].rpartition("/")[2][:-4])
    entry.path.write_bytes(instruments.to_bytes(tiny_workspace.tiny_instrument(entry.name, seed=9)))
    clean(app.run())
    assert at_hand._waiting is not None


def test_where_workers_sing_the_server_fetches_nothing(monkeypatch, tmp_path):
    entry = Library(Workspace(tiny_workspace.fill(tmp_path / "ws"))).list()[0]
    monkeypatch.setattr(ordered, "by_workers", lambda: True)
    at_hand.fetch(entry)
    assert at_hand._waiting is None
