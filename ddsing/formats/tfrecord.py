"""TFRecord files of examples with arrays of floats, written and read by their place, without TensorFlow.

The files are what TensorFlow and ddsp's `TFRecordProvider` write and read: each record is a `tf.train.Example`, between
its length and its checksums. Records of a folder are in shards, ``train.tfrecord-00000-of-00004``.

A new set of files replaces an old one by `publish`: prepared in a folder aside, it counts from one rename on. A crash
after that leaves the moving of the files to the next one who looks (`settle`); so after a crash there is the old set
or the new one, never a mixture.
"""

import contextlib
import os
import re
import shutil
import struct
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

import numpy as np
from filelock import FileLock, Timeout

from ddsing.errors import DatasetError
from ddsing.files import flush, move, write_atomic
from ddsing.formats import protobuf
from ddsing.formats.crc32c import masked

_PUBLISHED, _ASIDE = ".publish", ".writing-"
_REPLACES, _NAMES = ".replaces", ".names"
_TURN, _PATIENCE_S = ".settling", 60.0
_SHARD = re.compile(r".+\.tfrecord(-\d{5}-of-\d{5})?$")
_MAX_FEATURES = 64  # in an example
_HEADER = struct.Struct("<QI")


def framed(data: bytes) -> bytes:
    """A record as it lies in a file: its length, the checksum of that, the data, its checksum."""
    length = len(data).to_bytes(8, "little")
    return b"".join((length, masked(length).to_bytes(4, "little"), data, masked(data).to_bytes(4, "little")))


