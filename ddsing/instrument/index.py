"""What the library knows of its instruments without opening them: a line for each file, until the file changes.

The index lies in the workspace's cache as JSON lines, to which what was read anew is added. A line that can't be read,
or that is of another version of ddsing, only means that the instrument is read again.
"""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import ddsing
from ddsing import files
from ddsing.errors import DdsingError
from ddsing.instrument.summary import Summary

NAME = "index.jsonl"
MAX_BYTES = 64 * 2**20
_DAMAGE = (DdsingError, ValueError, KeyError, TypeError, AttributeError)

Known = tuple[str, Summary]  # the format of the file, and what it holds
Stamp = tuple[str, int, int]  # see `ddsing.files.key`


class Index:
    """The index of one folder of instruments."""

    def __init__(self, cache: Path):
        self.path = cache / NAME

    def read(self) -> dict[tuple[str, int, int], Mapping]:
        """The lines by name, size and time of change of the files, each as `parsed` takes it."""
        found = {}
        for line in self._lines():
            with contextlib.suppress(*_DAMAGE):
                document = json.loads(line)
                if document["version"] == ddsing.__version__:
                    name, size, time_ns = document["file"]
                    found[str(name), int(size), int(time_ns)] = document
        return found

    def add(self, new: Mapping[Stamp, Known], there: Sequence[Stamp]) -> None:
        """Add what was read; what is not `there` any more is dropped once it is most of the index."""
        lines = [_line(stamp, known) for stamp, known in new.items()]
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            kept = self._lines()
            if len(kept) + len(lines) > 2 * len(there) + 20:
                files.write_atomic(self.path, b"".join([*self._still(kept, there), *lines]), durable=False)
                return
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
            with os.fdopen(descriptor, "wb") as file:
                torn = bool(kept) and not kept[-1].endswith(b"\n")  # by a power cut
                file.write(b"\n" * torn + b"".join(lines))

    def _still(self, kept: Sequence[bytes], there: Sequence[Stamp]) -> list[bytes]:
        wanted, found = {short(stamp) for stamp in there}, {}
        for line in kept:
            with contextlib.suppress(*_DAMAGE):
                name, size, time_ns = json.loads(line)["file"]
                if (name, size, time_ns) in wanted:
                    found[name] = line.rstrip(b"\n") + b"\n"
        return list(found.values())

    def _lines(self) -> list[bytes]:
        try:
            with open(self.path, "rb") as file:
                return file.read(MAX_BYTES).splitlines(keepends=True)
        except OSError:
            return []


def short(stamp: Stamp) -> tuple[str, int, int]:
    """A file's stamp without its folder, since the index lies beside it and may move with it."""
    return stamp[0].rpartition(os.sep)[2], stamp[1], stamp[2]


def parsed(document: Mapping) -> Known | None:
    """What a line says; None where it can't be read."""
    try:
        source_format = str(document["format"])
        return (source_format, Summary.from_json(document["summary"])) if source_format else None
    except _DAMAGE:
        return None


def _line(stamp: Stamp, known: Known) -> bytes:
    source_format, summary = known
    document = {
        "version": ddsing.__version__,
        "file": list(short(stamp)),
        "format": source_format,
        "summary": summary.to_json(),
    }
    return json.dumps(document).encode() + b"\n"
