"""Files and folders: written whole or not at all, named safely, and moved to the trash rather than deleted."""

import contextlib
import errno
import os
import re
import shutil
import unicodedata
import uuid
from pathlib import Path

from ddsing.errors import WorkspaceError
from ddsing.portable import flush, move


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that after a crash either the old or the new content is there, whole.

    Raises OSError, also for what is no ordinary file, such as a device, which a rename would replace.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not an ordinary file")
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        move(temporary, path)
        with contextlib.suppress(OSError):  # some file systems flush no folder
            flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


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