class RecordWriter:
    """Writes one file, record by record: one reaches the system while the next is made.

    What goes wrong with a record is raised where the next is written, or where the file is closed.
    """

    def __init__(self, path: Path):
        self._file = open(path, "wb")  # noqa: SIM115
        self._writing = ThreadPoolExecutor(1)
        self._last: Future[int] | None = None
        self.n_bytes = 0

    def write(self, example: Mapping[str, np.ndarray | bytes]) -> None:
        """Append an example: arrays of floats, and bytes."""
        record = framed(encode(example))
        self._wait()
        self._last = self._writing.submit(self._file.write, record)
        self.n_bytes += len(record)

    def close(self) -> None:
        """Finish the file, and let it reach the disk."""
        try:
            self._wait()
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._abandon()

    def _wait(self) -> None:
        """Until the record before is with the system."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _abandon(self) -> None:
        self._writing.shutdown()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()


def write(path: Path, examples: Iterable[Mapping[str, np.ndarray | bytes]]) -> int:
    """Write a file of examples; returns how many."""
    number = 0
    with RecordWriter(path) as writer:
        for example in examples:
            writer.write(example)
            number += 1
    return number


class RecordFile:
    """A file of records, each read by its number; safe for threads, and unharmed if the file is replaced meanwhile.

    Raises `DatasetError` if it is damaged: lengths at once, contents when they are first read.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            self._file = open(self.path, "rb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise DatasetError(f"The dataset's {self.path.name!r} can't be opened: {error.strerror}.") from None
        self._lock = threading.Lock()
        self._places = list(self._scan())
        self._verified = bytearray(len(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def read(self, number: int) -> dict[str, np.ndarray]:
        """The arrays of floats in a record; its checksum is verified the first time."""
        place, n_bytes = self._places[number]
        data = self._bytes(place, n_bytes + 4)
        if not self._verified[number]:
            if len(data) < n_bytes + 4 or masked(data[:n_bytes]) != int.from_bytes(data[n_bytes:], "little"):
                raise self._damaged(f"record {number + 1} does not match its checksum")
            self._verified[number] = 1
        try:
            return decode(data[:n_bytes])
        except ValueError as error:
            raise self._damaged(f"record {number + 1}: {error}") from None

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _scan(self) -> Iterator[tuple[int, int]]:
        end = os.fstat(self._file.fileno()).st_size
        place = 0
        while place < end:
            header = self._bytes(place, _HEADER.size)
            if len(header) < _HEADER.size:
                raise self._damaged("it ends within a record")
            n_bytes, crc = _HEADER.unpack(header)
            if masked(header[:8]) != crc:
                raise self._damaged(f"at byte {place:,} no record begins")
            if place + _HEADER.size + n_bytes + 4 > end:
                raise self._damaged("it ends within a record")
            yield place + _HEADER.size, n_bytes
            place += _HEADER.size + n_bytes + 4

    def _bytes(self, place: int, n_bytes: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), n_bytes, place)
        with self._lock:
            self._file.seek(place)
            return self._file.read(n_bytes)

    def _damaged(self, what: str) -> DatasetError:
        return DatasetError(f"The dataset's {self.path.name!r} is damaged ({what}); prepare the voice again.")


class Records:
    """The records of several files as one sequence."""

    def __init__(self, files: Iterable[RecordFile]):
        self.files = tuple(files)
        self._ends = np.cumsum([len(file) for file in self.files], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.files else 0

    def read(self, number: int) -> dict[str, np.ndarray]:
        """The arrays of floats in a record."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        which = int(np.searchsorted(self._ends, number, side="right"))
        return self.files[which].read(number - (int(self._ends[which - 1]) if which else 0))

    def close(self) -> None:
        """Let the files go."""
        for file in self.files:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shards(folder: Path, prefix: str = "train") -> list[Path]:
    """The files of a set of records, by name."""
    settle(folder)
    found = folder.glob(f"{prefix}.tfrecord*") if folder.is_dir() else ()
    return sorted(path for path in found if path.is_file() and _SHARD.fullmatch(path.name))


def open_all(folder: Path, prefix: str = "train") -> Records:
    """All records of a folder's ``<prefix>.tfrecord*`` files, ours or of 2021; none is an empty sequence."""
    return Records(RecordFile(path) for path in shards(Path(folder), prefix))


def encode(example: Mapping[str, np.ndarray | bytes]) -> bytes:
    """A `tf.train.Example` of arrays of floats and bytes."""
    entries: list[bytes] = []
    for name in sorted(example):
        value = example[name]
        kind, held = (1, value) if isinstance(value, bytes) else (2, np.ascontiguousarray(value, "<f4").tobytes())
        feature = _enclosed(kind, _enclosed(1, [held]))
        entries += _enclosed(1, [protobuf.field(1, name.encode()), *_enclosed(2, feature)])
    return b"".join(_enclosed(1, entries))


def _enclosed(number: int, pieces: list[bytes]) -> list[bytes]:
    """`protobuf.field` of these pieces in pieces, so that all fields in fields are joined, and copied, only once."""
    return [bytes([number << 3 | 2]) + protobuf.varint(sum(map(len, pieces))), *pieces]


def decode(data: bytes) -> dict[str, np.ndarray]:
    """The lists of floats in a `tf.train.Example`, float32; other kinds of lists are passed over.

    Raises ValueError if it is none.
    """
    arrays: dict[str, np.ndarray] = {}
    for features in _parts(memoryview(data), 1):
        for entry in _parts(features, 1):
            name = b"".join(bytes(part) for part in _parts(entry, 1)).decode("utf-8", "replace")
            for feature in _parts(entry, 2):
                for floats in _parts(feature, 2):
                    arrays[name] = _floats(floats)
            if len(arrays) > _MAX_FEATURES:
                raise ValueError("it has too many entries")
    return arrays


def _floats(message: memoryview) -> np.ndarray:
    pieces = []
    for number, kind, start, end in protobuf.fields(message):
        if number == 1 and kind in (2, 5) and (end - start) % 4 == 0:
            pieces.append(np.frombuffer(message[start:end], "<f4"))
    return (
        (np.concatenate(pieces) if len(pieces) != 1 else pieces[0]).astype(np.float32) if pieces else np.zeros(0, "f4")
    )


def _parts(message: memoryview, number: int) -> list[memoryview]:
    """The submessages of a field."""
    found = protobuf.fields(message)
    return [message[start:end] for one, kind, start, end in found if one == number and kind == 2]


@contextlib.contextmanager
def publishing(folder: Path, *, replaces: Iterable[str]) -> Iterator[Path]:
    """A folder to fill with a new set of files; when the block ends well, they replace the old ones, all or none.

    Only one at a time may do so in a folder.

    Parameters
    ----------
    replaces : Iterable[str]
        Patterns of the names of the old set's files, such as ``train.tfrecord*``.
    """
    settle(folder)
    for left in folder.glob(f"{_ASIDE}*"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    aside = folder / f"{_ASIDE}{uuid.uuid4().hex}"
    aside.mkdir(parents=True)
    try:
        yield aside
        (aside / _REPLACES).write_text("\n".join(replaces), "utf-8")
        for path in aside.iterdir():
            flush(path)
        flush(aside)
        move(aside, folder / _PUBLISHED)  # from here on the new set counts
        flush(folder)
        settle(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def settle(folder: Path) -> None:
    """Finish what a `publishing` that was killed had begun; others may do so at the same time, and wait.

    Raises OSError, also where another program has been at it for longer than `_PATIENCE_S`.
    """
    if (folder / _PUBLISHED).is_dir():  # else there is nothing to finish
        with _turn(folder):
            _settle(folder)


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One at a time: who has read the names of one set, and goes on when the next is there, would take that away."""
    lock = FileLock(folder / _TURN, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(timeout=_PATIENCE_S, poll_interval=0.01)
    except Timeout:
        raise
    except (OSError, NotImplementedError):  # a disk without locks
        pass
    try:
        yield
    finally:
        lock.release()


def _settle(folder: Path) -> None:
    published = folder / _PUBLISHED
    try:
        patterns = (published / _REPLACES).read_text("utf-8").splitlines()
        names = sorted(path.name for path in published.iterdir() if path.name[0] != ".")
        if not (published / _NAMES).exists():  # of the whole set, before the first file is moved
            write_atomic(published / _NAMES, "\n".join(names).encode(), durable=False)
        whole = (published / _NAMES).read_text("utf-8").splitlines()
    except FileNotFoundError:  # there is nothing to finish, or someone else has just finished it
        return
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        if path.name not in whole:
            path.unlink(missing_ok=True)
    for name in whole:
        with contextlib.suppress(FileNotFoundError):
            move(published / name, folder / name)
    flush(folder)
    done = folder / f"{_ASIDE}{uuid.uuid4().hex}"
    with contextlib.suppress(FileNotFoundError):
        move(published, done)
    shutil.rmtree(done, ignore_errors=True)
