"""Weights as safetensors: parsed by hand, so that no length in the file is believed before it is checked.

Reference: the safetensors format, https://huggingface.co/docs/safetensors (8-byte header length, JSON header, data).
"""

import math

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.formats import strict_json

MAX_HEADER_BYTES = 256 * 2**10


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


def _naturals(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**40 for value in values)


def _bad(name: str) -> InstrumentError:
    return InstrumentError(f"The instrument's weight {ascii(name)[:80]} is not a float32 array inside the file.")
