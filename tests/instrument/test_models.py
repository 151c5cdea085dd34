"""The store of opened instruments and loaded networks: bounded, and the same thing for everyone who asks."""

import threading
from concurrent.futures import ThreadPoolExecutor

from ddsing.engine import render
from ddsing.instrument import models
from ddsing.instrument.models import Models
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.patience import PATIENCE_S


def test_the_one_not_used_for_longest_gives_way():
    store = Models(max_entries=2)
    first, second, third = (tiny_workspace.tiny_instrument(name, seed=seed) for seed, name in enumerate("abc"))
    kept = store.get(first)[0]
    assert not store.get(second)[1]
    assert store.get(first) == (kept, True)
    assert [store.get(one)[1] for one in (third, first, second)] == [False, True, False]


def test_threads_that_ask_at_once_get_the_same(monkeypatch):
    store, instrument = Models(), tiny_workspace.tiny_instrument("a")
    everyone, load = threading.Barrier(4), render.load

    def slow(*arguments):
        everyone.wait(timeout=PATIENCE_S)
        return load(*arguments)

    monkeypatch.setattr(render, "load", slow)
    with ThreadPoolExecutor(4) as pool:
        found = [renderer for renderer, _ in pool.map(store.get, [instrument] * 4)]
    assert all(one is found[0] for one in found) and store.get(instrument) == (found[0], True)


def test_an_instrument_is_found_by_its_name_or_its_file(tmp_path):
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    name = tiny_workspace.NAMES[0]
    by_name, by_file = models.find(workspace, name), models.find(workspace, workspace.instruments / f"{name}.zip")
    assert by_name.digest == by_file.digest and by_name.name == by_file.name == name
