"""Mutants of ddsp-vst's files: their bytes, the model's tables, and a zip behind that lies; and files made by hand."""

import io
import json
import struct
import zipfile

from ddsing.instrument.vst import reading
from tests.support.paths import GOLDEN

N_MUTANTS = 3_000
_TABLES = 9_000  # bytes at a model's end that are mostly its tables, not its weights


def genuine() -> list[bytes]:
    return [(GOLDEN / f"vst_{maker}.tflite").read_bytes() for maker in ("ddsp", "ddsing")]


def run(data: bytes):
    return reading.read(data, name="x")


def cases(rng, folder, n_mutants):
    wholes = genuine()
    for index in range(n_mutants):
        yield f"mutant {index}", _mutant(rng, bytearray(rng.choice(wholes)))
    for index, data in enumerate(handmade(wholes)):
        yield f"handmade {index}", data


def _mutant(rng, data: bytearray) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(8, len(data) - 4)
        if rng.random() < 0.5:
            at = min(len(data) - 4, rng.choice((rng.randrange(8, 3_000), len(data) - rng.randrange(4, _TABLES))))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            struct.pack_into("<I", data, at & ~3, rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, rng.randrange(2**32))))
        elif kind == 2:
            del data[at : at + rng.choice((1, 4, 64, 4096))]
        else:
            return bytes(data[:at])
        if len(data) < 100:
            break
    return bytes(data)


def handmade(wholes: list[bytes]) -> list[bytes]:
    """None of these is an instrument."""
    model = wholes[0]
    renamed = [
        model.replace(old, new)
        for old, new in (
            (b"call_f0_scaled:0", b"call_f0_scale..0"),
            (b"StatefulPartitionedCall:3", b"StatefulPartitionedCall:4"),
            (b"StatefulPartitionedCall:2", b"StatefulPartitionedCall:1"),
        )
    ]
    ends = [model[:8], model[:40], model[: len(model) // 2], b"\0\0\0\0TFL3", b"\xff\xff\xff\xffTFL3" + bytes(100)]
    to_itself = [struct.pack("<I", 8) + b"TFL3" + struct.pack("<iI", offset, 0) * 20 for offset in (0, 4, -4, 2**30)]
    # A root whose every field is the same table, and a table that points to itself.
    loop = struct.pack("<I4sHHHHHHHHHHi", 28, b"TFL3", 20, 16, *[4] * 8, 20) + struct.pack("<3I", 3, 4, 2**32 - 4)
    return [*renamed, *ends, *to_itself, loop, _nan(model)]


def _nan(model: bytes) -> bytes:
    """A weight that is no number: the first run of plausible float32 after the tables."""
    data = bytearray(model)
    for at in range(1_000, len(data) - 64, 4):
        values = struct.unpack_from("<16f", data, at)
        if all(1e-3 < abs(value) < 3.0 for value in values):
            struct.pack_into("<f", data, at, float("nan"))
            return bytes(data)
    raise AssertionError("no weights found")


def with_zip(model: bytes, document) -> bytes:
    """A model with another ``metadata.json`` behind it."""
    buffer = io.BytesIO(model)
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("metadata.json", document if isinstance(document, bytes) else json.dumps(document))
    return buffer.getvalue()
