"""A store whose jobs never start by themselves, and what is done to them; for tests without processes."""

from pathlib import Path

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


def idle_store(folder: Path) -> JobStore:
    """A store whose jobs never start by themselves."""
    folder.mkdir()
    return JobStore(Workspace(folder), launcher=NoLauncher())


def order(kind: str, title: str) -> Order:
    """An order of a kind, which needs nothing."""
    return Order(kind, title=title, options={"voice": "Aria"}, key=title, needs_bytes=0)


def submit(store, key="train:Aria", **changes):
    wanted = {"title": "Train Aria", "options": {"voice": "Aria"}, "needs_bytes": 0} | changes
    return store.submit(Order("train", key=key, **wanted))


def folder(store, job):
    return JobFolder(store.workspace.jobs / job.id)


def write(store, job, **record):
    folder(store, job).write_record((folder(store, job).record() or {}) | record)
