"""Where the sound of a WAV file lies, whatever its header says: recorders crash, and programs write to pipes.

A header's length is taken if the file bears it out. Where it says nothing (0, or all ones, as it is before a recorder
has finished), or less than there is, the sound goes on to the end of the file.

Public: `Sound`, `find`, `header`. RIFF, RIFX (big-endian), RF64, BW64 and Sony's Wave64 are known.
"""

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

from ddsing.sound.kinds import W64_RIFF

_UNSAID = 0x7FFF0000  # that many bytes and more mean that the length isn't known
_MAX_FMT_BYTES = 4096
_MAX_CHUNKS = 10_000
_SEARCH_BYTES = 1 << 20  # how far a chunk of a damaged length is looked beyond
_LEAST_MISSED_S = 0.1  # of sound behind what the header says; less is some program's signature
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


@dataclass(frozen=True)
class Sound:
    """The sound in a WAV file.

    Attributes
    ----------
    fmt : bytes
        The chunk that says what the samples are.
    start, n_bytes : int
        Where they are.
    declared : int or None
        How many bytes the header says that they are; None if it does not.
    regular : bool
        Whether the file is as it should be, but perhaps for being cut short.
    """

    fmt: bytes
    start: int
    n_bytes: int
    declared: int | None
    regular: bool
    big_endian: bool

    @property
    def tag(self) -> int:
        """Which coding the samples have: 1 is PCM, 3 float; of an extensible format, what it extends."""
        order: Literal["big", "little"] = "big" if self.big_endian else "little"
        if self.extensible:  # as one number of four bytes, or, by sox, as the first of two
            return int.from_bytes(self.fmt[24:26], order) or int.from_bytes(self.fmt[26:28], order)
        return int.from_bytes(self.fmt[:2], order)

    @property
    def extensible(self) -> bool:
        """Whether the description has the long form of multichannel files."""
        return self.fmt[:2] in (b"\xff\xfe", b"\xfe\xff") and len(self.fmt) >= 28


def find(stream: BinaryIO, n_bytes: int) -> Sound | None:
    """The sound of a file of so many bytes; None if there is no description of it, or no sound."""
    chunks = _Chunks(stream, n_bytes)
    fmt, wide = b"", None
    for name, start, size in chunks:
        if name == b"fmt " and 16 <= size <= _MAX_FMT_BYTES and not fmt:
            fmt = _at(stream, start, size)
        elif name == b"ds64" and size >= 16:
            wide = struct.unpack("<Q", _at(stream, start + 8, 8).ljust(8, b"\0"))[0]
        elif name == b"data" and fmt:
            declared = wide if wide is not None and size == 0xFFFFFFFF else size
            return _sound(chunks, fmt, start, declared)
    return None


def header(sound: Sound) -> bytes:
    """A header that says what is there, to be put before the sound."""
    order, mark = (">", b"RIFX") if sound.big_endian else ("<", b"RIFF")
    fmt = sound.fmt + b"\0" * (len(sound.fmt) % 2)
    if sound.extensible and sound.big_endian:  # the plain form of it, which libsndfile knows
        fmt = struct.pack(">H", sound.tag) + fmt[2:16]
    body = b"WAVEfmt " + struct.pack(order + "I", len(fmt)) + fmt + b"data" + struct.pack(order + "I", sound.n_bytes)
    return mark + struct.pack(order + "I", len(body) + sound.n_bytes) + body


def _at(stream: BinaryIO, place: int, n_bytes: int) -> bytes:
    stream.seek(place)
    return stream.read(n_bytes)


class _Chunks:
    """(name, where its content begins, its length) of each chunk, in their order."""

    def __init__(self, stream: BinaryIO, n_bytes: int):
        self.stream, self.n_bytes = stream, n_bytes
        head = _at(stream, 0, 4)
        self.wide = head == W64_RIFF[:4]
        self.order = ">" if head == b"RIFX" else "<"
        self.regular = head in (b"RIFF", b"RIFX")  # of the others libsndfile refuses some

    def __iter__(self):
        place = 40 if self.wide else 12
        for _ in range(_MAX_CHUNKS):
            found = self.at(place)
            if found is None:
                return
            name, size = found
            yield name, place + self.head_bytes, size
            place = self._next(place + self.head_bytes, size)

    @property
    def head_bytes(self) -> int:
        return 24 if self.wide else 8

    def at(self, place: int) -> tuple[bytes, int] | None:
        """Name and length of the chunk at a place, None if none is there."""
        head = _at(self.stream, place, self.head_bytes)
        if len(head) < self.head_bytes:
            return None
        if self.wide:
            return (head[:4], struct.unpack("<q", head[16:])[0] - 24) if head[4:16] == _W64_TAIL else None
        return (head[:4], struct.unpack(self.order + "I", head[4:])[0]) if _is_name(head[:4]) else None

    def padded(self, size: int) -> int:
        return -(-size // 8) * 8 if self.wide else size + size % 2

    def _next(self, start: int, size: int) -> int:
        """Where the next chunk is: some programs leave the padding out, or write a wrong length."""
        padded = start + self.padded(size)
        if size >= 0 and padded != start + size and self._stands_at(start + size):  # padding is no part of a name
            self.regular = False
            return start + size
        if size >= 0 and self._stands_at(padded):
            return padded
        self.regular = False
        content = _at(self.stream, start, _SEARCH_BYTES)
        places = [content.find(name) for name in (b"fmt ", b"data")]
        return start + min((place for place in places if place >= 0), default=self.n_bytes)

    def _stands_at(self, place: int) -> bool:
        found = self.at(place)
        return found is not None and (found[0] in (b"fmt ", b"data") or found[1] <= self.n_bytes - place)

    def go_on_to_the_end(self, place: int) -> bool:
        """Whether there are but chunks from a place on, tags, or nothing."""
        for _ in range(_MAX_CHUNKS):
            if self.n_bytes - place < self.head_bytes or _at(self.stream, place, 11).startswith(_TAGS):
                return True
            found = self.at(place)
            if found is None or not 0 <= found[1] <= self.n_bytes - place - self.head_bytes:
                return False
            place += self.head_bytes + self.padded(found[1])
        return False


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


def _sound(chunks: _Chunks, fmt: bytes, start: int, size: int) -> Sound:
    there, order = chunks.n_bytes - start, chunks.order
    unsaid = size <= 0 or size >= _UNSAID
    ends = max(size, 0)
    if unsaid and size > 0:
        ends = there
    elif ends < there and not any(chunks.go_on_to_the_end(start + end) for end in (chunks.padded(ends), ends)):
        least = _LEAST_MISSED_S * struct.unpack(order + "I", fmt[8:12])[0]
        if unsaid or (there - ends > least and _holds_something(chunks.stream, start + ends)):
            ends = there
    declared = None if unsaid else size
    regular = chunks.regular and not chunks.wide and not (unsaid and there) and ends <= size
    align = struct.unpack(order + "H", fmt[12:14])[0] or 1
    found = Sound(fmt, start, min(ends, there) // align * align, declared, regular, order == ">")
    return replace(found, regular=regular and not (found.extensible and found.big_endian))


def _holds_something(stream: BinaryIO, place: int) -> bool:
    """Whether there is anything but the same byte over and over."""
    first = _at(stream, place, 1)
    stream.seek(place)
    while content := stream.read(_SEARCH_BYTES):
        if content.strip(first):
            return True
    return False
