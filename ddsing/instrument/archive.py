"""Reading a stranger's zip: every header is checked before a byte is unpacked, and nothing is written to disk.

`open_archive` reads the end record first and refuses too many members from it alone. It then requires that the
members tile the file: no byte before, between, after or twice, and each local header equal to its central one.
`Archive.read` and `Archive.stream` count bytes while they unpack and check length and CRC-32. Members come back as
bytes in memory; names are only labels, never paths. What zip allows but no instrument needs (encryption, links,
ZIP64, split archives, comments after the end, compression other than deflate) is refused.

Reference: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.6 to 4.4.
"""

import os
import re
import stat
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ddsing.constants import MAX_INSTRUMENT_BYTES
from ddsing.errors import InstrumentError
from ddsing.units import format_bytes

MAX_MEMBERS = 64
MAX_UNPACKED_BYTES = 512 * 2**20
MAX_RATIO = 100  # unpacked over packed
RATIO_FREE_BYTES = 64 * 2**10  # members smaller than this may be packed better
MAX_NAME_BYTES = 512
CHUNK_BYTES = 256 * 2**10

_EOCD = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_FLAGS_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_FLAG_DESCRIPTOR, _FLAG_UTF8 = 0x0008, 0x0800


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


class Archive:
    """A zip whose structure has been checked; made by `open_archive`."""

    def __init__(self, data: memoryview | bytes, members: dict[str, Member]):
        self._data = memoryview(data)
        self.members = members

    def stream(self, name: str, *, max_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[bytes]:
        """The member's bytes in pieces of at most 256 KiB; length and CRC-32 are checked at the end."""
        member = self._member(name)
        if member.n_bytes > max_bytes:
            raise InstrumentError(
                f"The instrument's {_shown(name)} has {format_bytes(member.n_bytes)}; "
                f"at most {format_bytes(max_bytes)} are read."
            )
        packed = self._data[member.start : member.start + member.packed_bytes]
        n_bytes, crc = 0, 0
        for piece in _stored(packed) if member.method == _STORED else _inflated(packed, name):
            n_bytes += len(piece)
            if n_bytes > member.n_bytes:
                raise _broken(f"{_shown(name)} unpacks to more than the {format_bytes(member.n_bytes)} it declares")
            crc = zlib.crc32(piece, crc)
            yield piece
        if n_bytes != member.n_bytes or crc != member.crc:
            raise _broken(f"{_shown(name)} does not match its length or checksum")

    def read(self, name: str, *, max_bytes: int = MAX_UNPACKED_BYTES) -> bytes:
        """The whole member, at most `max_bytes` long."""
        return b"".join(self.stream(name, max_bytes=max_bytes))

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


def _read_file(path: Path) -> bytes:
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
        if status.st_size >= _EOCD.size:  # refuse a bomb of entries before reading all of it
            file.seek(-_EOCD.size, os.SEEK_END)
            _end_record(file.read(_EOCD.size), status.st_size)
            file.seek(0)
        return file.read(MAX_INSTRUMENT_BYTES + 1)


def _end_record(tail: bytes, n_bytes: int) -> tuple[int, int]:
    """Number of members and the central directory's offset, from the zip's last 22 bytes."""
    if len(tail) < _EOCD.size or tail[:4] != b"PK\x05\x06":
        raise InstrumentError(
            "This is not an instrument: the file is no zip, is cut short, or has data after the zip's end."
        )
    _, disk, first_disk, n_here, n_members, size, offset, n_comment = _EOCD.unpack(tail)
    if disk or first_disk or n_here != n_members:
        raise _broken("it is one part of a split archive")
    if n_members > MAX_MEMBERS:
        raise InstrumentError(
            f"The zip says that it holds {n_members:,} files; an instrument has at most {MAX_MEMBERS}."
        )
    if n_members == 0:
        raise InstrumentError("The zip is empty, so it is not an instrument.")
    if n_comment or offset + size + _EOCD.size != n_bytes:
        raise _broken("there is data before or after its members, or its directory is not where it says")
    return n_members, offset


def _members(data: bytes) -> dict[str, Member]:
    n_members, offset = _end_record(data[-_EOCD.size :], len(data))
    directory_start, end = offset, len(data) - _EOCD.size
    spans: list[tuple[int, int]] = []
    members: list[Member] = []
    folders: set[str] = set()
    for _ in range(n_members):
        if offset + _CENTRAL.size > end:
            raise _broken("its directory is cut short")
        entry = _CENTRAL.unpack_from(data, offset)
        n_name, n_extra, n_comment = entry[10:13]
        raw_name = data[offset + _CENTRAL.size : offset + _CENTRAL.size + n_name]
        offset += _CENTRAL.size + n_name + n_extra + n_comment
        if entry[0] != b"PK\x01\x02" or offset > end:
            raise _broken("its directory is damaged")
        name = _checked_name(raw_name, entry[3])
        member, span_end = _member(data, entry, raw_name, name, directory_start)
        spans.append((entry[16], span_end))
        if name.endswith("/"):
            folders.add(name)
        members.append(member)
    if offset != end:
        raise _broken("its directory is longer than its members")
    _check_tiling(spans, directory_start)
    _check_names(members)
    _check_sizes(members, len(data))
    return {member.name: member for member in members if member.name not in folders}


def _member(data: bytes, entry: tuple, raw_name: bytes, name: str, directory_start: int) -> tuple[Member, int]:
    """One central directory entry and its local header, compared; also the offset where the member's bytes end."""
    _, system, _, flags, method, _, dos_date, crc, packed_bytes, n_bytes, *_ = entry
    _, _, _, disk, _, attributes, start = entry[10:]
    if flags & _FLAGS_ENCRYPTED:
        raise InstrumentError(f"The zip's {_shown(name)} is encrypted; save the instrument without a password.")
    if method not in (_STORED, _DEFLATED):
        raise InstrumentError(
            f"The zip's {_shown(name)} uses compression method {method}; only stored and deflated are read."
        )
    if disk or 0xFFFFFFFF in (packed_bytes, n_bytes, start):
        raise _broken(f"{_shown(name)} uses ZIP64 or several disks, which an instrument of allowed size never needs")
    mode = attributes >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or not stat.S_IFMT(mode)):
        raise InstrumentError(f"The zip's {_shown(name)} is a link or a device; an instrument holds plain files only.")
    if name.endswith("/") != (stat.S_ISDIR(mode) if stat.S_IFMT(mode) and (system >> 8) == 3 else name.endswith("/")):
        raise _broken(f"{_shown(name)} is a folder by name and a file by type, or the reverse")
    if name.endswith("/") and n_bytes:
        raise _broken(f"the folder {_shown(name)} has contents of its own")
    if method == _STORED and packed_bytes != n_bytes:
        raise _broken(f"{_shown(name)} is stored, yet declares two sizes")
    if start + _LOCAL.size > directory_start:
        raise _broken(f"{_shown(name)} begins outside the archive's data")
    local = _LOCAL.unpack_from(data, start)
    n_name, n_extra = local[9:11]
    header_end = start + _LOCAL.size + n_name + n_extra
    body_end = header_end + packed_bytes
    local_name = data[start + _LOCAL.size : start + _LOCAL.size + n_name]
    same = local[0] == b"PK\x03\x04" and local[2] == flags and local[3] == method and local_name == raw_name
    sizes, central_sizes = local[6:9], (crc, packed_bytes, n_bytes)
    deferred = bool(flags & _FLAG_DESCRIPTOR)
    if not same or (sizes != central_sizes and not (deferred and not any(sizes))) or body_end > directory_start:
        raise _broken(f"the two headers of {_shown(name)} contradict each other")
    span_end = body_end
    if deferred:
        descriptor = struct.pack("<3L", *central_sizes)
        for candidate in (b"PK\x07\x08" + descriptor, descriptor):
            if data[body_end : body_end + len(candidate)] == candidate:
                span_end = body_end + len(candidate)
                break
        else:
            raise _broken(f"{_shown(name)} is followed by other sizes than declared")
    return Member(name, method, crc, packed_bytes, n_bytes, header_end, _iso_date(dos_date)), span_end


