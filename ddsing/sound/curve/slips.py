"""Octave slips: short stretches that a tracker put an octave too high or too low.

A stretch without a gap or a jump is a slip if it is at most 0.6 s long, a jump of 12 ± 1 semitones within 40 ms leads
to it or back, one of 12 ± 4 the other way unless there is a gap, and its median lies 12 ± 4 semitones off the median of
what is sung up to 0.8 s before and after it, where the melody may move. A tracker that follows a path gets from octave
to octave through frames without a clear pitch, so these may lie between. Singers do leap octaves: what is found is
offered, never applied by itself.

Public: `Slip`, `find`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddsing.sound.curve.contour import JUMP, Curve

NEAR = 10  # frames: the longest way from octave to octave
_LONGEST, _AROUND = 150, 200  # frames
_LEAP, _OFF = 1.0, 4.0  # semitones of tolerance


@dataclass(frozen=True)
class Slip:
    """A stretch that is probably an octave off: its frames, and by how many octaves it should be moved."""

    start: int
    end: int
    octaves: int


def find(curve: Curve) -> list[Slip]:
    """The slips of a curve in their order."""
    sung, midi = curve.sung, curve.midi
    stretches = _stretches(sung, midi)
    found: dict[int, Slip] = {}
    for index in sorted(range(len(stretches)), key=lambda one: stretches[one][1] - stretches[one][0]):
        octaves = _off(stretches, index, sung, midi)
        if octaves and not {index - 1, index + 1} & found.keys():  # the leap to a slip is that one's
            found[index] = Slip(*stretches[index], -octaves)
    return [found[index] for index in sorted(found)]


def _off(stretches: list[tuple[int, int]], index: int, sung: np.ndarray, midi: np.ndarray) -> int:
    """By how many octaves a stretch is probably off."""
    start, end = stretches[index]
    around = np.concatenate([_sung_in(midi, sung, start - _AROUND, start), _sung_in(midi, sung, end, end + _AROUND)])
    if end - start > _LONGEST or len(around) < end - start:
        return 0
    leaps = []
    if index and start - stretches[index - 1][1] <= NEAR:
        leaps.append(midi[start] - midi[stretches[index - 1][1] - 1])
    if index + 1 < len(stretches) and stretches[index + 1][0] - end <= NEAR:
        leaps.append(midi[end - 1] - midi[stretches[index + 1][0]])
    off = float(np.median(midi[start:end]) - np.median(around))
    way = 1 if off > 0 else -1
    near = all(abs(one * way - 12) <= _OFF for one in [*leaps, off])
    return way if near and any(abs(one * way - 12) <= _LEAP for one in leaps) else 0


def _stretches(sung: np.ndarray, midi: np.ndarray) -> list[tuple[int, int]]:
    joined = sung[1:] & sung[:-1] & (np.abs(np.diff(midi)) <= JUMP)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8))).reshape(-1, 2)
    return [(int(first), int(last) + 1) for first, last in edges]


def _sung_in(midi: np.ndarray, sung: np.ndarray, start: int, end: int) -> np.ndarray:
    frames = slice(max(0, start), max(0, end))
    return midi[frames][sung[frames]]
