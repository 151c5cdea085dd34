"""A job's folder: its files, and the lock that tells whether its process lives.

A job that an engine runs has two more: ``engine.json``, by which it is found there, and, where it consists of several
tasks, the folder ``tasks`` with one job's folder for each. Its lock counts for nothing, see `ddsing.jobs.word`.

The lock is taken by the process for life, and for an instant by whoever asks whether it is held. So that nobody
mistakes the one for the other, both pass a gate, a second lock, one at a time.
"""

import contextlib
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ddsing import files, names
from ddsing.files import read_json, write_json
from ddsing.jobs.states import ENDED, classify, written_state
from ddsing.jobs.word import silence

GATE_TIMEOUT_S = 5.0  # a gate is passed in a millisecond, unless somebody in it was suspended
SILENT_S = 10.0  # where locks can't be asked: after this long without a heartbeat a process counts as dead
TASKS = "tasks"
ENGINE_NAME = "engine.json"
_ORDER, _RECORD = "spec.json", "status.json"
_MAX_JSON_BYTES = 2**20


def hard_lock(path: Path) -> FileLock:
    """A lock that the kernel releases when its holder dies; an error where a file system has none."""
    return FileLock(path, thread_local=False, fallback_to_soft=False)


class JobFolder:
    """The files of one job."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def log(self) -> Path:
        """What its process prints."""
        return self.path / "log.txt"

    @property
    def stop(self) -> Path:
        """There once somebody has asked it to stop."""
        return self.path / "stop"

    @property
    def heartbeat(self) -> Path:
        """Touched while its process lives."""
        return self.path / "heartbeat"

    @property
    def id(self) -> str:
        """Its name."""
        return names.read(self.path.name)

    @property
    def whole(self) -> "JobFolder":
        """Of a task, the job that it is a part of; else itself."""
        return JobFolder(self.path.parents[1]) if self.path.parent.name == TASKS else self

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.whole.path.parents[1]

    def tasks(self) -> "list[JobFolder]":
        """The folders of its tasks, in their order; mostly none."""
        try:
            found = [path for path in (self.path / TASKS).iterdir() if path.name.isdecimal()]
        except OSError:
            return []
        return [JobFolder(path) for path in sorted(found, key=lambda path: int(path.name))]

    def handle(self) -> dict[str, Any] | None:
        """``engine.json``: what an engine was asked; None for a job of this computer."""
        return read_json(self.path / ENGINE_NAME, max_bytes=_MAX_JSON_BYTES)

    def stop_requested(self) -> bool:
        """Whether somebody has asked it, or the job that it is a part of, to stop."""
        return self.stop.exists() or (self.path.parent.name == TASKS and self.whole.stop.exists())

    def stamps(self) -> tuple[int, ...]:
        """What changes whenever another order or another record is written; OSError where one is missing."""
        order, record = (files.stamp(os.path.join(self.path, name), inode=True) for name in (_ORDER, _RECORD))
        return order + record

    def spec(self) -> dict[str, Any] | None:
        """What was asked for; None if it can't be read."""
        return read_json(self.path / _ORDER, max_bytes=_MAX_JSON_BYTES)

    def record(self) -> dict[str, Any] | None:
        """``status.json``; None if it can't be read."""
        return read_json(self.path / _RECORD, max_bytes=_MAX_JSON_BYTES)

    def result(self) -> dict[str, Any] | None:
        """What the job returned; None if it did not, or can't be read."""
        return read_json(self.path / "result.json", max_bytes=_MAX_JSON_BYTES)

    def create(self, spec: Mapping[str, Any]) -> None:
        """Make the folder, with all files that the job must not lack on a full disk."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("lock", "gate", "heartbeat", "log.txt"):
            (self.path / name).touch()
        write_json(self.path / _ORDER, plain(spec))

    def write_record(self, record: Mapping[str, Any], *, durable: bool = True) -> None:
        """Replace ``status.json``; `durable` waits for the disk, for what must outlast a power cut. Raises OSError."""
        write_json(self.path / _RECORD, plain(record), durable=durable)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json``; raises OSError."""
        write_json(self.path / "result.json", plain(result))

    def take(self, *, timeout_s: float = 0.0) -> FileLock | None:
        """The lock, held from now on, or None if a process of this job lives for longer than `timeout_s` from now."""
        lock, deadline_s = hard_lock(self.path / "lock"), time.monotonic() + timeout_s
        while True:
            with self._gate():
                if _try(lock):
                    return lock
            if time.monotonic() >= deadline_s:
                return None
            time.sleep(0.05)

    def is_locked(self) -> bool:
        """Whether a process of this job lives."""
        if not (self.path / "lock").exists():
            return False
        lock = hard_lock(self.path / "lock")
        try:
            with self._gate():
                free = _try(lock)
                lock.release()  # inside the gate, or the next to ask would find it held
        except OSError:  # a disk that is read only, say
            return (self.heartbeat_age_s() or 0.0) < SILENT_S
        return not free

    def look(self) -> tuple[dict[str, Any] | None, bool]:
        """The record, and whether the process that wrote it lives; of one moment, however fast they change."""
        record = self.record()
        if self.handle() is not None:
            return record, False
        for _ in range(10):
            locked = written_state(record) not in ENDED and self.is_locked()
            before, record = record, self.record()
            if _identity(before) == _identity(record):
                break
        return record, locked

    def state(self) -> str:
        """Its state at this moment, as far as this computer knows."""
        record, locked = self.look()
        word = None if self.handle() is None else silence("")
        return classify(record, locked=locked, stop_requested=self.stop.exists(), now_s=time.time(), word=word)

    def heartbeat_age_s(self) -> float | None:
        """Seconds since its process was last heard of."""
        try:
            return max(0.0, time.time() - self.heartbeat.stat().st_mtime)
        except OSError:
            return None

    @contextlib.contextmanager
    def _gate(self) -> Iterator[None]:
        gate = hard_lock(self.path / "gate")
        try:
            gate.acquire(timeout=GATE_TIMEOUT_S, poll_interval=0.002)
        except Timeout:  # somebody was suspended in it: do without
            yield
            return
        try:
            yield
        finally:
            gate.release()


def _try(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _identity(record: Mapping[str, Any] | None) -> list[Any] | None:
    """What changes whenever another process, or another state, begins."""
    return None if record is None else [record.get(name) for name in ("state", "ordered", "pid")]


def plain(value: Any) -> Any:
    """`value` in JSON's own types: arrays as lists, NaN and infinity as None, what JSON doesn't know as text."""
    if hasattr(value, "tolist"):  # numpy's, without importing it
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