def _iso_date(dos_date: int) -> str:
    if dos_date == 0x21:  # 1 January 1980: nobody set it
        return ""
    try:
        return date(1980 + (dos_date >> 9), dos_date >> 5 & 15, dos_date & 31).isoformat()
    except ValueError:
        return ""


def _checked_name(raw: bytes, flags: int) -> str:
    if not 0 < len(raw) <= MAX_NAME_BYTES:
        raise _broken(f"a file name in it has {len(raw)} bytes (1 to {MAX_NAME_BYTES} are allowed)")
    try:
        name = raw.decode("utf-8" if flags & _FLAG_UTF8 else "cp437")
    except UnicodeDecodeError:
        raise _broken("a file name in it is not valid UTF-8") from None
    parts = name.removesuffix("/").split("/")
    if (
        any(part in ("", ".", "..") for part in parts)
        or "\\" in name
        or re.match(r"[A-Za-z]:", name)
        or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    ):
        raise InstrumentError(
            f"The zip holds {_shown(name)}, a path that leads outside it; an instrument's files have plain names."
        )
    return name


def _check_tiling(spans: list[tuple[int, int]], directory_start: int) -> None:
    position = 0
    for start, end in sorted(spans):
        if start < position:
            raise _broken("its members overlap, as in a zip bomb")
        if start > position:
            raise _broken("there is data before or between its members")
        position = end
    if position != directory_start:
        raise _broken("there is data between its members and its directory")


