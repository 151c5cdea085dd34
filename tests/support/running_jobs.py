"""A store whose jobs are real processes, of the kinds of ``jobs_process.py``; and waiting for them."""

import contextlib
import sys
import threading
import time
from pathlib import Path

from ddsing.jobs.folder import JobFolder
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import jobs_process
from tests.support.patience import until

PROGRAM = (sys.executable, str(Path(jobs_process.__file__)))
ENDLESS = 10**9


def open_store(root):
    return JobStore(Workspace(root), launcher=LocalLauncher(PROGRAM), kinds=jobs_process.KINDS)


@contextlib.contextmanager
def closed_at_the_end(store):
    """The store; afterwards none of its processes is left."""
    try:
        yield store
    finally:
        for job in store.live():
            store.stop(job.id, force=True)


def submit(store, kind="count", *, key=None, title="Count", device=None, **options):
    key = key or f"{kind}:{options}:{time.monotonic_ns()}"
    return store.submit(Order(kind, title=title, options=options, device=device, key=key, needs_bytes=0))


def wait_for(store, job, *states):
    return until(lambda: (found := store.status(job.id)).state in states and found)


def wait_for_step(store, job, step=1):
    return until(lambda: (found := store.status(job.id)).state == "running" and (found.step or 0) >= step and found)


def folder(store, job):
    return JobFolder(store.workspace.jobs / job.id)


def pid(store, job):
    return folder(store, job).record()["pid"]


def notes(store, what):
    """(time, job, step) of each begin or end."""
    path = store.workspace.root / "notes.txt"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(int(line[1]), line[2], int(line[4])) for line in lines if line[0] == what]


def at_once(functions):
    """Call all from as many threads at the same moment; their results."""
    results, barrier = [], threading.Barrier(len(functions))

    def one(function):
        barrier.wait()
        results.append(function())

    threads = [threading.Thread(target=one, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
