"""The headers of a zip, read as unzip, 7-Zip and Python read them: from the end record, by the directory alone.

`directory_of` finds the end record (a comment, other bytes behind it, and a program before the first member, as in a
self-extracting file, are allowed) and, where there is one, its ZIP64 form. `entries` reads the directory and compares
each entry with the member's own header. A member's size and checksum are the directory's; its own header may leave
them open where the program wrote the zip in one go (bit 3: a data descriptor follows the member), and each must else
be the same. Every offset is checked, members never overlap, and nothing is unpacked.

Reference: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.6 to 4.5.3.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ddsing.errors import InstrumentError

MAX_TAIL_BYTES = 22 + 0xFFFF + 76  # the end record with the longest comment, and the two ZIP64 records before it
MAX_NAME_BYTES = 4096

STORED, DEFLATED = 0, 8
FLAG_UTF8 = 0x0800
_FLAGS_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_FLAG_DESCRIPTOR = 0x0008
_OPEN, _OPEN_SHORT = 0xFFFFFFFF, 0xFFFF  # "see the ZIP64 record"
_ZIP64 = 1
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}
_OTHERS = {  # how the files begin that are taken for zips
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\0": "an xz archive",
    b"(\xb5/\xfd": "a zstd archive",
}

_EOCD = struct.Struct("<4s4H2LH")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")


class Bytes(Protocol):
    """A zip's bytes, in memory or read slice by slice."""

    def __getitem__(self, place: slice, /) -> bytes: ...


@dataclass(frozen=True)
class Directory:
    """Where a zip's directory lies, its number of entries, and how far all offsets are moved by what stands before."""

    n_entries: int
    start: int
    end: int
    shift: int


@dataclass(frozen=True)
class Entry:
    """A member as its two headers describe it; `start` to `end` are its packed bytes, `span_start` is its header's."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    n_bytes: int
    unix_mode: int
    dos_date: int
    span_start: int
    start: int
    end: int


def directory_of(head: bytes, tail: bytes, n_bytes: int) -> Directory:
    """The directory's place.

    Parameters
    ----------
    head : bytes
        How the file begins, which tells what it is where it is no zip.
    tail : bytes
        The last `MAX_TAIL_BYTES` of the file, or all of it.
    n_bytes : int
        The file's size.

    Raises
    ------
    InstrumentError
        Where the file is no zip, is cut short, or is one part of several.
    """
    position = _end_record(tail)
    if position < 0:
        raise _no_zip(head)
    _, disk, first_disk, n_here, n_entries, size, offset, _ = _EOCD.unpack_from(tail, position)
    end = position
    locator = position - _LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        end = locator - _EOCD64.size
        if end < 0 or tail[end : end + 4] != b"PK\x06\x06":
            raise damaged("its ZIP64 end record is not where it should be")
        _, _, _, _, disk64, first64, *large = _EOCD64.unpack_from(tail, end)
        disk, first_disk = _larger(disk, disk64), _larger(first_disk, first64)
        n_here, n_entries = _larger(n_here, large[0]), _larger(n_entries, large[1])
        size, offset = _larger(size, large[2], _OPEN), _larger(offset, large[3], _OPEN)
    if disk or first_disk or n_here != n_entries:
        raise InstrumentError("The zip is one of several parts. Join them, or zip the instrument again in one piece.")
    end += n_bytes - len(tail)
    start = end - size
    if start - offset < 0:
        raise damaged("its directory is not where it says, so its beginning or end is missing")
    return Directory(n_entries, start, end, start - offset)


def entries(data: Bytes, directory: Directory) -> Iterator[Entry]:
    """The members in the order of the directory, each checked against its own header."""
    offset = directory.start
    for _ in range(directory.n_entries):
        if offset + _CENTRAL.size > directory.end:
            raise damaged("its directory is cut short")
        fields = _CENTRAL.unpack(data[offset : offset + _CENTRAL.size])
        n_name, n_extra, n_comment = fields[10:13]
        name_end = offset + _CENTRAL.size + n_name
        next_offset = name_end + n_extra + n_comment
        if fields[0] != b"PK\x01\x02" or next_offset > directory.end:
            raise damaged("its directory can't be read")
        raw_name = data[offset + _CENTRAL.size : name_end]
        yield _entry(data, fields, raw_name, data[name_end : name_end + n_extra], directory)
        offset = next_offset
    if offset != directory.end:
        raise damaged("its directory is longer than its members")


def shown(name: str | bytes) -> str:
    """A stranger's text for a message: quoted, printable, short."""
    text = name.decode("cp437") if isinstance(name, bytes) else name
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def damaged(what: str) -> InstrumentError:
    """The error for a zip that contradicts itself."""
    return InstrumentError(f"The zip is damaged: {what}; download or export the instrument again.")


