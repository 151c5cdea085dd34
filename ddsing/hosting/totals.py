"""What everybody together has, counted now and then in the background, so that whoever asks waits for nothing.

Of a job that has ended only the stamp of its record is looked at again.
"""

from __future__ import annotations

import collections
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ddsing import files, storage
from ddsing.jobs import status
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.states import ENDED, STATES
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace

JOBS_EVERY_S = 30.0
BYTES_EVERY_S = 3600.0
_SHARE = 0.01  # of a core, at most, for jobs
_PAUSE_S = 0.01  # after each workspace, for others who need the disk


class Totals:
    """The counts of a root; those of `jobs` and `bytes` are empty until they are known.

    Attributes
    ----------
    jobs : Mapping
        Number of jobs by state.
    bytes : Mapping
        Bytes of the workspaces of ``people`` and of ``guests``.
    """

    def __init__(self, root: Path) -> None:
        self.jobs: Mapping[str, int] = {}
        self.bytes: Mapping[str, int] = {}
        self._root = root
        self._ended: dict[Path, tuple[tuple[int, ...], str]] = {}  # by the record's path

    def count_jobs(self) -> None:
        """Look at all jobs."""
        counts = collections.Counter(dict.fromkeys(STATES, 0))
        seen: dict[Path, tuple[tuple[int, ...], str]] = {}
        for workspace in _folders(self._root / "people"):
            store = JobStore(Workspace(workspace))
            for job in _inside(store.workspace.jobs):
                state = self._state(job, store, seen)
                counts.update([state] if state else [])
        self._ended, self.jobs = seen, dict(counts)

    def count_bytes(self, *, pause_s: float = _PAUSE_S) -> None:
        """Look at all files."""
        found = {"people": 0, "guests": 0}
        for kind, folders in (("people", _folders(self._root / "people")), ("guests", _inside(self._root / "guests"))):
            for folder in folders:
                found[kind] += storage.total_bytes(Workspace(folder))
                time.sleep(pause_s)
        self.bytes = found

    def keep(self) -> threading.Event:
        """Let a thread count now and then; it ends once the event that is returned is set."""
        ended = threading.Event()

        def run() -> None:
            bytes_s = -BYTES_EVERY_S
            while not ended.is_set():
                began_s, took_s = time.thread_time(), 0.0
                try:
                    self.count_jobs()
                    took_s = time.thread_time() - began_s
                    if time.monotonic() - bytes_s >= BYTES_EVERY_S:
                        bytes_s = time.monotonic()
                        self.count_bytes()
                except Exception:
                    logging.getLogger("ddsing").exception("The workspaces can't be counted")
                ended.wait(max(JOBS_EVERY_S, took_s / _SHARE))

        threading.Thread(target=run, name="totals", daemon=True).start()
        return ended

    def _state(self, job: Path, store: JobStore, seen: dict[Path, tuple[tuple[int, ...], str]]) -> str:
        """The state of one job; empty for one that is gone."""
        record = job / "status.json"
        try:
            stamp = files.stamp(record, inode=True)
        except OSError:
            return "" if not job.is_dir() else status.read(JobFolder(job), ask=store.cluster.word).state
        known = self._ended.get(record)
        if known is None or known[0] != stamp:
            known = stamp, status.read(JobFolder(job), ask=store.cluster.word).state
        if known[1] in ENDED:
            seen[record] = known
        return known[1]


def _folders(people: Path) -> Iterator[Path]:
    """The workspaces, which lie two folders deep."""
    for folder in _inside(people):
        yield from _inside(folder)


def _inside(folder: Path) -> list[Path]:
    """The folders in a folder but for hidden ones; nothing if it is not there."""
    try:
        with os.scandir(folder) as found:
            return [Path(one.path) for one in found if one.name[0] != "." and one.is_dir(follow_symlinks=False)]
    except OSError:
        return []
