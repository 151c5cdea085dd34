"""Taking turns on a device: one job at a time, first come first served, on the whole machine.

A job's ticket, written when its start is ordered, is its place in the queue; the ticket counts for as long as the job
lives. The device itself is a lock, so that whatever happens to tickets, two jobs never have it at once. Both lie in a
folder of the user's own, shared by all workspaces: ``DDSING_LOCKS``, or one in the system's folder for temporary files.

Where several people share a device, each ticket names its owner, and they take turns: see `ddsing.jobs.rounds`. Of
other owners' jobs nobody learns the titles.
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
from ddsing.jobs import rounds
from ddsing.jobs.folder import JobFolder, hard_lock
from ddsing.jobs.order import require_device
from ddsing.jobs.states import LIVE

POLL_S = 0.25
SOMEONE = "a training run outside the queue"
OTHERS = "another person's job"
_SUFFIX = ".ticket"


@dataclass(frozen=True)
class Ticket:
    """A place in a device's queue.

    Attributes
    ----------
    ordered_ns : int
        When its start was ordered; of one owner's jobs this decides.
    owner : str
        Whose it is; empty on a computer of one person.
    first_ns : int
        When an admin put it first; 0 for all others.
    """

    ordered_ns: int
    job: Path
    title: str
    state: str
    owner: str = ""
    first_ns: int = 0


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


def join(device: str, job: Path, *, title: str, owner: str = "") -> None:
    """Put a job at the end of a device's queue, or of its owner's jobs there. Raises `JobError` or OSError."""
    leave(device, job)
    ticket = {"job": str(job), "title": title} | ({"owner": owner} if owner else {})
    write_atomic(_queue(device) / f"{time.time_ns():020d}-{job.name}{_SUFFIX}", json.dumps(ticket).encode())


def put_first(device: str, job: Path) -> bool:
    """Let a waiting job be the next one, whoever it belongs to; returns whether it was still waiting."""
    for path, ticket in _tickets(device):
        if ticket.job == job and ticket.state != "running":
            changed = {"job": str(job), "title": ticket.title, "owner": ticket.owner, "first_ns": time.time_ns()}
            write_atomic(path, json.dumps(changed).encode())
            return True
    return False


def leave(device: str, job: Path) -> None:
    """Take a job out of a device's queue, if it is in it."""
    for path, ticket in _tickets(device):
        if ticket.job == job:
            path.unlink(missing_ok=True)


def tickets(device: str) -> tuple[Ticket, ...]:
    """The live jobs of a device, the one that has it first, then in their turns; dead ones are swept out."""
    live = []
    for path, ticket in _tickets(device):
        if ticket.state in LIVE:
            live.append(ticket)
        else:
            path.unlink(missing_ok=True)
    return rounds.in_turn(live, rounds.read(_queue(device)))


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
        Called with the titles of those ahead whenever they change, which are `OTHERS` for those of other owners.
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
    nobody = Ticket(time.time_ns(), job or Path(), "", "waiting")  # who works at a terminal, or whose ticket was lost
    told: tuple[str, ...] | None = None
    while True:
        if should_stop():
            raise Cancelled("Stopped while waiting in the queue.")
        mine, ahead, _ = _place(device, job, nobody)
        if _is_next(ahead):
            with contextlib.suppress(Timeout):
                lock.acquire(blocking=False)
                mine, ahead, queue = _place(device, job, nobody)  # another may have been put first until it was ours
                if _is_next(ahead):
                    rounds.write(_queue(device), rounds.served(queue, mine, rounds.read(_queue(device))))
                    return
                lock.release()
        titles = tuple(t.title if t.owner == mine.owner else OTHERS for t in ahead) or (SOMEONE,)
        if titles != told:
            on_wait(told := titles)
        time.sleep(POLL_S)


def _place(device: str, job: Path | None, nobody: Ticket) -> tuple[Ticket, tuple[Ticket, ...], tuple[Ticket, ...]]:
    """A job's ticket, or `nobody`'s in its place; those ahead of it; and the whole queue."""
    queue = tickets(device)
    mine = next((ticket for ticket in queue if ticket.job == job), None)
    if mine is None:
        mine = nobody
        queue = rounds.in_turn([*queue, mine], rounds.read(_queue(device)))
    return mine, queue[: queue.index(mine)], queue


def _is_next(ahead: tuple[Ticket, ...]) -> bool:
    return all(ticket.state == "running" for ticket in ahead)


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
            ordered_ns, owner = int(path.name.partition("-")[0]), str(content.get("owner", ""))
            state, first_ns = JobFolder(job).state(), int(content.get("first_ns", 0))
            yield path, Ticket(ordered_ns, job, str(content["title"]), state, owner, first_ns)
        except FileNotFoundError:  # someone left meanwhile
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            path.unlink(missing_ok=True)
