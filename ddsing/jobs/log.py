"""A job's log: what its process, and all that it starts, write to their standard output and error.

It is opened for appending, so whoever writes goes on behind what is there, and cutting it short in place reaches all
of them.
"""

import io
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

MAX_BYTES = 2_000_000
KEPT_BYTES = 1_000_000  # of its end, when it has grown past the limit
TAIL_LINES = 40
_TAIL_BYTES = 16_000
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def bound(path: Path) -> bool:
    """Cut the log down to its end if it is past the limit; says whether it did. Raises OSError.

    What this process prints meanwhile waits; what others write in the instant of the cut may be lost.
    """
    if path.stat().st_size <= MAX_BYTES:
        return False
    with _printing, open(path, "rb", buffering=0) as reader, open(path, "r+b", buffering=0) as writer:
        size = os.fstat(reader.fileno()).st_size
        reader.seek(size - KEPT_BYTES)
        kept = reader.read(KEPT_BYTES)
        writer.write(b"(the beginning was cut off)\n" + kept[kept.find(b"\n") + 1 :])
        while more := reader.read(KEPT_BYTES):  # what has come meanwhile
            writer.write(more)
        writer.truncate(writer.tell())
    return True


def tail(path: Path, n_lines: int = TAIL_LINES) -> str:
    """The last lines, as text that is safe to show; empty if there are none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            content = file.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [_CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]) for line in content.strip("\n").split("\n")]
    return "\n".join(lines[-n_lines:])


_printing = threading.Lock()


def _print_anew() -> None:
    """A child forked in the middle of a cut would wait for ever."""
    global _printing
    _printing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_print_anew)


class _Unfailing(io.FileIO):
    """A descriptor to write to, where what a full disk does not take is dropped."""

    def write(self, content: Any) -> int:
        try:
            with _printing:
                return super().write(content)
        except OSError:
            return len(content)


def speak_unfailingly() -> None:
    """Make this process's `print` line by line, never failing for a full disk or for characters it can't encode."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = io.BufferedWriter(_Unfailing(descriptor, "w", closefd=False))
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", line_buffering=True))
