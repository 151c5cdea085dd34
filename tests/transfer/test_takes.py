"""Takes on disk: what was read is not read again while it is the same, and whatever changes is seen at once."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ddsing.sound import audio
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore, write_take
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said

pytestmark = pytest.mark.usefixtures("quiet")
N_TAKES = 4
RENAME = (
    "import sys; from ddsing.transfer.takes import *; TakeStore(Workspace(Path(sys.argv[1]))).rename(*sys.argv[2:])"
)


@pytest.fixture
def store(tmp_path) -> TakeStore:
    """A workspace with four takes that nobody rendered."""
    made = TakeStore(Workspace(tiny_workspace.fill(tmp_path / "ws")))
    for number in range(N_TAKES):
        with made.building(f"take {number}") as (take_id, folder):
            for name in ("result", "original", "harmonic", "noise"):
                (folder / f"{name}.wav").write_bytes(audio.encode(np.zeros(1600, np.float32)))
            write_take(Take(take_id, made.folder / take_id, name=f"Take {number}", tracker="tiny"), folder)
    return made


def names(store: TakeStore) -> list[str]:
    return [take.name for take in store.list()]


def test_what_is_unchanged_is_not_read_again(store, monkeypatch):
    before = store.list_all()
    assert len(before) == N_TAKES
    monkeypatch.setattr(json, "loads", None)
    assert TakeStore(Workspace(store.folder.parent)).list_all() == before and store.newest() == before[0]
    assert store.get(before[1].id) is before[1]


def test_whatever_changes_is_seen(store, tmp_path):
    takes = store.list()
    store.note(takes[0].id, "Breathy")
    assert store.get(takes[0].id).note == "Breathy" and store.list()[0].note == "Breathy"
    subprocess.run([sys.executable, "-c", RENAME, store.folder.parent, takes[1].id, "Tike 2"], check=True)  # as long
    assert names(store) == ["Take 3", "Tike 2", "Take 1", "Take 0"]
    token = store.delete(takes[1].id)
    assert names(store) == ["Take 3", "Take 1", "Take 0"]
    store.undo(token)
    shutil.copytree(takes[0].folder, store.folder / "20990101-000000-000-copied")
    assert names(store) == ["Take 3", "Take 3", "Tike 2", "Take 1", "Take 0"]
    (takes[3].folder / "result.wav").unlink()
    (takes[2].folder / "take.json").write_text("{")
    assert [take.id for take in store.list_all() if take.error] == [takes[2].id, takes[3].id]
    shutil.move(takes[0].folder, tmp_path / "away")
    shutil.move(takes[1].folder, takes[0].folder)  # another take under a name that was read before
    assert names(store) == ["Take 3", "Tike 2"] and store.list()[1].folder == takes[0].folder
    shutil.rmtree(store.folder)
    assert store.list_all() == []


@pytest.mark.slow
def test_the_next_rerun_of_a_page_shows_what_changed_meanwhile(store, monkeypatch):
    app = open_page(monkeypatch, store.folder.parent)
    clean(app)
    assert "Takes (4)" in said(app) and "Take 3" in said(app)
    takes = store.list()
    subprocess.run([sys.executable, "-c", RENAME, store.folder.parent, takes[0].id, "Renamed"], check=True)
    shutil.copytree(takes[1].folder, store.folder / "20990101-000000-000-copied")
    app.run()
    clean(app)
    assert "Takes (5)" in said(app) and "Renamed" in said(app) and "Take 3" not in said(app)
    store.delete(takes[0].id)
    app.run()
    assert "Takes (4)" in said(app) and "Renamed" not in said(app)


def test_what_is_remembered_is_bounded(store, monkeypatch):
    from ddsing.transfer import takes as take_store

    monkeypatch.setattr(take_store, "_MAX_REMEMBERED", 2)
    monkeypatch.setattr(take_store, "_remembered", {})
    assert len(store.list()) == N_TAKES and len(take_store._remembered) <= 2


def test_takes_that_are_remembered_are_listed_without_making_a_path_of_each(store, monkeypatch):
    from ddsing.transfer import takes as take_store

    made = []

    class Folder(type(Path())):
        def __truediv__(self, name):
            made.append(name)
            return super().__truediv__(name)

    before = store.list()
    monkeypatch.setattr(take_store, "Path", lambda place: made.append(place) or Path(place))
    store.folder = Folder(store.folder)
    assert all(one is other for one, other in zip(before, store.list(), strict=True)) and made == []
    (before[0].folder / "take.json").touch()
    assert len(store.list()) == N_TAKES and made, "what has changed is read, by its path"
