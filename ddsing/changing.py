"""What is read, changed and written back, by one at a time: the change meets what was read, and no other one is lost.

Within `changing` happens everything that takes a name in a folder away (deleting, renaming, replacing), and everything
that writes into what already has one there. What is new needs no turn: it only takes a name that is free, and while
nobody takes names away, none becomes free; see `ddsing.files`.

Turns are taken by a lock on a hidden file in the folder, `LOCK_NAME`. On a disk without locks, or one that can't be
written to, there are none; on the latter nothing can be changed either.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ddsing import names
from ddsing.errors import WorkspaceError

LOCK_NAME = ".changing"
PATIENCE_S = 60.0  # for a turn; the longest, the conversion of a large zip of 2021, takes seconds


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[None]:
    """The folder's turn, for as long as the block runs; not to be nested.

    Raises
    ------
    WorkspaceError
        If somebody else keeps it for longer than `PATIENCE_S`.
    """
    if not folder.is_dir():  # which the lock would make
        yield
        return
    lock = FileLock(folder / LOCK_NAME, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(timeout=PATIENCE_S, poll_interval=0.01)
    except Timeout:
        message = f"Another program is changing {names.read(folder.name)!r}. Wait for it or end it, then try again."
        raise WorkspaceError(message) from None
    except (OSError, NotImplementedError):
        pass
    try:
        yield
    finally:
        lock.release()
