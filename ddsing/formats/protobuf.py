"""Protocol buffers on the wire, as far as records, event files and checkpoints need them.

A message is a row of fields, each a number, a kind and a content. Kinds: 0 is an integer as a varint, 1 eight bytes,
2 a length and as many bytes, 5 four bytes.

Reference: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

_FIXED = {1: 8, 5: 4}  # bytes, by kind
_SHIFTS = range(0, 70, 7)


def varint(value: int) -> bytes:
    """A whole number from 0 on."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number: int, content: bytes) -> bytes:
    """A field of kind 2: text, bytes, or a message within the message."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def fields(message: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """(number, kind, where the content begins, where it ends) of each field in a stretch of `message`.

    Raises ValueError at what is no field, after those before it.
    """
    place, end = start, len(message) if end is None else end
    while place < end:
        key, place = read_varint(message, place)
        kind = key & 7
        if kind == 0:
            begin = place
            _, place = read_varint(message, place)
        elif kind in _FIXED:
            begin, place = place, place + _FIXED[kind]
        elif kind == 2:
            length, begin = read_varint(message, place)
            place = begin + length
        else:
            raise ValueError("it has a field of no known kind")
        if place > end:
            raise ValueError("it ends too early")
        yield key >> 3, kind, begin, place


def values(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, content) of each field: an integer for kind 0, else bytes; raises ValueError as `fields` does."""
    for number, kind, start, end in fields(message):
        yield number, read_varint(message, start)[0] if kind == 0 else message[start:end]


def read_varint(message: bytes | memoryview, place: int) -> tuple[int, int]:
    """The number at a place, and where it ends; raises ValueError where there is none."""
    value = 0
    for shift in _SHIFTS:
        if place >= len(message):
            raise ValueError("it ends too early")
        octet = message[place]
        place += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, place
    raise ValueError("it holds an endless number")