def _no_zip(head: bytes) -> InstrumentError:
    """What to say of a file in which no zip ends."""
    if head[:4] in (b"PK\x03\x04", b"PK\x07\x08"):
        return InstrumentError(
            "The zip is cut short: its end is missing. Download it again; if it is one part of several, join them."
        )
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            return InstrumentError(f"This is {kind}, not a zip. Unpack it and zip the instrument's files.")
    return InstrumentError("This is not an instrument: the file is not a zip.")


def _end_record(tail: bytes) -> int:
    """Where the end record begins: the last whose comment ends the file, else the last that is whole, else -1."""
    whole = -1
    position = tail.rfind(b"PK\x05\x06")
    while position >= 0:
        if position + _EOCD.size <= len(tail):
            comment_end = position + _EOCD.size + _EOCD.unpack_from(tail, position)[7]
            if comment_end == len(tail):
                return position
            if whole < 0 and comment_end < len(tail):
                whole = position
        position = tail.rfind(b"PK\x05\x06", 0, position)
    return whole


def _larger(short: int, large: int, still_open: int = _OPEN_SHORT) -> int:
    if short not in (still_open, large):
        raise damaged("its two end records contradict each other")
    return large


def _entry(data: Bytes, central: tuple, raw_name: bytes, extra: bytes, directory: Directory) -> Entry:
    """One entry of the directory and its local header, compared."""
    _, _, _, flags, method, _, dos_date, crc, *_ = central
    attributes = central[15]
    if not 0 < len(raw_name) <= MAX_NAME_BYTES:
        raise damaged(f"a file name in it has {len(raw_name)} bytes")
    if flags & _FLAGS_ENCRYPTED or method == 99:
        raise InstrumentError(f"The zip's {shown(raw_name)} is encrypted; save the instrument without a password.")
    if method not in (STORED, DEFLATED):
        raise InstrumentError(
            f"The zip's {shown(raw_name)} is packed by {_METHODS.get(method, f'method {method}')}; zip it again with "
            "the usual method, deflate."
        )
    n_bytes, packed_bytes, offset, disk = _resolved(extra, central[9], central[8], central[16], central[13])
    if disk:
        raise InstrumentError(f"The zip's {shown(raw_name)} is in another part of a split archive. Join the parts.")
    if method == STORED and packed_bytes != n_bytes:
        raise damaged(f"{shown(raw_name)} is stored, yet declares two sizes")
    span_start = offset + directory.shift
    if span_start + _LOCAL.size > directory.start:
        raise damaged(f"{shown(raw_name)} begins outside the archive's data")
    start = _local(data, span_start, raw_name, (flags, method), (crc, packed_bytes, n_bytes))
    if start + packed_bytes > directory.start:
        raise damaged(f"{shown(raw_name)} ends outside the archive's data")
    return Entry(
        raw_name, flags, method, crc, n_bytes, attributes >> 16, dos_date, span_start, start, start + packed_bytes
    )


def _local(data: Bytes, position: int, raw_name: bytes, kind: tuple[int, int], sizes: tuple[int, int, int]) -> int:
    """Where a member's packed bytes begin, once its own header has been compared with the directory's entry."""
    name_start = position + _LOCAL.size
    header = _LOCAL.unpack(data[position:name_start])
    mark, _, flags, method, _, _, crc, packed_bytes, n_bytes, n_name, n_extra = header
    name_end = name_start + n_name
    deferred = bool((flags | kind[0]) & _FLAG_DESCRIPTOR)
    large = _zip64(data[name_end : name_end + n_extra]) or b""
    if len(large) >= 16:  # here it has both sizes, whichever is open
        large_sizes = struct.unpack_from("<2Q", large)
        n_bytes, packed_bytes = (b if a == _OPEN else a for a, b in zip((n_bytes, packed_bytes), large_sizes))
    same = mark == b"PK\x03\x04" and method == kind[1] and data[name_start:name_end] == raw_name
    for declared, value in zip((crc, packed_bytes, n_bytes), sizes):
        same &= declared == value or (deferred and declared in (0, _OPEN))
    if not same or flags & _FLAGS_ENCRYPTED:
        raise damaged(f"the two headers of {shown(raw_name)} contradict each other")
    return name_end + n_extra


def _resolved(extra: bytes, n_bytes: int, packed_bytes: int, offset: int, disk: int) -> tuple[int, int, int, int]:
    """The four numbers, those that are too large for their fields from the ZIP64 field, which has them in order."""
    found = [n_bytes, packed_bytes, offset, disk]
    missing = [index for index, value in enumerate(found) if value == (_OPEN_SHORT if index == 3 else _OPEN)]
    large = _zip64(extra) or b""
    for index in missing:
        width = 4 if index == 3 else 8
        if len(large) < width:
            raise damaged("a ZIP64 size is missing")
        found[index], large = int.from_bytes(large[:width], "little"), large[width:]
    return found[0], found[1], found[2], found[3]


def _zip64(extra: bytes) -> bytes | None:
    """The ZIP64 field among a header's extra fields."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == _ZIP64:
            return extra[position : position + size]
        position += size
    return None
