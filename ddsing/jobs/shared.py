"""Locks of workspaces that may lie on a file system shared by many machines, some of which have no locks at all.

On one's own computer they are plain locks. Where an engine has started this process, a lock may still be held by a node
that was lost, and is waited for; and where the file system has none, the engine's word and the claim of the folder
(`ddsing.jobs.attempt`) are what keeps others out.
"""

import contextlib
import errno
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from ddsing.files import write_atomic
from ddsing.jobs.folder import hard_lock

PATIENCE_S = 150.0  # a file server believes in a lost node, and keeps its locks, for up to so long
GATE_S, STALE_S = 60.0, 90.0
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def lock_patience_s() -> float:
    """How long to wait for a lock that no other living process should hold; 0 on one's own computer."""
    return PATIENCE_S if os.environ.get("DDSING_JOB_ENGINE") else 0.0


@contextlib.contextmanager
def held(path: Path, *, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold a lock; raises `filelock.Timeout` where another process has it, OSError."""
    on_engine = bool(os.environ.get("DDSING_JOB_ENGINE"))
    lock = FileLock(path, fallback_to_soft=not on_engine)
    try:
        lock.acquire(timeout=timeout_s)
    except OSError as error:
        if not on_engine or error.errno not in _NO_LOCKS:
            raise
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def gate(path: Path) -> Iterator[None]:
    """Pass one at a time; by a file that only one can make where the file system has no locks. Raises OSError."""
    lock = hard_lock(path)
    try:
        lock.acquire(timeout=GATE_S, poll_interval=0.01)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        with _made(path.with_name(f"{path.name}.passing")):
            yield
        return
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _made(path: Path) -> Iterator[None]:
    """Have a file that nobody else has; one that is older than anybody needs is left from a crash."""
    deadline_s = time.monotonic() + GATE_S
    while True:
        try:
            write_atomic(path, f"{platform.node()} {os.getpid()}".encode(), new=True, durable=False)
            break
        except FileExistsError:
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_S:
                    path.unlink(missing_ok=True)
        if time.monotonic() >= deadline_s:
            raise TimeoutError(errno.ETIMEDOUT, "another process is busy with the jobs of this workspace")
        time.sleep(0.02)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
