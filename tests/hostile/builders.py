"""Small genuine instruments to mutate, and a writer of zips that no zip library would write."""

# ruff: noqa: E501

import io
import struct
import zipfile
import zlib

import numpy as np

from ddsing.instrument.format import to_bytes
from ddsing.instrument.instrument import Instrument
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import FIELDS, DatasetStatistics
from tests.support.paths import GOLDEN


def golden_members(name: str = "singing_2021") -> dict[str, bytes]:
    with zipfile.ZipFile(GOLDEN / f"{name}.zip") as file:
        return {member: file.read(member) for member in file.namelist()}


def small_config(**changes) -> ModelConfig:
    return ModelConfig(
        **{"rnn_channels": 4, "ch": 4, "layers_per_stack": 1, "n_harmonics": 5, "n_noise_bands": 3} | changes
    )


def small_weights(config: ModelConfig, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in config.weight_shapes().items()}


def small_statistics(generation: int = 3) -> DatasetStatistics:
    values = {field: (60.0 if "pitch" in field else -40.0) for field in FIELDS}
    for field in FIELDS:
        if field.startswith("std_"):
            values[field] = 2.0
        elif field.startswith("min_"):
            values[field] -= 10.0
        elif field.startswith("max_"):
            values[field] += 10.0
    return DatasetStatistics(generation, values, np.linspace(0, 1, 50), np.linspace(-60, -20, 50))


def small_instrument(**changes) -> Instrument:
    config = small_config()
    return Instrument("small", config, small_statistics(), small_weights(config)).replaced(**changes)


def native_members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(to_bytes(small_instrument()))) as file:
        return {member: file.read(member) for member in file.namelist()}


def packed(members: dict[str, bytes], *, deflate: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name), data, compress_type=8 if deflate else 0)
    return buffer.getvalue()


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def bundle(tensors: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
    """A checkpoint's index and data file, written independently of the reader (checked against TensorFlow's reader)."""
    data, entries = b"", {b"": b"\x08\x01\x1a\x02\x08\x01"}
    for name in sorted(tensors):
        raw = tensors[name].astype("<f4").tobytes()
        dims = b"".join(b"\x12" + varint(len(dim)) + dim for dim in (b"\x08" + varint(n) for n in tensors[name].shape))
        entry = b"\x08\x01" + (b"\x12" + varint(len(dims)) + dims) + (b"\x20" + varint(len(data)) if data else b"")
        entries[name.encode()] = entry + b"\x28" + varint(len(raw)) + b"\x35" + struct.pack("<I", masked_crc32c(raw))
        data += raw
    return table(entries), data


def table(entries: dict[bytes, bytes]) -> bytes:
    def block(pairs):
        body = b"".join(varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in pairs)
        return body + struct.pack("<II", 0, 1)

    blocks, out = [], b""
    contents = block(sorted(entries.items()))
    for piece in (contents, block([])):
        blocks.append((len(out), len(piece)))
        out += piece + b"\0" + struct.pack("<I", masked_crc32c(piece + b"\0"))
    index = block([(max(entries) + b"\xff", varint(blocks[0][0]) + varint(blocks[0][1]))])
    place = (len(out), len(index))
    out += index + b"\0" + struct.pack("<I", masked_crc32c(index + b"\0"))
    footer = b"".join(varint(number) for pair in (blocks[1], place) for number in pair)
    return out + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def masked_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def notebook_members(config: ModelConfig | None = None, *, step: int = 7, seed: int = 0) -> dict[str, bytes]:
    """A tiny 2021 instrument."""
    from ddsing.instrument.notebook import gin_text

    config = config or small_config(generation=1)
    tensors = {f"model/{k}/.ATTRIBUTES/VARIABLE_VALUE": v for k, v in small_weights(config, seed).items()}
    index, data = bundle(tensors | {"optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE": np.zeros(3, np.float32)})
    return {
        f"ckpt-{step}.data-00000-of-00001": data,
        f"ckpt-{step}.index": index,
        "operative_config-0.gin": gin_text(config).encode(),
        "dataset_statistics.pkl": golden_members()["dataset_statistics.pkl"],
    }


class RawZip:
    """A zip assembled header by header; any field of either header can be made to lie."""

    def __init__(self):
        self.body, self.directory, self.count = b"", b"", 0

    def add(
        self, name: str | bytes, data: bytes, *, deflate=False, local=(), central=(), at: int | None = None, body=None
    ):
        """Append a member; `local` and `central` override header fields, `at` points to bytes that exist already."""
        name = name.encode() if isinstance(name, str) else name
        stream = body if body is not None else data
        if deflate and body is None:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            stream = packer.compress(data) + packer.flush()
        fields = {
            "flags": 0, "method": 8 if deflate else 0, "crc": zlib.crc32(data), "packed": len(stream), "size": len(data),
            "attributes": 0, "name": name, "extra": b"",
        }  # fmt: skip
        inner, outer = fields | dict(local), fields | dict(central)
        offset = len(self.body) if at is None else at
        if at is None:
            self.body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, inner["flags"], inner["method"], 0, 0x5A21, inner["crc"],
                                     inner["packed"], inner["size"], len(inner["name"]), len(inner["extra"]))  # fmt: skip
            self.body += inner["name"] + inner["extra"] + stream
        self.directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x0314, 20, outer["flags"], outer["method"], 0, 0x5A21,
                                      outer["crc"], outer["packed"], outer["size"], len(outer["name"]), 0, 0, 0, 0,
                                      outer["attributes"], offset) + outer["name"]  # fmt: skip
        self.count += 1
        return self

    def done(self, *, count: int | None = None, before=b"", after=b"", between=b"") -> bytes:
        count = self.count if count is None else count
        body = before + self.body + between
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(self.directory), len(body), 0)
        return body + self.directory + end + after
