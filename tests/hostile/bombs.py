"""Zips that ask for much more than they are; ``python -m tests.hostile.bombs ZIP`` opens one and measures it."""

import json
import struct
import sys
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from tests.hostile.builders import RawZip, bundle, native_members, notebook_members, packed, small_config


def overlap() -> bytes:
    """One packed body of 10 MB of zeros, claimed by fifty members."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(10 * 2**20)
    body = packer.compress(zeros) + packer.flush()
    made = RawZip().add("ckpt-1.index", zeros, deflate=True, body=body)
    for index in range(50):
        made.add(f"{index}", zeros, deflate=True, body=body, at=0)
    return made.done()


def shifted_overlap() -> bytes:
    """Members quoted inside each other: each local header lies in the body of the one before."""
    made = RawZip()
    inner = RawZip().add("b", bytes(2**20)).body
    made.add("a", inner)
    made.add("b", bytes(2**20), at=len(made.body) - len(inner))
    return made.done()


def entries_65535() -> bytes:
    made = RawZip()
    piece = RawZip().add("x", b"")
    made.body, made.directory, made.count = piece.body * 65_535, piece.directory * 65_535, 65_535
    return made.done()


def lying_count() -> bytes:
    return RawZip().add("instrument.json", b"{}").done(count=65_535)


def nested() -> bytes:
    data = bytes(50 * 2**20)
    for depth in range(5):
        data = packed({f"{depth}-{index}.zip": data for index in range(2)} if depth else {"zeros": data}, deflate=True)
    return packed(native_members() | {"inner.zip": data})


def ratio() -> bytes:
    return packed({"ckpt-1.index": bytes(400 * 2**20)}, deflate=True)


def lying_small() -> bytes:
    """Declares a kilobyte and unpacks to 400 MB."""
    return (
        RawZip()
        .add("instrument.json", bytes(400 * 2**20), deflate=True, local={"size": 1000}, central={"size": 1000})
        .done()
    )


def lying_large() -> bytes:
    """Declares 4 GB of stored data in 100 bytes."""
    lie = {"size": 2**32 - 2, "packed": 2**32 - 2}
    return RawZip().add("instrument.json", bytes(100), local=lie, central=lie).done()


def many_large() -> bytes:
    made = RawZip()
    body = bytes(2**20)
    for index in range(64):
        made.add(f"{index}", body * 20, deflate=True)
    return made.done()


def just_below_ratio() -> bytes:
    """A data file that unpacks 99-fold to 250 MB, under a checkpoint that needs little of it."""
    rng = np.random.default_rng(0)
    block = rng.bytes(10_000) + bytes(980_000)
    members = notebook_members()
    return packed(members | {"weights.bin": block * 250, "instrument.json": block * 100}, deflate=True)


def large_manifest() -> bytes:
    text = b'{"format": "ddsing-instrument", "x": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
    return packed(native_members() | {"instrument.json": text})


def large_model() -> bytes:
    """A few bytes that ask for a model of gigabytes."""
    members = native_members()
    document = json.loads(members["instrument.json"])
    document["model"] |= {"rnn_channels": 4096, "ch": 4096, "layers_per_stack": 16}
    return packed(members | {"instrument.json": json.dumps(document).encode()})


def large_tensors() -> bytes:
    """A safetensors header that places a weight at terabytes."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**39]}}).encode()
    return packed(native_members() | {"weights.safetensors": struct.pack("<Q", 2**60) + header})


def pickle_memo() -> bytes:
    """Nine bytes that take two gigabytes in a reader that keeps its memo as an array."""
    return packed(notebook_members() | {"dataset_statistics.pkl": b"\x80\x03Nr\xff\xff\xff\x7f."})


def large_checkpoint() -> bytes:
    """A 2021 zip whose gin text asks for a large model that its index, too, claims to hold."""
    config = small_config(generation=1, rnn_channels=4096, ch=4096)
    members = notebook_members()
    from ddsing.instrument.notebook import gin_text

    index, data = bundle({"model/x": np.zeros(3, np.float32)})
    return packed(
        members
        | {
            "operative_config-0.gin": gin_text(config).encode(),
            "ckpt-7.index": index,
            "ckpt-7.data-00000-of-00001": data,
        }
    )


BOMBS = {
    make.__name__: make
    for make in (
        overlap, shifted_overlap, entries_65535, lying_count, nested, ratio, lying_small, lying_large, many_large,
        just_below_ratio, large_manifest, large_model, large_tensors, pickle_memo, large_checkpoint,
    )
}  # fmt: skip


def main(path: str) -> None:
    from ddsing.errors import DdsingError
    from ddsing.instrument import open_any
    from tests.hostile.watch import peak_mb
    from tests.support.counting import counted_calls

    written = _written()
    calls: Counter = Counter()
    try:
        with counted_calls() as calls:
            open_any(Path(path))
        outcome = ""
    except DdsingError as error:
        outcome = str(error)
    print(
        json.dumps(
            {
                "refusal": outcome,
                "calls": sum(calls.values()),
                "memory_mb": max(peak_mb(), peak_mb(children=True)),
                "written_mb": (_written() - written) / 2**20,
            }
        )
    )


def _written() -> int:
    """Bytes that this process and the children that it waited for have written, where the system counts them."""
    try:
        fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(fields["wchar"])
    except OSError:
        return 0


if __name__ == "__main__":
    main(sys.argv[1])
