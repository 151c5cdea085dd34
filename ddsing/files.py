"""Files: written whole or not at all, named safely, and moved to the trash rather than deleted.

**Whole or not at all.** `atomic` and `write_atomic` write beside the place, under a hidden name (``.<32 digits>.tmp``),
let the content reach the disk, rename it into place, and let the folder's names reach the disk. After a crash, a kill,
a full disk or a power cut at any moment there is the old content or the new one, whole, and at worst one hidden file.
With ``durable=False`` nothing waits for the disk: a kill still does no harm, a power cut may. What is no ordinary file,
such as a device, is refused and not replaced; of a link, the link is replaced and not what it leads to.

**Read or nothing.** `read_json` and `read_arrays` give None for what can't be read: missing, damaged, of another kind.

**Errors.** What writes or flushes raises OSError, as the system says it; callers make the sentence.

**Windows.** Folders can't be flushed there, and are not. A file that somebody has open can't be replaced: it is tried
for two seconds; then that is a PermissionError, and the old content stays.
"""

import contextlib
import errno
import io
import json
import os
import re
import shutil
import time
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ddsing.errors import WorkspaceError

# What file systems say that can't flush a folder; elsewhere it is done, and what goes wrong is said.
_NO_FOLDER_FLUSH = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM)
# What is said of a file that is no .npz, or of one with damage anywhere; RuntimeError: a bit says that it is encrypted.
_NO_ARRAYS = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)
MAX_JSON_BYTES = 64 * 2**20  # none of ours is as long
PATIENCE_S = 2.0  # longer than any of our own readers keeps a file open
_POLL_S = 0.01


@contextlib.contextmanager
def atomic(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write; when the block ends well it is at `path`, whole, and if not, all is as it was.

    Parameters
    ----------
    durable : bool
        Whether to wait for the disk, for what must outlast a power cut.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not an ordinary file")
    with _aside(path.parent) as temporary:
        with open(temporary, "xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        move(temporary, path)
        if durable:
            flush(path.parent)


def write_atomic(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file so that after a crash either the old or the new content is there, whole; see `atomic`."""
    with atomic(path, durable=durable) as file:
        file.write(content)


def flush(path: Path) -> None:
    """Let what was written to a file, or the names in a folder, reach the disk, where folders can be flushed at all."""
    folder = path.is_dir()
    if folder and not _posix():
        return
    try:
        descriptor = os.open(path, os.O_RDONLY if _posix() else os.O_RDWR)  # Windows flushes only what may be written
    except PermissionError:
        if folder:  # it may be written, and not read
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (folder and error.errno in _NO_FOLDER_FLUSH):
            raise
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """`os.replace`; on Windows, which refuses while anyone has one of the two open, it waits for them a moment."""
    deadline_s = time.monotonic() + (0.0 if _posix() else PATIENCE_S)
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if time.monotonic() >= deadline_s:
                raise
        time.sleep(_POLL_S)


def _posix() -> bool:
    """Whether folders can be opened, and open files moved, as on all systems but Windows."""
    return hasattr(os, "O_DIRECTORY")


@contextlib.contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A hidden name in a folder, for a moment; what still has it in the end is removed."""
    temporary = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path, *, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any] | None:
    """The object in a JSON file, or None: no file, not to be read, damaged, longer than `max_bytes`, no object."""
    try:
        with open(path, "rb") as file:
            content = file.read(max_bytes + 1)
        document = json.loads(content) if len(content) <= max_bytes else None
    except (OSError, ValueError, RecursionError):  # ValueError: no JSON, no UTF-8
        return None
    return document if isinstance(document, dict) else None


def write_json(path: Path, document: Mapping[str, Any], *, indent: int | None = 1, durable: bool = True) -> None:
    """Write an object as JSON, see `atomic`; a name that is not UTF-8, as `os` gives it, comes back as it was."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    write_atomic(path, text.encode("utf-8", "backslashreplace"), durable=durable)  # its backslashes are JSON's


def read_arrays(path: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray] | None:
    """The arrays in an .npz, or those that are named; None if it can't be read, or lacks one of them."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in (arrays.files if names is None else names)}
    except _NO_ARRAYS:
        return None


def write_arrays(path: Path, **arrays) -> None:
    """Write arrays as an .npz under exactly this name, see `atomic`."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomic(path, buffer.getvalue())


def stamp(path: Path | os.DirEntry, *, inode: bool = False) -> tuple[int, ...]:
    """What changes when a file's content does: (size in bytes, time of change in ns), or OSError if it is not there.

    This is what is kept on disk. With `inode`, the file's number comes third: that tells apart what is written twice
    within a tick of the clock, but not after a copy of the workspace, so it is for memory only.
    """
    facts = os.stat(path)
    return (facts.st_size, facts.st_mtime_ns, facts.st_ino) if inode else (facts.st_size, facts.st_mtime_ns)


def key(path: Path) -> tuple[str, int, int]:
    """What identifies a file's content among all files without reading it: (absolute path, size, time of change)."""
    size, time_ns = stamp(path)
    return str(path.absolute()), size, time_ns


def safe_name(text: str) -> str:
    """A file name from any text: letters, digits, spaces and ``-_().``; up to 80 characters, never empty or hidden."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"[^\w \-().]+", "-", text).strip(" .-")[:80]
    while len(text.encode()) > 200:  # file systems count bytes, and a suffix follows
        text = text[:-1]
    return text.strip(" .-") or "unnamed"


def trash(path: Path) -> Path:
    """Move a file or folder into the ``.trash`` folder beside it; returns where it is now, for `restore`."""
    if not path.exists():
        raise WorkspaceError(f"{path.name!r} is not there any more.")
    folder = path.parent / ".trash" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    trashed = folder / path.name
    move(path, trashed)
    return trashed


def restore(trashed: Path) -> Path:
    """Bring back what `trash` moved; returns its path. A name that is taken meanwhile gets a number."""
    if not trashed.exists():
        raise WorkspaceError(f"{trashed.name!r} can't be brought back: it is not in the trash any more.")
    home = trashed.parent.parent.parent
    path, number = home / trashed.name, 2
    while path.exists():
        path = home / f"{trashed.stem} {number}{trashed.suffix}"
        number += 1
    move(trashed, path)
    shutil.rmtree(trashed.parent, ignore_errors=True)
    return path
