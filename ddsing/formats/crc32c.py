"""CRC-32C, the checksum in TFRecord files, in numpy.

A checksum is linear over bits: many stretches of the data are run through the table side by side, and their remainders
are joined afterwards. Zeros before the data change nothing, so that it can be cut into equal stretches.
"""

import functools

import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_STRETCHES = 1024
_SHORT_BYTES = 2048


def crc32c(data) -> int:
    """The CRC-32C of bytes."""
    octets = np.frombuffer(data, np.uint8)
    remainder = _short(octets) if len(octets) < _SHORT_BYTES else _long(octets)
    return int(_apply(_shift(len(octets)), np.uint32(0xFFFFFFFF)) ^ remainder ^ np.uint32(0xFFFFFFFF))


def masked(data) -> int:
    """The CRC-32C as TFRecord files store it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _short(octets):
    table, state = _byte_table().tolist(), 0
    for octet in octets.tolist():
        state = table[(state ^ octet) & 0xFF] ^ (state >> 8)
    return np.uint32(state)


def _long(octets):
    width = -(-len(octets) // (2 * _STRETCHES))  # of a stretch, in pairs of bytes
    padded = np.zeros(2 * _STRETCHES * width, np.uint8)
    padded[len(padded) - len(octets) :] = octets
    pairs = np.ascontiguousarray(padded.view("<u2").reshape(_STRETCHES, width).T)
    table, state = _pair_table(), np.zeros(_STRETCHES, np.uint32)
    for row in pairs:
        state = table[(state & np.uint32(0xFFFF)) ^ row] ^ (state >> np.uint32(16))
    n_bytes = 2 * width
    while len(state) > 1:
        state = _apply(_shift(n_bytes), state[0::2]) ^ state[1::2]
        n_bytes *= 2
    return state[0]


@functools.cache
def _byte_table():
    state = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        state = np.where(state & np.uint32(1), (state >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), state >> np.uint32(1))
    return state


@functools.cache
def _pair_table():
    table = _byte_table()
    first = table[np.arange(65536) & 0xFF] ^ (np.arange(65536, dtype=np.uint32) >> np.uint32(8))
    return table[first & np.uint32(0xFF)] ^ (first >> np.uint32(8))


@functools.lru_cache(maxsize=256)
def _shift(n_bytes: int):
    """What so many zeros after it do to a remainder: four tables, one per byte of the remainder [4, 256]."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)  # images of the single bits, at first of no zeros
    step = _byte_table()[bits & np.uint32(0xFF)] ^ (bits >> np.uint32(8))  # of one
    while n_bytes:
        if n_bytes & 1:
            bits = _times(step, bits)
        step = _times(step, step)
        n_bytes >>= 1
    octets = np.arange(256, dtype=np.uint32)
    return np.stack([_times(bits, octets << np.uint32(8 * place)) for place in range(4)])


def _times(images, values):
    """The linear map that takes single bits to `images`, of `values`."""
    chosen = (values[:, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    return np.bitwise_xor.reduce(chosen * images, axis=1)


def _apply(tables, values):
    parts = [tables[place][(values >> np.uint32(8 * place)) & np.uint32(0xFF)] for place in range(4)]
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3]
