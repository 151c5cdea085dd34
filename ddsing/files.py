"""Files: written whole or not at all, created under names that are free, read or nothing, trashed rather than deleted.

**Whole or not at all.** `atomic` and `write_atomic` write beside the place, under a hidden name (``.<32 digits>.tmp``),
let the content reach the disk, rename it into place, and let the folder's names reach the disk. After a crash, a kill,
a full disk or a power cut at any moment there is the old content or the new one, whole, and at worst one hidden file.
With ``durable=False`` nothing waits for the disk: a kill still does no harm, a power cut may. What is no ordinary file,
such as a device, is refused and not replaced; of a link, the link is replaced and not what it leads to.

**New names.** `write_new`, `move_new`, `restore`, and what is told ``new=True``, never put anything over what is there,
however many processes create things under one name at once: the name is taken in the same step in which the whole thing
appears under it. A taken one gets a number, or is a FileExistsError. On a disk without hard links (FAT, some network
drives) the name is taken by an empty file first, which a crash in that moment leaves.

**Names.** What is `listed` in a folder, or `names_in` one of hundreds, and what is `existing` there under a name, in
any spelling: see `ddsing.names`.

**Read or nothing.** `read_json` and `read_arrays` give None for what can't be read: missing, damaged, of another kind.

**Errors.** What writes or flushes raises OSError, as the system says it; callers make the sentence.

**Windows.** Folders can't be flushed there, and are not. A file that somebody has open can't be replaced: it is tried
for two seconds; then that is a PermissionError, and the old content stays.
"""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import json
import os
import re
import shutil
import stat
import time
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ddsing import names
from ddsing.errors import WorkspaceError

if TYPE_CHECKING:
    import numpy as np  # at run time only with arrays: a waiting job does without

# What file systems say that can't flush a folder; elsewhere it is done, and what goes wrong is said.
_NO_FOLDER_FLUSH = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM)
# What is said of a file that is no .npz, or of one with damage anywhere; RuntimeError: a bit says that it is encrypted.
_NO_ARRAYS = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)
MAX_JSON_BYTES = 64 * 2**20  # none of ours is as long
MAX_NAME_BYTES = 255
PATIENCE_S = 2.0  # longer than any of our own readers keeps a file open
_POLL_S = 0.01
_TICK_NS, _MOST_LISTINGS = 4 * 10**9, 10_000  # FAT's clock ticks every two seconds
_listings: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {}  # by folder, with when it changed; bounded


@contextlib.contextmanager
def atomic(path: Path, *, durable: bool = True, new: bool = False) -> Iterator[BinaryIO]:
    """A file to write; when the block ends well it is at `path`, whole, and if not, all is as it was.

    Parameters
    ----------
    durable : bool
        Whether to wait for the disk, for what must outlast a power cut.
    new : bool
        Whether nothing may have the name: else FileExistsError, in the end at the latest, and what has it stays.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if not stat.S_ISREG(path.stat().st_mode):  # one look: between two of them another process may take it away
            raise OSError(errno.EINVAL, "it is not an ordinary file")
    if new and os.path.lexists(path):
        raise _taken(path)
    with _aside(path.parent) as temporary:
        with open(temporary, "xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        (move_exclusively if new else move)(temporary, path)
        if durable:
            flush(path.parent)


def write_atomic(path: Path, content: bytes, *, durable: bool = True, new: bool = False) -> None:
    """Write a file so that after a crash either the old or the new content is there, whole; see `atomic`."""
    with atomic(path, durable=durable, new=new) as file:
        file.write(content)


def write_new(path: Path, content: bytes | Path) -> Path:
    """Write a file, or copy one, under a name that is free: this, or one with a number; returns where it is."""
    with _aside(path.parent) as temporary:
        with open(temporary, "xb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                with open(content, "rb") as source:
                    shutil.copyfileobj(source, file, 2**20)
            file.flush()
            os.fsync(file.fileno())
        made = move_new(temporary, path)
        flush(path.parent)
    return made


def move_new(source: Path, path: Path) -> Path:
    """Move a file or folder to a name that is free: this, or one with a number; returns where it is."""
    candidates = numbered(path)
    while True:
        free = next(candidates)
        with contextlib.suppress(FileExistsError):
            move_exclusively(source, free)
            return free


def numbered(path: Path) -> Iterator[Path]:
    """The path, then ``Aria 2.zip``, ``Aria 3.zip`` and so on, each short enough for a disk."""
    yield path
    suffix = path.suffix if re.fullmatch(r"\.\w{1,15}", path.suffix) else ""
    stem = path.name.removesuffix(suffix)
    for number in itertools.count(2):
        ending = f" {number}{suffix}"
        while len(os.fsencode(stem + ending)) > MAX_NAME_BYTES:
            stem = stem[:-1]
        yield path.with_name(stem + ending)


def move_exclusively(source: Path, target: Path) -> None:
    """Move a file or folder within a disk, never over another: FileExistsError if anything has the name.

    Of two that move one file at once, one gets FileNotFoundError.
    """
    if not _posix():  # Windows renames over nothing
        _patiently(lambda: source.rename(target))
    elif source.is_dir() and not source.is_symlink():
        _move_folder(source, target)
    elif source.is_symlink() or not _linked(source, target):
        _move_over_placeholder(source, target)


def _move_folder(source: Path, target: Path) -> None:
    """What is in a folder keeps others from taking its name; only an empty one is taken for free in a race."""
    if os.path.lexists(target):
        raise _taken(target)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY) or error.errno == errno.ENOTDIR and os.path.lexists(target):
            raise _taken(target) from None
        raise


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _linked(source: Path, target: Path) -> bool:
    """Give a file another name, and take the first away; False where the disk has no links."""
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        return False
    try:
        os.unlink(source)
    except OSError:  # someone else has moved it meanwhile
        os.unlink(target)
        raise
    return True


def _move_over_placeholder(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        os.replace(source, target)
    except BaseException:
        os.unlink(target)
        raise


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
    _patiently(lambda: os.replace(source, target))


def _patiently(work: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + (0.0 if _posix() else PATIENCE_S)
    while True:
        try:
            work()
            return
        except PermissionError:
            if time.monotonic() >= deadline_s:
                raise
        time.sleep(_POLL_S)


def _posix() -> bool:
    """Whether folders can be opened, and open files moved, as on all systems but Windows."""
    return hasattr(os, "O_DIRECTORY")


def is_temporary(name: str) -> bool:
    """Whether a name is one that `atomic` writes under, which only a crash leaves."""
    return re.fullmatch(r"\.[0-9a-f]{32}\.tmp", name) is not None


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
        document = names.mended(document) if b"\\ud" in content.lower() else document
    except (OSError, ValueError, RecursionError):  # ValueError: no JSON, no UTF-8
        return None
    return document if isinstance(document, dict) else None


def write_json(
    path: Path, document: Mapping[str, Any], *, indent: int | None = 1, durable: bool = True, new: bool = False
) -> None:
    """Write an object as JSON, see `atomic`; what no text can hold is written so that it can be read, see `names`."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    content = text.encode("utf-8", "backslashreplace")  # its backslashes are JSON's
    write_atomic(path, content, durable=durable, new=new)


def read_arrays(path: Path, wanted: Iterable[str] | None = None) -> dict[str, np.ndarray] | None:
    """The arrays in an .npz, or those that are named; None if it can't be read, or lacks one of them."""
    import numpy as np

    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in (arrays.files if wanted is None else wanted)}
    except _NO_ARRAYS:
        return None


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays as an .npz under exactly this name, see `atomic`."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


def stamp(path: str | Path | os.DirEntry, *, inode: bool = False) -> tuple[int, ...]:
    """What changes when a file's content does: (size in bytes, time of change in ns), or OSError if it is not there.

    This is what is kept on disk. With `inode`, the file's number comes third: that tells apart what is written twice
    within a tick of the clock, but not after a copy of the workspace, so it is for memory only.
    """
    facts = os.stat(path)
    return (facts.st_size, facts.st_mtime_ns, facts.st_ino) if inode else (facts.st_size, facts.st_mtime_ns)


def key(path: Path) -> tuple[str, int, int]:
    """What identifies a file's content among all files without reading it: (absolute path, size, time of change)."""
    size, time_ns = stamp(path)
    return names.read(path.absolute()), size, time_ns


def listed(folder: Path) -> list[Path]:
    """What lies in a folder but for what is hidden; nothing if it is not there. WorkspaceError if it can't be read."""
    try:
        return [folder / name for name in os.listdir(folder) if name[0] != "."]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from None


def unreadable(folder: Path, error: OSError) -> WorkspaceError:
    """What is said of a folder that can't be read."""
    reason = error.strerror or error
    return WorkspaceError(f"The folder {str(folder)!r} can't be read: {reason}. Fix that first.")


def names_in(folder: Path | str) -> tuple[str, ...]:
    """The names in a folder, read again only if it has changed since; OSError if it can't be read.

    A folder that changed a moment ago may change again within the same tick of its clock, and is not remembered yet.
    """
    facts = os.stat(folder)
    changed = facts.st_mtime_ns, facts.st_ino
    known = _listings.get(str(folder))
    if known is not None and known[0] == changed:
        return known[1]
    found = tuple(os.listdir(folder))
    if time.time_ns() - facts.st_mtime_ns > _TICK_NS:
        if len(_listings) >= _MOST_LISTINGS:
            _listings.clear()
        _listings[str(folder)] = changed, found
    return found


def existing(folder: Path, name: str, suffix: str = "") -> Path | None:
    """What lies in a folder under a name, as it is spelled or as it looks the same; None if nothing does."""
    if not name or name[0] == "." or any(letter in name for letter in ("/", "\0", os.sep, os.altsep or "/")):
        return None
    path = folder / names.on_disk(name + suffix)
    if os.path.lexists(path):
        return path
    known = {names.read(path.name): path for path in listed(folder)}
    found = names.find(name + suffix, known)
    return None if found is None else known[found]


def spelled(path: Path) -> Path:
    """A path as the disk spells it, where what somebody typed only looks the same; else the path itself."""
    if os.path.lexists(path) or path.parent == path:
        return path
    parent = spelled(path.parent)
    with contextlib.suppress(WorkspaceError):
        return existing(parent, names.read(path.name)) or parent / path.name
    return parent / path.name


def safe_name(text: str) -> str:
    """A file name from any text: letters, digits, spaces and ``-_().``; up to 80 characters, never empty or hidden."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"[^\w \-().]+", "-", text).strip(" .-")[:80]
    while len(text.encode()) > 200:  # file systems count bytes, and a suffix follows
        text = text[:-1]
    return text.strip(" .-") or "unnamed"


def trash(path: Path) -> Path:
    """Move a file or folder into the ``.trash`` folder beside it; returns where it is now, for `restore`."""
    gone = WorkspaceError(f"{path.name!r} no longer exists.")
    if not os.path.lexists(path):
        raise gone
    folder = path.parent / ".trash" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        move(path, folder / path.name)
    except OSError as error:
        folder.rmdir()
        if isinstance(error, FileNotFoundError):  # someone else was faster
            raise gone from None
        raise
    return folder / path.name


def trashed(folder: Path) -> list[Path]:
    """What `trash` has moved out of a folder and is still there, the last first; each is something for `restore`."""
    found = []
    for place in (folder / ".trash").glob("*/"):
        with contextlib.suppress(OSError):
            found += [(place.stat().st_mtime_ns, path) for path in place.iterdir()]
    return [path for _, path in sorted(found, key=lambda one: (one[0], str(one[1])), reverse=True)]


def restore(trashed: Path) -> Path:
    """Bring back what `trash` moved; returns its path. A name that is taken meanwhile gets a number."""
    try:
        path = move_new(trashed, trashed.parents[2] / trashed.name)
    except FileNotFoundError:
        message = f"{trashed.name!r} can't be restored: it is no longer in the trash."
        raise WorkspaceError(message) from None
    shutil.rmtree(trashed.parent, ignore_errors=True)
    return path
