"""What a press needs of the chosen instrument is there before it, and nothing of those that were leafed through."""

import pytest

from ddsing.engine import render
from ddsing.instrument import format as instruments
from ddsing.instrument.library import Library
from ddsing.ui.shell import ordered
from ddsing.ui.transfer import at_hand
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, transfer

FIRST, SECOND = tiny_workspace.NAMES[:2]


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch):
    monkeypatch.setattr(at_hand, "_waiting", None)
    monkeypatch.setattr(at_hand, "_wanted", None)
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


def chosen_for_long():
    """What waits begins."""
    waiting = at_hand._waiting
    waiting.cancel()
    waiting.function(*waiting.args)


def test_a_press_opens_and_loads_nothing(monkeypatch, tmp_path, done):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    assert done == [], "the page itself does not"
    chosen_for_long()
    assert [kind for kind, _ in done] == ["open", "load"]
    waited = at_hand._waiting
    transfer(app)
    assert at_hand._waiting is waited, "it is there"
    assert [kind for kind, _ in done] == ["open", "load"]


def test_only_the_last_choice_is_fetched_and_nothing_else_that_is_done_puts_it_off(monkeypatch, tmp_path, done):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"))
    before = [at_hand._waiting]
    for name in (SECOND, FIRST, SECOND):
        app.get_by_key("transfer.instrument").set_value(name).run()
        before.append(at_hand._waiting)
    app.slider(key="setting.octave_shift").set_value(1).run()
    assert at_hand._waiting is before[-1]
    assert [one.finished.is_set() for one in before] == [True, True, True, False]
    chosen_for_long()
    assert done == [("open", SECOND), ("load", "")]


def test_an_instrument_that_has_gone_meanwhile_is_left_to_the_press(monkeypatch, tmp_path, done):
    root = tiny_workspace.fill(tmp_path / "ws")
    app = open_page(monkeypatch, root)
    for path in Workspace(root).instruments.glob("*.zip"):
        path.unlink()
    chosen_for_long()
    assert done == []
    waited = at_hand._waiting
    clean(app.run())
    assert at_hand._waiting is waited, "there is none to fetch"


def test_one_that_is_replaced_is_fetched_again(monkeypatch, tmp_path, done):
    root = tiny_workspace.fill(tmp_path / "ws")
    app = open_page(monkeypatch, root)
    chosen_for_long()
    entry, before = at_hand._waiting.args[0], at_hand._waiting
    entry.path.write_bytes(instruments.to_bytes(tiny_workspace.tiny_instrument(entry.name, seed=9)))
    clean(app.run())
    assert at_hand._waiting is not before and not at_hand._waiting.finished.is_set()


def test_where_workers_sing_the_server_fetches_nothing(monkeypatch, tmp_path):
    entry = Library(Workspace(tiny_workspace.fill(tmp_path / "ws"))).list()[0]
    monkeypatch.setattr(ordered, "by_workers", lambda: True)
    at_hand.fetch(entry)
    assert at_hand._waiting is None
