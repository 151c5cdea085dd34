"""What a training goes on from: weights, Adam's averages and step count, read from a checkpoint without TensorFlow.

Two kinds of checkpoint are known by their names: those of TensorFlow up to 2.10, where each average hangs on its weight
(``….OPTIMIZER_SLOT/optimizer/m``), and later ones, where the averages are a numbered list whose order is told by the
names in the checkpoint's object graph. Everything is looked up by name and shape, and must be finite.

Reference: tensorflow/core/protobuf/trackable_object_graph.proto.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.model import tf_checkpoint
from ddsing.model import weights as model_weights
from ddsing.model.config import ModelConfig

SLOTS = ("m", "v")  # Adam's averages of the gradient and of its square
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_MAX_GRAPH_BYTES = 2**20
_COUNTERS = (f"optimizer/_iterations{_VALUE}", f"optimizer/iter{_VALUE}")
_CHUNK_BYTES = 2**20
Entries = Mapping[str, tf_checkpoint.Entry]
Shards = Mapping[int, Callable[[], Iterable[bytes]]]  # a stream of each data file, by its number


@dataclass(frozen=True, eq=False)
class State:
    """The state of a training after a step.

    Attributes
    ----------
    weights : dict[str, np.ndarray]
        float32, by the names of `ModelConfig.weight_shapes`.
    slots : dict[str, dict[str, np.ndarray]] or None
        Adam's ``m`` and ``v``, each by the same names; None where the checkpoint holds none, such as an instrument's.
    iterations : int or None
        Adam's count of steps.
    """

    weights: dict[str, np.ndarray]
    slots: dict[str, dict[str, np.ndarray]] | None
    iterations: int | None


def read(index_path: Path, config: ModelConfig) -> State:
    """The state in ``ckpt-N.index`` and the data files beside it; `InstrumentError` where anything is amiss."""
    model_weights.n_bytes(config)
    try:
        with open(index_path, "rb") as file:
            index = file.read(tf_checkpoint.MAX_INDEX_BYTES + 1)
        shards = _shards(index_path)
        entries = tf_checkpoint.read_index(index, n_shards=len(shards))
        weights = _named(
            entries, shards, config, {name: tf_checkpoint.weight_key(name) for name in config.weight_shapes()}
        )
        keys = _slot_keys(entries, shards, config)
        slots = None if keys is None else {slot: _named(entries, shards, config, keys[slot]) for slot in SLOTS}
        return State(weights, slots, _iterations(entries, shards))
    except OSError as error:
        raise InstrumentError(f"The checkpoint {index_path.stem} can't be read: {error.strerror}.") from None


def read_floats(index_path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray] | None:
    """Other variables of a checkpoint than the model's, by their paths; None where they are not all there."""
    try:
        with open(index_path, "rb") as file:
            index = file.read(tf_checkpoint.MAX_INDEX_BYTES + 1)
        shards = _shards(index_path)
        entries = tf_checkpoint.read_index(index, n_shards=len(shards))
        keys = {f"{name}{_VALUE}": shape for name, shape in shapes.items()}
        if not all(key in entries for key in keys):
            return None
        arrays = tf_checkpoint.read_floats(entries, shards, keys)
    except OSError as error:
        raise InstrumentError(f"The checkpoint {index_path.stem} can't be read: {error.strerror}.") from None
    return {name: arrays[f"{name}{_VALUE}"] for name in shapes}


def _named(entries: Entries, shards: Shards, config: ModelConfig, keys: Mapping[str, str]) -> dict[str, np.ndarray]:
    shapes = config.weight_shapes()
    arrays = tf_checkpoint.read_floats(entries, shards, {key: shapes[name] for name, key in keys.items()})
    for name, key in keys.items():
        if not np.isfinite(arrays[key]).all():
            raise InstrumentError(
                f"The checkpoint's {name} contains NaN or infinite values: training had failed by then."
            )
    return {name: arrays[key] for name, key in keys.items()}


def _shards(index_path: Path) -> Shards:
    found = sorted(index_path.parent.glob(f"{index_path.stem}.data-?????-of-?????"))
    count = len(found)
    names = [f"{index_path.stem}.data-{number:05d}-of-{count:05d}" for number in range(count)]
    if not 1 <= count <= tf_checkpoint.MAX_SHARDS or [path.name for path in found] != names:
        raise InstrumentError(f"The checkpoint {index_path.stem} is incomplete: data files are missing.")
    return {number: _streamer(path) for number, path in enumerate(found)}


def _streamer(path: Path) -> Callable[[], Iterator[bytes]]:
    def stream() -> Iterator[bytes]:
        with open(path, "rb") as file:
            while piece := file.read(_CHUNK_BYTES):
                yield piece

    return stream


def _slot_keys(entries: Entries, shards: Shards, config: ModelConfig) -> dict[str, dict[str, str]] | None:
    """Where each weight's averages are; None where there are none, or not of every weight."""
    names = config.weight_shapes()
    hanging = {slot: {n: f"model/{n}/.OPTIMIZER_SLOT/optimizer/{slot}{_VALUE}" for n in names} for slot in SLOTS}
    if all(key in entries for keys in hanging.values() for key in keys.values()):
        return hanging
    full_names = _full_names(entries, shards)
    by_full_name: dict[str, list[str]] = {}
    for key, full_name in full_names.items():
        by_full_name.setdefault(full_name, []).append(key)
    listed: dict[str, dict[str, str]] = {slot: {} for slot in SLOTS}
    for slot in SLOTS:
        for name in names:
            of_weight = full_names.get(tf_checkpoint.weight_key(name))
            found = by_full_name.get(f"Adam/{slot}/{of_weight}", []) + by_full_name.get(f"{slot}/{of_weight}", [])
            if of_weight is None or len(found) != 1 or found[0] not in entries:
                return None
            listed[slot][name] = found[0]
    return listed


def _full_names(entries: Entries, shards: Shards) -> dict[str, str]:
    """TensorFlow's own name of each variable, by its key, from the checkpoint's object graph."""
    entry = entries.get(_GRAPH)
    if entry is None or entry.n_bytes > _MAX_GRAPH_BYTES:
        return {}
    raw = tf_checkpoint.read_bytes(entries, shards, [_GRAPH])[_GRAPH]
    names = {}
    for number, node in tf_checkpoint.fields(_string(raw)):
        for inner, attribute in tf_checkpoint.fields(node) if number == 1 and isinstance(node, bytes) else ():
            if inner == 2 and isinstance(attribute, bytes):
                texts = {
                    n: value for n, value in tf_checkpoint.fields(attribute) if n in (2, 3) and isinstance(value, bytes)
                }
                if len(texts) == 2:
                    names[texts[3].decode("utf-8", "replace")] = texts[2].decode("utf-8", "replace")
    return names


def _string(raw: bytes) -> bytes:
    """The content of a scalar string tensor: a varint of its length, a checksum of that, the bytes."""
    position = 0
    while position < min(len(raw), 10) and raw[position] > 0x7F:
        position += 1
    return raw[position + 5 :]


def _iterations(entries: Entries, shards: Shards) -> int | None:
    for key in _COUNTERS:
        entry = entries.get(key)
        if entry is not None and entry.n_bytes == 8:
            count = int.from_bytes(tf_checkpoint.read_bytes(entries, shards, [key])[key], "little", signed=True)
            return count if 0 <= count < 10**12 else None
    return None
