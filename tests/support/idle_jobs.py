"""A store whose jobs never start by themselves, and what is done to them; for tests without processes."""

import pytest

from ddsing.jobs.folder import JobFolder
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace


class NoLauncher:
    """Starts nothing; counts."""

    def __init__(self):
        self.started = []

    def start(self, folder):
        self.started.append(folder)


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "locks"


@pytest.fixture
def store(tmp_path):
    """A store whose jobs never start by themselves."""
    (tmp_path / "w").mkdir()
    return JobStore(Workspace(tmp_path / "w"), launcher=NoLauncher())


def submit(store, key="train:Aria", **changes):
    wanted = {"title": "Train Aria", "options": {"voice": "Aria"}, "needs_bytes": 0} | changes
    return store.submit(Order("train", key=key, **wanted))


def folder(store, job):
    return JobFolder(store.workspace.jobs / job.id)


def write(store, job, **record):
    folder(store, job).write_record((folder(store, job).record() or {}) | record)
