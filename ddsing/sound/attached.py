"""A recipe that is too long for a WAV's comment, in a chunk of its own at the file's end, as zlib-compressed JSON.

Other programs pass over a chunk that they do not know.

Public: `attach`, `read`.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, BinaryIO

_NAME = b"ddsr"
_MAX_BYTES, _MAX_TEXT = 4_000_000, 20_000_000
_MAX_CHUNKS = 1_000


def attach(file: BinaryIO, recipe: dict[str, Any]) -> None:
    """Put a recipe at the end of a RIFF WAV that is open for reading and writing."""
    content = zlib.compress(json.dumps(recipe, ensure_ascii=True, separators=(",", ":")).encode("ascii"), 9)
    if len(content) > _MAX_BYTES:
        return
    n_bytes = file.seek(0, 2)
    chunk = b"\0" * (n_bytes % 2) + _NAME + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    if n_bytes + len(chunk) - 8 >= 2**32:
        return
    file.write(chunk)
    file.seek(4)
    file.write(struct.pack("<I", n_bytes + len(chunk) - 8))


def read(file: BinaryIO) -> dict[str, Any] | None:
    """The recipe at the end of a WAV; None if there is none that can be read."""
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    for _ in range(_MAX_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            return None
        size = struct.unpack("<I", chunk[4:])[0]
        if chunk[:4] == _NAME:
            return _parsed(file.read(size)) if size <= _MAX_BYTES else None
        file.seek(size + size % 2, 1)
    return None


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(content, _MAX_TEXT)
        recipe = json.loads(text) if inflate.eof else None
    except (ValueError, RecursionError, zlib.error):
        return None
    return recipe if isinstance(recipe, dict) else None
