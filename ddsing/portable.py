"""What POSIX systems and Windows do differently with files, behind one function each.

Python itself is asked which of the two it is: only on POSIX systems, where a folder can be opened, does `os` have
``O_DIRECTORY``.
"""

import os
import time
from pathlib import Path

PATIENCE_S = 2.0  # longer than any of our own readers keeps a file open
_POLL_S = 0.01


def flush(path: Path) -> None:
    """Let a file's content, or the names in a folder, reach the disk; Windows keeps a folder's names by itself."""
    posix = hasattr(os, "O_DIRECTORY")
    if not posix and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if posix else os.O_RDWR)  # Windows flushes only what may be written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """`os.replace`; on Windows, which refuses while anyone has one of the two open, it waits for them a moment."""
    deadline_s = time.monotonic() + (0.0 if hasattr(os, "O_DIRECTORY") else PATIENCE_S)
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(_POLL_S)
