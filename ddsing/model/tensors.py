"""Weights as safetensors: parsed by hand, so that no length in the file is believed before it is checked.

Reference: the safetensors format, https://huggingface.co/docs/safetensors (8-byte header length, JSON header, data).
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.formats import strict_json
from ddsing.model.config import ModelConfig

MAX_HEADER_BYTES = 256 * 2**10
MAX_WEIGHTS_BYTES = 128 * 2**20  # the notebooks' largest model has 30 MB


def n_bytes(config: ModelConfig) -> int:
    """Bytes of all weights of a model, as float32; more than `MAX_WEIGHTS_BYTES` raises `InstrumentError`."""
    total = 4 * sum(math.prod(shape) for shape in config.weight_shapes().values())
    if total > MAX_WEIGHTS_BYTES:
        raise InstrumentError(
            f"The instrument's model has {total / 1e6:,.0f} MB of weights; ddsing plays models with up to "
            f"{MAX_WEIGHTS_BYTES / 1e6:.0f} MB."
        )
    return total


def parse(data: bytes) -> dict[str, np.ndarray]:
    """float32 arrays by name, as views of `data`; `InstrumentError` where the file breaks the format."""
    header_bytes = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= header_bytes <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise InstrumentError("The instrument's weights.safetensors has no valid header.")
    try:
        header = strict_json.loads(data[8 : 8 + header_bytes])
    except ValueError as error:
        raise InstrumentError(
            f"The header of the instrument's weights.safetensors can't be read: {str(error)[:120]}."
        ) from None
    header.pop("__metadata__", None)
    body = memoryview(data)[8 + header_bytes :]
    weights: dict[str, np.ndarray] = {}
    spans = []
    for name, entry in header.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise _bad(name)
        shape, offsets = entry["shape"], entry["data_offsets"]
        if entry["dtype"] != "F32" or not _naturals(shape) or not _naturals(offsets) or len(offsets) != 2:
            raise _bad(name)
        start, end = offsets
        if len(shape) > 8 or not start <= end <= len(body) or end - start != 4 * math.prod(shape):
            raise _bad(name)
        weights[name] = np.frombuffer(body[start:end], "<f4").reshape(shape)
        spans.append((start, end))
    position = 0
    for start, end in sorted(spans):
        if start != position:
            raise InstrumentError("The instrument's weights overlap or leave gaps; export it again.")
        position = end
    if position != len(body):
        raise InstrumentError("The instrument's weights.safetensors has data after its last weight.")
    return weights


def checked(weights: Mapping[str, np.ndarray], config: ModelConfig) -> Mapping[str, np.ndarray]:
    """The weights, sorted, read-only and float32, where names, shapes and finiteness are those of `config`."""
    n_bytes(config)
    shapes = config.weight_shapes()
    missing, extra = sorted(set(shapes) - set(weights)), sorted(set(weights) - set(shapes))
    if missing or extra:
        what = (
            f"lacks {len(missing)} weights, such as {missing[0]}"
            if missing
            else f"has an unknown weight, {ascii(extra[0])[:80]}"
        )
        raise InstrumentError(f"The instrument {what}; its model configuration does not fit its weights.")
    result: dict[str, np.ndarray] = {}
    for name in sorted(shapes):
        array = np.asarray(weights[name])
        if array.shape != shapes[name]:
            raise InstrumentError(
                f"The instrument's weight {name} has shape {array.shape}; its model needs {shapes[name]}."
            )
        if array.dtype.kind != "f":
            raise InstrumentError(f"The instrument's weight {name} holds {array.dtype}; weights are float32.")
        array = np.ascontiguousarray(array, "<f4").view()
        if not np.isfinite(array).all():
            raise InstrumentError(
                f"The instrument's weight {name} holds values that are not numbers; train or download it again."
            )
        array.flags.writeable = False
        result[name] = array
    return MappingProxyType(result)


def _naturals(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**40 for value in values)


def _bad(name: str) -> InstrumentError:
    return InstrumentError(f"The instrument's weight {ascii(name)[:80]} is not a float32 array inside the file.")
