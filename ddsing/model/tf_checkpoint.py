"""TensorFlow's checkpoint ("tensor bundle") read in plain Python, every length checked against the bytes at hand.

``ckpt-N.index`` is a sorted table of blocks (as LevelDB's, uncompressed here): key → BundleEntryProto, which gives a
tensor's dtype, shape and place in ``ckpt-N.data-00000-of-0000K``. Only the weights that a model of the given
configuration has are looked up, by exact name and shape; whatever else is there is passed over, but for Adam's
averages where a training goes on from them (`ddsing.training.state`). The data is streamed, so the memory needed is
that of the weights. The blocks' CRC-32C are not checked: the zip's own checksums cover the same bytes.

Reference: tensorflow/core/lib/io/format.h and table_builder.cc; core/protobuf/tensor_bundle.proto.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.formats import protobuf
from ddsing.model import weights as model_weights
from ddsing.model.config import ModelConfig

MAX_INDEX_BYTES = 2**20  # genuine ones have about 10 kB
MAX_ENTRIES = 5_000
MAX_KEY_BYTES = 1_000
MAX_SHARDS = 16
_FOOTER_BYTES = 48
_TABLE_MAGIC = 0xDB4775248B80FB57
_DT_FLOAT = 1
_PREFIX, _SUFFIX = "model/", "/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies: `n_bytes` from `offset` of data shard `shard`."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    n_bytes: int


def read_weights(
    index: bytes, shards: Mapping[int, Callable[[], Iterable[bytes]]], config: ModelConfig
) -> dict[str, np.ndarray]:
    """The weights of a model of configuration `config`, float32, by their names in `ModelConfig.weight_shapes`.

    Parameters
    ----------
    index : bytes
        The ``.index`` file.
    shards : Mapping[int, Callable]
        For each data shard's number, a function that streams its bytes.
    config : ModelConfig
        What the weights must be; each missing or differently shaped one raises `InstrumentError`.
    """
    model_weights.n_bytes(config)
    entries = read_index(index, n_shards=len(shards))
    shapes = {weight_key(name): shape for name, shape in config.weight_shapes().items()}
    arrays = read_floats(entries, shards, shapes)
    return {name: arrays[weight_key(name)] for name in config.weight_shapes()}


def weight_key(name: str) -> str:
    """Under which key a checkpoint of ddsp's Trainer holds a weight."""
    return f"{_PREFIX}{name}{_SUFFIX}"


def read_floats(
    entries: Mapping[str, Entry],
    shards: Mapping[int, Callable[[], Iterable[bytes]]],
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, np.ndarray]:
    """float32 tensors by their keys, each of exactly the shape that is asked for."""
    for key, shape in shapes.items():
        entry, name = entries.get(key), key.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        if entry is None:
            raise InstrumentError(
                f"The checkpoint has no weight {name}: its configuration text describes another model."
            )
        if entry.shape != shape or entry.dtype != _DT_FLOAT or entry.n_bytes != 4 * math.prod(shape):
            raise InstrumentError(
                f"The checkpoint's weight {name} has shape {entry.shape}; its configuration needs float32 {shape}."
            )
    raw = read_bytes(entries, shards, shapes)
    return {key: np.frombuffer(raw[key], "<f4").reshape(shape) for key, shape in shapes.items()}


