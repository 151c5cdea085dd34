"""TensorBoard's event files, written and read without TensorFlow.

A file is a sequence of records, framed as TFRecords: length, checksum, a `tensorflow.Event`, checksum. An event holds a
time, a step, and named numbers: as TensorFlow 2 writes them, each is a tensor of the plugin ``scalars``.

Several files of one folder are one training, in the order of their time; what a resumed training does again replaces
what was there. A file's last record may be cut short, by a crash or because it is just being written.

TensorBoard's own package can do the same and is what the tests hold this against. It takes each record by itself, in
Python: 200 runs of 10,000 points take 0.9 s here and 131 s there, or 22 s where it may load TensorFlow, which it does
by itself where that is installed; a run is written in 0.4 s and 1.1 s (`benchmarks.event_files`, two busy cores). Its
writer also puts the computer's name into the file's name.

Reference: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
"""

import contextlib
import itertools
import os
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsing.formats import protobuf
from ddsing.formats.crc32c import masked

_FLUSH_S = 2.0
_RECORD_EXTRA = 16  # bytes around an event: length 8, its checksum 4, the event's checksum 4
_MIN_RUN = 16  # records of one shape from which on they are read together
_counter = itertools.count()


class EventWriter:
    """Writes one new file into a folder; a reader sees what is older than two seconds."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._flushed = time.monotonic()
        name = f"events.out.tfevents.{time.time_ns() / 1e9:.6f}.ddsing.{os.getpid()}.{next(_counter)}.v2"
        self._file = open(folder / name, "xb")  # noqa: SIM115
        self._write(_double(1, time.time()) + protobuf.field(3, b"brain.Event:2"))
        self._file.flush()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers at a step, by their tags."""
        summary = b"".join(protobuf.field(1, _value(tag, value)) for tag, value in values.items())
        self._write(_double(1, time.time()) + b"\x10" + protobuf.varint(step) + protobuf.field(5, summary))
        if time.monotonic() - self._flushed > _FLUSH_S:
            self._flushed = time.monotonic()
            self._file.flush()

    def sync(self) -> None:
        """Let everything reach the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        length = len(event).to_bytes(8, "little")
        sums = [masked(part).to_bytes(4, "little") for part in (length, event)]
        self._file.write(length + sums[0] + event + sums[1])


def _value(tag: str, value: float) -> bytes:
    tensor = b"\x08\x01" + protobuf.field(2, b"") + protobuf.field(5, struct.pack("<f", value))  # DT_FLOAT, one of them
    metadata = protobuf.field(1, protobuf.field(1, b"scalars")) + b"\x20\x01"  # the plugin, DATA_CLASS_SCALAR
    return protobuf.field(1, tag.encode()) + protobuf.field(8, tensor) + protobuf.field(9, metadata)


def _double(number: int, value: float) -> bytes:
    return bytes([number << 3 | 1]) + struct.pack("<d", value)


@dataclass(frozen=True, eq=False)
class Series:
    """The numbers of one tag.

    Attributes
    ----------
    steps : np.ndarray [shape=(n,), int64]
        Ascending.
    values : np.ndarray [shape=(n,), float32]
    times_s : np.ndarray [shape=(n,), float64]
        Seconds since 1970.
    """

    steps: np.ndarray
    values: np.ndarray
    times_s: np.ndarray


def read(folder: Path) -> dict[str, Series]:
    """All numbers in a folder's event files, by their tags, each step as it went the last time."""
    found = sorted(folder.glob("*tfevents*")) if folder.is_dir() else []
    files = [events for path in found if (events := _File(path)).start_s is not None]
    merged: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for events in sorted(files, key=lambda file: file.start_s or 0.0):
        parts = events.arrays()
        begins = min((int(steps[0]) for steps, _, _ in parts.values() if len(steps)), default=None)
        if begins is None:
            continue
        for tag in merged:
            merged[tag] = [_before(part, begins) for part in merged[tag]]
        for tag, part in parts.items():
            merged.setdefault(tag, []).append(part)
    return {tag: _joined(parts) for tag, parts in merged.items()}


_Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # steps, values, times


