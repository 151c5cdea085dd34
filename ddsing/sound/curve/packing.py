"""Arrays as short text that gives back the same bits: zlib in base 64, each byte of the numbers beside its like.

Public: `packed`, `unpacked`.
"""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np

from ddsing.errors import SettingsError


def packed(values: np.ndarray) -> str:
    """Numbers [shape=(n,), float32] as text."""
    planes = np.ascontiguousarray(values, "<f4").view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode("ascii")


def unpacked(text: str, most: int) -> np.ndarray:
    """The numbers of a text [shape=(n,), float32], `most` at most; raises `SettingsError` for any other text."""
    try:
        inflate = zlib.decompressobj()
        content = inflate.decompress(base64.b64decode(text, validate=True), 4 * most + 1)
        if not inflate.eof or len(content) > 4 * most or len(content) % 4 or not content:
            raise ValueError
    except (TypeError, ValueError, binascii.Error, zlib.error):
        raise SettingsError("A curve of the pitch edit can't be read. Import it again.") from None
    planes = np.frombuffer(content, np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<f4").ravel().astype(np.float32)