def read_bytes(
    entries: Mapping[str, Entry], shards: Mapping[int, Callable[[], Iterable[bytes]]], keys: Iterable[str]
) -> dict[str, bytes]:
    """The bytes of some tensors, by their keys."""
    wanted: dict[int, list[tuple[int, int, str]]] = {}
    for key in keys:
        entry = entries[key]
        wanted.setdefault(entry.shard, []).append((entry.offset, entry.n_bytes, key))
    return {key: raw for shard, spans in wanted.items() for key, raw in _cut(shards[shard](), sorted(spans))}


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protocol buffer in a checkpoint: integers, or bytes for what has a length."""
    try:
        yield from protobuf.values(message)
    except ValueError as error:
        raise _bad(f"an entry in it is damaged, {error}") from None


def read_index(data: bytes, *, n_shards: int) -> dict[str, Entry]:
    """The table of tensors in an ``.index`` file."""
    if len(data) > MAX_INDEX_BYTES:
        raise _bad(f"it has {len(data):,} bytes (at most {MAX_INDEX_BYTES:,} are read)")
    try:
        return _index(data, n_shards)
    except (IndexError, UnicodeDecodeError) as error:
        raise _bad(f"it is damaged ({type(error).__name__})") from None
    except ValueError as error:
        raise _bad(f"it is damaged, {error}") from None


def _index(data: bytes, n_shards: int) -> dict[str, Entry]:
    if len(data) < _FOOTER_BYTES or int.from_bytes(data[-8:], "little") != _TABLE_MAGIC:
        raise _bad("it does not end as TensorFlow's do")
    end = len(data) - _FOOTER_BYTES
    _, _, position = _handle(data, end)  # the meta-index, which is empty
    start, n_bytes, _ = _handle(data, position)
    entries: dict[str, Entry] = {}
    header = None
    n_seen = n_read = 0
    for _, handle in _block(data, start, n_bytes, end):
        block_start, block_bytes, _ = _handle(handle, 0)
        n_read += block_bytes
        if n_read > end:
            raise _bad("its blocks overlap")
        for key, value in _block(data, block_start, block_bytes, end):
            n_seen += 1
            if n_seen > MAX_ENTRIES:
                raise _bad(f"it lists more than {MAX_ENTRIES:,} tensors")
            if not key:
                header = dict(protobuf.values(value))
                continue
            name = key.decode("utf-8")
            if name in entries:
                raise _bad("it lists a tensor twice")
            entries[name] = _entry(value, n_shards)
    if header is None or header.get(1, 0) != n_shards or header.get(2, 0) != 0:
        raise _bad(f"it is not that of {n_shards} little-endian data files")
    return entries


def _block(data: bytes, start: int, n_bytes: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of one block; keys share prefixes with the key before."""
    if start + n_bytes + 5 > end or n_bytes < 4:
        raise _bad("a block is outside it")
    if data[start + n_bytes] != 0:
        raise _bad("it is compressed, as TensorFlow's own are not")
    block = data[start : start + n_bytes]
    n_restarts = int.from_bytes(block[-4:], "little")
    limit = n_bytes - 4 - 4 * n_restarts
    if limit < 0:
        raise _bad("a block's end is damaged")
    position, key = 0, b""
    while position < limit:
        shared, position = protobuf.read_varint(block, position)
        n_new, position = protobuf.read_varint(block, position)
        n_value, position = protobuf.read_varint(block, position)
        if shared > len(key) or shared + n_new > MAX_KEY_BYTES or position + n_new + n_value > limit:
            raise _bad("an entry is outside its block")
        key = key[:shared] + block[position : position + n_new]
        position += n_new
        yield key, block[position : position + n_value]
        position += n_value


def _entry(value: bytes, n_shards: int) -> Entry:
    numbers = {1: 0, 3: 0, 4: 0, 5: 0}
    shape: tuple[int, ...] = ()
    for number, field in protobuf.values(value):
        if number == 2 and isinstance(field, bytes):
            shape = tuple(_shape(field))
        elif number in numbers and isinstance(field, int):
            numbers[number] = field
        elif number != 6:  # 6 is the CRC-32C; sliced tensors (7) are never in these checkpoints
            raise _bad("it holds a tensor in slices or of an unknown kind")
    if len(shape) > 8 or numbers[3] >= n_shards or max(numbers.values()) >= 2**40:
        raise _bad("it holds a tensor of impossible size or place")
    return Entry(numbers[1], shape, numbers[3], numbers[4], numbers[5])


def _shape(message: bytes) -> Iterator[int]:
    for number, field in protobuf.values(message):
        if number != 2 or not isinstance(field, bytes):
            raise _bad("it holds a tensor of unknown shape")
        size = 0
        for inner, value in protobuf.values(field):
            if inner == 1 and isinstance(value, int):
                size = value
        if size >= 2**40:
            raise _bad("it holds a tensor of impossible size")
        yield size


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    start, position = protobuf.read_varint(data, position)
    n_bytes, position = protobuf.read_varint(data, position)
    return start, n_bytes, position


def _cut(pieces: Iterable[bytes], spans: list[tuple[int, int, str]]) -> Iterator[tuple[str, bytes]]:
    """The wanted byte ranges of a stream, in order; they may not overlap."""
    waiting = iter(spans)
    span = next(waiting, None)
    held, position = bytearray(), 0  # `held` begins at the wanted offset, or is empty
    for piece in pieces:
        piece_start, position = position, position + len(piece)
        while span is not None and span[0] < position:
            offset, n_bytes, name = span
            if offset < piece_start and not held:
                raise InstrumentError("The checkpoint's weights overlap in its data file, so it is damaged.")
            take_from = max(offset - piece_start, 0)
            held += piece[take_from : take_from + n_bytes - len(held)]
            if len(held) < n_bytes:
                break
            yield name, bytes(held)
            held.clear()
            following = next(waiting, None)
            if following is not None and following[0] < offset + n_bytes:
                raise InstrumentError("The checkpoint's weights overlap in its data file, so it is damaged.")
            span = following
    if span is not None:
        raise InstrumentError("The checkpoint's data file ends before its last weight; download the instrument again.")


def _bad(what: str) -> InstrumentError:
    return InstrumentError(f"The checkpoint's .index file was refused: {what}.")
