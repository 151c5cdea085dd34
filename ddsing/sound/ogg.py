"""Pages of an Ogg file: where each stream of a chain begins, and whether the last one was finished.

Public: `Chain`, `chain`.
"""

from dataclasses import dataclass
from typing import BinaryIO

_HEADER_BYTES = 27
_FIRST, _LAST = 2, 4  # flags of a stream's first and last page
_SEARCH_BYTES = 1 << 17  # two pages of the largest size


@dataclass(frozen=True)
class Chain:
    """Streams that follow each other in one file.

    Attributes
    ----------
    parts : tuple[tuple[int, int], ...]
        Where each begins and ends, in bytes.
    whole : bool
        Whether the last page says that it is the last, and is all there.
    """

    parts: tuple[tuple[int, int], ...]
    whole: bool


def chain(stream: BinaryIO, n_bytes: int) -> Chain:
    """Go from page to page; what is damaged between pages is passed over."""
    begins, place, opening, whole = [0], 0, True, False
    while place + _HEADER_BYTES <= n_bytes:
        stream.seek(place)
        header = stream.read(_HEADER_BYTES + 255)
        if header[:4] != b"OggS":
            place = _next_page(stream, place + 1)
            whole = False
            continue
        flags, n_segments = header[5], header[26]
        end = place + _HEADER_BYTES + n_segments + sum(header[_HEADER_BYTES : _HEADER_BYTES + n_segments])
        first = bool(flags & _FIRST)
        if first and not opening:
            begins.append(place)
        opening = first
        whole = bool(flags & _LAST) and end <= n_bytes
        place = max(end, place + _HEADER_BYTES)
    return Chain(tuple(zip(begins, [*begins[1:], n_bytes])), whole)


def _next_page(stream: BinaryIO, place: int) -> int:
    while True:
        stream.seek(place)
        content = stream.read(_SEARCH_BYTES)
        found = content.find(b"OggS")
        if found >= 0:
            return place + found
        if len(content) < _SEARCH_BYTES:
            return place + len(content)
        place += len(content) - 3