def _check_names(members: list[Member]) -> None:
    seen: set[str] = set()
    plain: set[str] = set()
    for member in members:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", member.name).casefold())
        if key.rstrip("/") in seen:
            raise _broken(f"{_shown(member.name)} is in it twice")
        seen.add(key.rstrip("/"))
        if not key.endswith("/"):
            plain.add(key)
    for key in seen:
        parts = key.split("/")
        if any("/".join(parts[:depth]) in plain for depth in range(1, len(parts))):
            raise _broken(f"{_shown(key)} lies inside a file")


def _check_sizes(members: list[Member], n_bytes: int) -> None:
    total = sum(member.n_bytes for member in members)
    if total > MAX_UNPACKED_BYTES:
        raise InstrumentError(
            f"The zip unpacks to {format_bytes(total)}; an instrument has at most {format_bytes(MAX_UNPACKED_BYTES)}."
        )
    for member in members:
        if member.n_bytes > max(RATIO_FREE_BYTES, MAX_RATIO * member.packed_bytes):
            raise InstrumentError(
                f"The zip's {_shown(member.name)} is packed more than {MAX_RATIO} times smaller than it unpacks, "
                "as only a zip bomb is."
            )


def _stored(packed: memoryview) -> Iterator[bytes]:
    for start in range(0, len(packed), CHUNK_BYTES):
        yield bytes(packed[start : start + CHUNK_BYTES])


def _inflated(packed: memoryview, name: str) -> Iterator[bytes]:
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
                raise _broken(f"{_shown(name)} has data after its end")
        while piece := inflater.decompress(inflater.unconsumed_tail, CHUNK_BYTES):
            yield piece
    except zlib.error:
        raise _broken(f"{_shown(name)} can't be unpacked") from None
    if not inflater.eof:
        raise _broken(f"{_shown(name)} is cut short")


def _shown(name: str) -> str:
    """A stranger's text for a message: quoted, printable, short."""
    return ascii(name if len(name) <= 60 else name[:57] + "...")


def _too_large(n_bytes: int) -> InstrumentError:
    return InstrumentError(
        f"The file has {format_bytes(n_bytes)}; an instrument has at most {format_bytes(MAX_INSTRUMENT_BYTES)} "
        "(a smaller one results from exporting it without optimizer state)."
    )


def _broken(what: str) -> InstrumentError:
    return InstrumentError(f"The zip is damaged or built to deceive: {what}; download or export the instrument again.")
