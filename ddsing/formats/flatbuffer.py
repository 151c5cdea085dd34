"""FlatBuffers as data: tables, vectors and texts read where they lie, and nothing believed before it is checked.

No position in the file is followed before it is known to lie inside it, and every vector fits its place. A position
that leads back is allowed by the format and does no harm: readers go as deep as their schema, never as the file says.

Reference: the FlatBuffers binary format, https://flatbuffers.dev/internals.
"""

import struct
from collections.abc import Sequence

import numpy as np


class FlatbufferError(ValueError):
    """The file breaks the format; the text says where."""


class Table:
    """A table of a flatbuffer: its fields by their numbers.

    Parameters
    ----------
    data : memoryview
        The whole file.
    at : int
        Where the table begins.
    """

    def __init__(self, data: memoryview, at: int):
        self._data, self._at = data, at
        self._fields = at - _number(data, at, "<i")
        self._n_fields = max(0, _number(data, self._fields, "<H") // 2 - 2)
        _inside(data, self._fields, 4 + 2 * self._n_fields)

    def number(self, field: int, kind: str, default: float = 0) -> int:
        """A whole number; `kind` as in `struct`, such as ``<I``."""
        at = self._place(field)
        return int(default) if at is None else _number(self._data, at, kind)

    def real(self, field: int) -> float:
        """A float32; 0 where it is not there."""
        at = self._place(field)
        return 0.0 if at is None else float(np.frombuffer(_span(self._data, at, 4), "<f4")[0])

    def table(self, field: int) -> "Table | None":
        """A table inside this one."""
        at = self._place(field)
        return None if at is None else Table(self._data, self._target(at))

    def tables(self, field: int, *, at_most: int) -> "list[Table]":
        """A vector of tables."""
        start, length = self._vector(field, 4, at_most)
        return [Table(self._data, self._target(start + 4 * index)) for index in range(length)]

    def numbers(self, field: int, *, at_most: int) -> Sequence[int]:
        """A vector of int32."""
        start, length = self._vector(field, 4, at_most)
        return tuple(np.frombuffer(_span(self._data, start, 4 * length), "<i4").tolist())

    def bytes(self, field: int) -> memoryview:
        """A vector of bytes, where it lies."""
        start, length = self._vector(field, 1, len(self._data))
        return _span(self._data, start, length)

    def text(self, field: int, *, at_most: int = 2000) -> str:
        """A string; what is no UTF-8 in it is replaced."""
        start, length = self._vector(field, 1, at_most)
        return bytes(_span(self._data, start, length)).decode("utf-8", "replace")

    def _place(self, field: int) -> int | None:
        if field >= self._n_fields:
            return None
        offset = _number(self._data, self._fields + 4 + 2 * field, "<H")
        return self._at + offset if offset else None

    def _target(self, at: int) -> int:
        return at + _number(self._data, at, "<I")

    def _vector(self, field: int, width: int, at_most: int) -> tuple[int, int]:
        """Where a vector's elements begin, and how many there are."""
        at = self._place(field)
        if at is None:
            return 0, 0
        start = self._target(at)
        length = _number(self._data, start, "<I")
        if length > at_most:
            raise FlatbufferError(f"a list of {length:,} where at most {at_most:,} are read")
        _inside(self._data, start + 4, width * length)
        return start + 4, length


def root(data: bytes, identifier: bytes) -> Table:
    """The table that a file holds, where it says in its bytes 4 to 8 what it is."""
    if data[4:8] != identifier:
        raise FlatbufferError(f"no {identifier.decode('ascii')} at its beginning")
    view = memoryview(data)
    return Table(view, _number(view, 0, "<I"))


def _number(data: memoryview, at: int, kind: str) -> int:
    _inside(data, at, struct.calcsize(kind))
    return int(struct.unpack_from(kind, data, at)[0])


def _span(data: memoryview, at: int, length: int) -> memoryview:
    _inside(data, at, length)
    return data[at : at + length]


def _inside(data: memoryview, at: int, length: int) -> None:
    if not 0 <= at <= at + length <= len(data):
        raise FlatbufferError("a position outside the file")
