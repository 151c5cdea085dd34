"""CRC-32C, the checksum in TFRecord files: Google's C library, and the mask that TFRecord files put over it.

Reference: tensorflow/core/lib/hash/crc32c.h.
"""

import google_crc32c

_MASK_DELTA = 0xA282EAD8


def crc32c(data: bytes | bytearray | memoryview) -> int:
    """The CRC-32C of anything bytes-like."""
    return google_crc32c.value(bytes(data))  # the library itself turns bytearray and memoryview away


def masked(data: bytes | bytearray | memoryview) -> int:
    """The CRC-32C as TFRecord files store it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF
