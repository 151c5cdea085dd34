"""Reading a stranger's zip: every header is checked before a byte is unpacked, and nothing is written to disk.

`open_archive` reads the end record first and refuses too many members from it alone, then the directory and each
member's own header (`ddsing.instrument.zip_headers`). Any program's zip is read: streamed, ZIP64, with comments, with
other bytes before, between and behind its members, with backslashes in names. Members never overlap, no two have one
name, and none is a link. `Archive.read` and `Archive.stream` count bytes while they unpack and check length and CRC-32.
Members come back as bytes in memory; names are only labels, never paths. `peek` is for lists: of a large zip it reads
what is asked for, not the rest.

What systems and archivers leave in a folder (`is_clutter`: ``__MACOSX/``, ``desktop.ini``, hidden files) is passed over
here, once for every kind of instrument.
"""

import contextlib
import os
import re
import stat
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

from ddsing.constants import MAX_INSTRUMENT_BYTES
from ddsing.errors import InstrumentError
from ddsing.instrument import zip_headers
from ddsing.instrument.zip_headers import STORED, damaged
from ddsing.instrument.zip_headers import shown as _shown
from ddsing.units import format_bytes

MAX_ENTRIES = 1024  # with folders and clutter
MAX_MEMBERS = 64  # without
MAX_UNPACKED_BYTES = 512 * 2**20
MAX_RATIO = 100  # unpacked over packed
RATIO_FREE_BYTES = 64 * 2**10  # members smaller than this may be packed better
CHUNK_BYTES = 256 * 2**10
_HEAD_BYTES = 8
_CLUTTER = frozenset(["desktop.ini", "thumbs.db", "ehthumbs.db", "icon\r"])
_CLUTTER_FOLDERS = frozenset(["__macosx", "$recycle.bin", "@eadir", ".git", ".ipynb_checkpoints", ".appledouble"]) | {
    ".fseventsd",
    ".spotlight-v100",
    ".temporaryitems",
    ".trash",
    ".trashes",
}


@dataclass(frozen=True)
class Member:
    """One file in the zip; `start` is where its packed bytes begin, `modified` its ISO date or ""."""

    name: str
    method: int
    crc: int
    packed_bytes: int
    n_bytes: int
    start: int
    modified: str = ""


class Window:
    """A file's bytes by slices, each read when it is asked for."""

    def __init__(self, file: BinaryIO, n_bytes: int):
        self._file = file
        self._n_bytes = n_bytes

    def __len__(self) -> int:
        return self._n_bytes

    def __getitem__(self, place: slice) -> bytes:
        start, end, _ = place.indices(self._n_bytes)
        self._file.seek(start)
        found = self._file.read(max(0, end - start))
        if len(found) < end - start:
            raise damaged("it has become shorter while it was read")
        return found


class Archive:
    """A zip whose structure has been checked, without its clutter; made by `open_archive` or `peek`."""

    def __init__(self, data: memoryview | bytes | Window, members: dict[str, Member]):
        self._data = data if isinstance(data, Window) else memoryview(data)
        self.members = members

    def stream(self, name: str, *, max_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[bytes]:
        """The member's bytes in pieces of at most 256 KiB; length and CRC-32 are checked at the end."""
        member = self._member(name)
        if member.n_bytes > max_bytes:
            raise InstrumentError(
                f"The instrument's {_shown(name)} has {format_bytes(member.n_bytes)}; "
                f"at most {format_bytes(max_bytes)} are read."
            )
        if member.n_bytes > max(RATIO_FREE_BYTES, MAX_RATIO * member.packed_bytes):
            raise InstrumentError(
                f"The zip's {_shown(name)} is packed more than {MAX_RATIO} times smaller than it unpacks, "
                "as only a zip bomb is."
            )
        packed = self._data[member.start : member.start + member.packed_bytes]
        n_bytes, crc = 0, 0
        for piece in _stored(packed) if member.method == STORED else _inflated(packed, name):
            n_bytes += len(piece)
            if n_bytes > member.n_bytes:
                raise damaged(f"{_shown(name)} unpacks to more than the {format_bytes(member.n_bytes)} it declares")
            crc = zlib.crc32(piece, crc)
            yield piece
        if n_bytes != member.n_bytes or crc != member.crc:
            raise damaged(f"{_shown(name)} does not match its length or checksum")

    def read(self, name: str, *, max_bytes: int = MAX_UNPACKED_BYTES) -> bytes:
        """The whole member, at most `max_bytes` long."""
        return b"".join(self.stream(name, max_bytes=max_bytes))

    def within(self, folder: str) -> "Archive":
        """The same, with what lies in ``folder/`` called by its name there."""
        return Archive(self._data, {name.removeprefix(folder): member for name, member in self.members.items()})

    def _member(self, name: str) -> Member:
        try:
            return self.members[name]
        except KeyError:
            raise InstrumentError(f"The zip holds no {_shown(name)}, so it is not a complete instrument.") from None


def open_archive(source: Path | str | bytes) -> Archive:
    """Check the structure of a zip, given as a path or as its bytes.

    Raises
    ------
    InstrumentError
        Where the file is no zip, breaks a limit, or is put together as only a trap would be.
    """
    data = source if isinstance(source, bytes) else _read_file(Path(source))
    if len(data) > MAX_INSTRUMENT_BYTES:
        raise _too_large(len(data))
    return Archive(data, _members(data))


@contextlib.contextmanager
def peek(source: Path | str | bytes) -> Iterator[Archive]:
    """`open_archive` without reading the file as a whole, which is open meanwhile; raises what it raises."""
    if isinstance(source, bytes):
        yield open_archive(source)
        return
    with _opened(Path(source)) as (file, n_bytes):
        window = Window(file, n_bytes)
        yield Archive(window, _members(window))


def content(source: Path | str | bytes, *, n_bytes: int = MAX_INSTRUMENT_BYTES + 1) -> bytes:
    """A file's first bytes, all of them unless told otherwise, of one that is no larger than an instrument."""
    if isinstance(source, bytes):
        if len(source) > MAX_INSTRUMENT_BYTES:
            raise _too_large(len(source))
        return source[:n_bytes]
    with _opened(Path(source)) as (file, _):
        return file.read(n_bytes)


def is_clutter(name: str) -> bool:
    """Whether a member is what a system or an archiver leaves beside its user's files."""
    *folders, last = name.casefold().split("/")
    return last[:1] == "." or last in _CLUTTER or not _CLUTTER_FOLDERS.isdisjoint(folders)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A file that is no larger than an instrument, and its size."""
    # O_NONBLOCK: a named pipe in the folder must not make the reader wait for ever.
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise InstrumentError(f"The instrument {path.name!r} can't be opened: {error.strerror}.") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise InstrumentError(f"{path.name!r} is not a file; an instrument is one .zip file.")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > MAX_INSTRUMENT_BYTES:
            raise _too_large(status.st_size)
        yield file, status.st_size


def _read_file(path: Path) -> bytes:
    with _opened(path) as (file, n_bytes):
        if n_bytes > zip_headers.MAX_TAIL_BYTES:  # refuse a bomb of entries before reading all of it
            head = file.read(_HEAD_BYTES)
            file.seek(-zip_headers.MAX_TAIL_BYTES, os.SEEK_END)
            _directory(head, file.read(zip_headers.MAX_TAIL_BYTES), n_bytes)
            file.seek(0)
        return file.read(MAX_INSTRUMENT_BYTES + 1)


def _directory(head: bytes, tail: bytes, n_bytes: int) -> zip_headers.Directory:
    """The directory's place, and no more entries in it than an instrument and its clutter have."""
    directory = zip_headers.directory_of(head, tail, n_bytes)
    if directory.n_entries == 0:
        raise InstrumentError("The zip is empty, so it is not an instrument.")
    if directory.n_entries > MAX_ENTRIES:
        raise InstrumentError(
            f"The zip claims to contain {directory.n_entries:,} files; of an instrument at most {MAX_ENTRIES:,} are "
            "read."
        )
    return directory


def _members(data: bytes | Window) -> dict[str, Member]:
    directory = _directory(data[:_HEAD_BYTES], data[-zip_headers.MAX_TAIL_BYTES :], len(data))
    spans: list[tuple[int, int]] = []
    members: list[Member] = []
    folders: set[str] = set()
    for entry in zip_headers.entries(data, directory):
        spans.append((entry.span_start, entry.end))
        name = _checked_name(entry.raw_name, entry.flags)
        if _is_folder(entry, name):
            folders.add(name.rstrip("/"))
        else:
            members.append(_member(entry, name))
    _check_overlap(spans)
    _check_sizes(members)
    members = [member for member in members if not is_clutter(member.name)]
    _check_names(members, folders)
    return {member.name: member for member in members}


def _is_folder(entry: zip_headers.Entry, name: str) -> bool:
    mode = entry.unix_mode
    if stat.S_IFMT(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InstrumentError(
            f"The zip's {_shown(name)} is a link or a device; an instrument contains plain files only. Zip it again "
            "without links."
        )
    folder = name.endswith("/") or stat.S_ISDIR(mode)
    if folder and entry.n_bytes:
        raise damaged(f"the folder {_shown(name)} has contents itself")
    return folder


def _member(entry: zip_headers.Entry, name: str) -> Member:
    packed_bytes = entry.end - entry.start
    return Member(name, entry.method, entry.crc, packed_bytes, entry.n_bytes, entry.start, _iso_date(entry.dos_date))


def _iso_date(dos_date: int) -> str:
    if dos_date == 0x21:  # 1 January 1980: nobody set it
        return ""
    try:
        return date(1980 + (dos_date >> 9), dos_date >> 5 & 15, dos_date & 31).isoformat()
    except ValueError:
        return ""


def _checked_name(raw: bytes, flags: int) -> str:
    """A member's name with ``/`` between its parts, which some programs for Windows write as backslashes."""
    try:
        written = raw.decode("utf-8" if flags & zip_headers.FLAG_UTF8 else "cp437")
    except UnicodeDecodeError:
        raise damaged("a file name in it is not valid UTF-8") from None
    name = written.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise InstrumentError(
            f"The zip holds {_shown(written)}, a path that leads outside it; an instrument's files have plain names."
        )
    return "/".join(parts) + ("/" if name.endswith("/") or not parts else "")


def _check_overlap(spans: list[tuple[int, int]]) -> None:
    position = 0
    for start, end in sorted(spans):
        if start < position:
            raise InstrumentError(
                "The zip's members overlap, which happens only in a damaged zip or in one built to unpack to far "
                "more than its size. Download or export the instrument again."
            )
        position = end


def _check_names(members: list[Member], folders: set[str]) -> None:
    if len(members) > MAX_MEMBERS:
        raise InstrumentError(f"The zip holds {len(members)} files; an instrument has at most {MAX_MEMBERS}.")
    seen: dict[str, str] = {}
    for member in members:
        key = _folded(member.name)
        if key in seen:
            raise InstrumentError(
                f"The zip contains {_shown(member.name)} twice, ignoring case, so it is unclear which one to use. Zip "
                "the instrument again."
            )
        seen[key] = member.name
    above = {_folded(folder) for folder in folders}
    for key in seen:
        parts = key.split("/")
        above.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    for key in sorted(above & set(seen)):
        raise damaged(f"{_shown(seen[key])} is both a file and a folder")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_sizes(members: list[Member]) -> None:
    total = sum(member.n_bytes for member in members)
    if total > MAX_UNPACKED_BYTES:
        raise InstrumentError(
            f"The zip unpacks to {format_bytes(total)}; an instrument has at most {format_bytes(MAX_UNPACKED_BYTES)}."
        )


def _stored(packed: memoryview | bytes) -> Iterator[bytes]:
    for start in range(0, len(packed), CHUNK_BYTES):
        yield bytes(packed[start : start + CHUNK_BYTES])


def _inflated(packed: memoryview | bytes, name: str) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for start in range(0, len(packed), CHUNK_BYTES):
            waiting = bytes(packed[start : start + CHUNK_BYTES])
            while waiting:
                piece = inflater.decompress(waiting, CHUNK_BYTES)
                waiting = inflater.unconsumed_tail
                if piece:
                    yield piece
                elif waiting or inflater.eof:
                    break
            if inflater.unused_data or (inflater.eof and start + CHUNK_BYTES < len(packed)):
                raise damaged(f"{_shown(name)} has data after its end")
        while piece := inflater.decompress(inflater.unconsumed_tail, CHUNK_BYTES):
            yield piece
    except zlib.error:
        raise damaged(f"{_shown(name)} can't be unpacked") from None
    if not inflater.eof:
        raise damaged(f"{_shown(name)} is cut short")


def _too_large(n_bytes: int) -> InstrumentError:
    return InstrumentError(
        f"The file has {format_bytes(n_bytes)}; an instrument has at most {format_bytes(MAX_INSTRUMENT_BYTES)} "
        "(exporting it without optimizer state makes it smaller)."
    )
