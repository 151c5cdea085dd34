"""AIFF files whose length was never written, as by a program that writes to a pipe: given the length that they have.

Public: `Mended`.
"""

import io
import struct
from typing import Any, BinaryIO

_MAX_CHUNKS = 1_000


class Mended(io.RawIOBase):
    """An AIFF file with true lengths in its header, if they are wrong and can be known."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._patches = _patches(file)
        file.seek(0)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        """Read with what is mended."""
        place = self._file.tell()
        content = bytearray(self._file.read(len(buffer)))
        for at, patch in self._patches.items():
            for number, byte in enumerate(patch, at - place):
                if 0 <= number < len(content):
                    content[number] = byte
        buffer[: len(content)] = content
        return len(content)


def _patches(file: BinaryIO) -> dict[int, bytes]:
    """Where the header is wrong, and what should be there; nothing where it is right or can't be known."""
    n_bytes, place, common = file.seek(0, io.SEEK_END), 12, None
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        head = file.read(8 + 8)
        if len(head) < 16:
            return {}
        size = struct.unpack(">I", head[4:8])[0]
        if head[:4] == b"COMM":
            common = place + 8
        if head[:4] == b"SSND":
            return {} if common is None else _lengths(file, n_bytes, place, size, common)
        place += 8 + size + size % 2
    return {}


def _lengths(file: BinaryIO, n_bytes: int, sound: int, size: int, common: int) -> dict[int, bytes]:
    file.seek(common)
    n_channels, n_frames, n_bits = struct.unpack(">HIH", file.read(8))
    there = n_bytes - sound - 16
    frame = n_channels * -(-n_bits // 8)
    if frame == 0 or there < frame or (size > 8 and n_frames > 0):
        return {}
    return {
        4: struct.pack(">I", n_bytes - 8),
        common + 2: struct.pack(">I", there // frame),
        sound + 4: struct.pack(">I", there + 8),
    }