def _side_by_side(parts: Sequence[_Part]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    steps, values, times = (np.concatenate(arrays) for arrays in zip(*parts))
    return steps, values, times


def _before(part: _Part, step: int) -> _Part:
    keep = part[0] < step
    return part[0][keep], part[1][keep], part[2][keep]


def _joined(parts: Sequence[_Part]) -> Series:
    steps, values, times = _side_by_side(parts)
    _, last = np.unique(steps[::-1], return_index=True)  # of several, the one written last
    chosen = len(steps) - 1 - last
    return Series(steps[chosen], values[chosen], times[chosen])


class _File:
    """One event file; `start_s` is when it was begun, None for what is no event file."""

    def __init__(self, path: Path):
        try:
            self._data = path.read_bytes()
        except OSError:
            self._data = b""
        self.start_s: float | None = None
        first = next(self._records(0), None)
        if first is not None:
            self.start_s = _event(self._data[first[0] : first[1]])[0]

    def arrays(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(steps, values, times) by tag, in the order of the file."""
        place = 0
        parts: dict[str, list] = {}
        while (record := next(self._records(place), None)) is not None:
            start, end = record
            count = self._run(place, end - start)
            block = _block(self._data, place, end - start, count) if count >= _MIN_RUN else None
            if block is None:
                block, count = _single(self._data[start:end]), 1
            for tag, arrays in block.items():
                parts.setdefault(tag, []).append(arrays)
            place += count * (end - start + _RECORD_EXTRA)
        return {tag: _side_by_side(found) for tag, found in parts.items()}

    def _records(self, place: int) -> Iterator[tuple[int, int]]:
        """Where events lie, from a record on; ends at what is cut short or is none."""
        while place + _RECORD_EXTRA <= len(self._data):
            n_bytes = int.from_bytes(self._data[place : place + 8], "little")
            start = place + 12
            if start + n_bytes + 4 > len(self._data):
                return
            yield start, start + n_bytes
            place = start + n_bytes + 4

    def _run(self, place: int, n_bytes: int) -> int:
        """How many records from here on are as long as the first."""
        stride = n_bytes + _RECORD_EXTRA
        most = (len(self._data) - place) // stride
        lengths = np.ndarray((most,), "<u8", self._data, place, (stride,))
        other = np.flatnonzero(lengths != n_bytes)
        return int(other[0]) if len(other) else most


def _single(event: bytes):
    """One event as arrays by tag."""
    wall_s, step, values = _event(event)
    return {
        tag: (np.array([step], np.int64), np.array([value], np.float32), np.array([wall_s])) for tag, value, _ in values
    }


def _block(data: bytes, place: int, n_bytes: int, count: int):
    """Many records that differ in time, step and numbers only, by tag; None where they differ in more."""
    stride = n_bytes + _RECORD_EXTRA
    events = np.ndarray((count, n_bytes), np.uint8, data, place + 12, (stride, 1))
    first = events[0].tobytes()
    wall_s, step, values = _event(first)
    if first[:1] != b"\x09" or first[9:10] != b"\x10" or not values or any(at is None for _, _, at in values):
        return None
    step_bytes = len(protobuf.varint(step))
    free = np.zeros(n_bytes, bool)
    free[1:9] = free[10 : 10 + step_bytes] = True
    places = [at for _, _, at in values if at is not None]
    for at in places:
        free[at : at + 4] = True
    if not (events[:, ~free] == events[0, ~free]).all():
        return None
    shifts = 7 * np.arange(step_bytes, dtype=np.int64)
    steps = ((events[:, 10 : 10 + step_bytes] & 0x7F).astype(np.int64) << shifts).sum(axis=1)
    times = np.ascontiguousarray(events[:, 1:9]).view("<f8")[:, 0]
    columns = [np.ascontiguousarray(events[:, at : at + 4]).view("<f4")[:, 0] for at in places]
    return {tag: (steps, column, times) for (tag, _, _), column in zip(values, columns)}


def _event(event: bytes) -> tuple[float, int, list[tuple[str, float, int | None]]]:
    """An event's time, step, and (tag, number, where the number lies in `event`)."""
    wall_s, step = 0.0, 0
    values: list[tuple[str, float, int | None]] = []
    for number, kind, start, end in _fields(event, 0, len(event)):
        if number == 1 and kind == 1:
            wall_s = struct.unpack_from("<d", event, start)[0]
        elif number == 2 and kind == 0:
            step = protobuf.read_varint(event, start)[0]
        elif number == 5 and kind == 2:
            for inner, inner_kind, value_start, value_end in _fields(event, start, end):
                if inner == 1 and inner_kind == 2 and (value := _scalar(event, value_start, value_end)):
                    values.append(value)
    return wall_s, step, values


def _scalar(event: bytes, start: int, end: int) -> tuple[str, float, int | None] | None:
    tag, value, at = "", None, None
    for number, kind, begin, stop in _fields(event, start, end):
        if number == 1 and kind == 2:
            tag = event[begin:stop].decode("utf-8", "replace")
        elif number == 2 and kind == 5:
            value, at = struct.unpack_from("<f", event, begin)[0], begin
        elif number == 8 and kind == 2:
            value, at = _tensor(event, begin, stop)
    return None if value is None else (tag, value, at)


def _tensor(event: bytes, start: int, end: int) -> tuple[float | None, int | None]:
    """The number in a tensor of one, and where it lies if that is four bytes."""
    dtype = 1
    for number, kind, begin, stop in _fields(event, start, end):
        if number == 1 and kind == 0:
            dtype = protobuf.read_varint(event, begin)[0]
        elif number in (4, 5) and stop - begin == 4 and dtype == 1:
            return struct.unpack_from("<f", event, begin)[0], begin
        elif number in (4, 6) and stop - begin == 8 and dtype == 2:
            return struct.unpack_from("<d", event, begin)[0], None
    return None, None


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """As `wire.fields`; ends at what is none."""
    with contextlib.suppress(ValueError):
        yield from protobuf.fields(data, start, end)
