"""Taking turns on a device: one job at a time, first come first served, on the whole machine.

A job's ticket, written when its start is ordered, is its place in the queue; the ticket counts for as long as the job
lives. The device itself is a lock, so that whatever happens to tickets, two jobs never have it at once. Both lie in a
folder of the user's own, shared by all workspaces: ``DDSING_LOCKS``, or one in the system's folder for temporary files.
"""

import contextlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ddsing.errors import Cancelled, JobError
from ddsing.files import write_atomic
from ddsing.jobs.folder import JobFolder, hard_lock
from ddsing.jobs.order import require_device
from ddsing.jobs.states import LIVE

POLL_S = 0.25
SOMEONE = "a training run outside the queue"
_SUFFIX = ".ticket"


@dataclass(frozen=True)
class Ticket:
    """A place in a device's queue; `ordered_ns` decides the order."""

    ordered_ns: int
    job: Path
    title: str
    state: str


def locks_folder() -> Path:
    """The folder of locks and tickets, made if need be; raises `JobError` if it is not the user's alone."""
    named = os.environ.get("DDSING_LOCKS")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    path = Path(named).absolute() if named else Path(tempfile.gettempdir()) / f"ddsing-{user}"
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700, parents=bool(named))
        found = path.lstat()
    except OSError as error:
        raise JobError(f"The folder of the device locks, {str(path)!r}, can't be used: {error.strerror}.") from None
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise JobError(
            f"{str(path)!r} should hold your device locks but is someone else's. Choose another with DDSING_LOCKS."
        )
    if hasattr(os, "getuid") and found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def join(device: str, job: Path, *, title: str) -> None:
    """Put a job at the end of a device's queue. Raises `JobError` or OSError."""
    leave(device, job)
    ticket = {"job": str(job), "title": title}
    write_atomic(_queue(device) / f"{time.time_ns():020d}-{job.name}{_SUFFIX}", json.dumps(ticket).encode())


def leave(device: str, job: Path) -> None:
    """Take a job out of a device's queue, if it is in it."""
    for path, ticket in _tickets(device):
        if ticket.job == job:
            path.unlink(missing_ok=True)


def tickets(device: str) -> tuple[Ticket, ...]:
    """The live jobs of a device, the one that has it first, then in their order; dead ones are swept out."""
    live = []
    for path, ticket in _tickets(device):
        if ticket.state in LIVE:
            live.append(ticket)
        else:
            path.unlink(missing_ok=True)
    return tuple(sorted(live, key=lambda ticket: (ticket.state != "running", ticket.ordered_ns)))


@contextlib.contextmanager
def turn(
    device: str,
    *,
    job: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_wait: Callable[[tuple[str, ...]], None] = lambda ahead: None,
) -> Iterator[None]:
    """Wait for a device, and have it within the ``with``.

    Parameters
    ----------
    job : Path | None
        The folder of the job whose ticket counts; without one, the time of this call does.
    should_stop : callable
        Asked while waiting; `Cancelled` is raised once it is true.
    on_wait : callable
        Called with the titles of those ahead whenever they change.
    """
    lock = hard_lock(locks_folder() / f"{_file_name(device)}.lock")
    try:
        _wait(lock, device, job, should_stop, on_wait)
        yield
    finally:
        if job is not None:
            with contextlib.suppress(OSError, JobError):
                leave(device, job)
        lock.release()


def _wait(
    lock: FileLock,
    device: str,
    job: Path | None,
    should_stop: Callable[[], bool],
    on_wait: Callable[[tuple[str, ...]], None],
) -> None:
    """Until the lock is ours."""
    now_ns = time.time_ns()
    told: tuple[str, ...] | None = None
    while True:
        if should_stop():
            raise Cancelled("Stopped while waiting in the queue.")
        queue = tickets(device)
        mine = next((ticket.ordered_ns for ticket in queue if ticket.job == job), now_ns)
        ahead = [t for t in queue if t.job != job and (t.state == "running" or t.ordered_ns < mine)]
        if all(ticket.state == "running" for ticket in ahead):
            with contextlib.suppress(Timeout):
                lock.acquire(blocking=False)
                return
        titles = tuple(ticket.title for ticket in ahead) or (SOMEONE,)
        if titles != told:
            on_wait(told := titles)
        time.sleep(POLL_S)


def _queue(device: str) -> Path:
    folder = locks_folder() / _file_name(device)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _file_name(device: str) -> str:
    return require_device(device).replace(":", "-")


def _tickets(device: str) -> Iterator[tuple[Path, Ticket]]:
    """(its file, the ticket) of each, readable or not."""
    for path in sorted(_queue(device).glob(f"*{_SUFFIX}")):
        try:
            content = json.loads(path.read_text("utf-8"))
            job = Path(content["job"])
            yield path, Ticket(int(path.name.partition("-")[0]), job, str(content["title"]), JobFolder(job).state())
        except FileNotFoundError:  # someone left meanwhile
            continue
        except (OSError, ValueError, KeyError, TypeError):
            path.unlink(missing_ok=True)
