"""Octave slips: short stretches that a tracker put an octave too high or too low.

A stretch without a gap or a jump is a slip if it is at most 0.6 s long, one of its ends is a jump of 12 ± 1 semitones
within 40 ms, and its median lies 12 ± 5 semitones off the median of what is sung up to 0.8 s before and after it, where
the melody may move. A tracker that follows a path gets from octave to octave through frames without a clear pitch, so
these may lie between. Singers do leap octaves: what is found is offered, never applied by itself.

Public: `Slip`, `find`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddsing.sound.curve.contour import JUMP, Curve

NEAR = 10  # frames: the longest way from octave to octave
_LONGEST, _AROUND = 150, 200  # frames
_LEAP, _OFF = 1.0, 5.0  # semitones of tolerance


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
    found = []
    for index, (start, end) in enumerate(stretches):
        if end - start > _LONGEST:
            continue
        before = stretches[index - 1] if index else None
        after = stretches[index + 1] if index + 1 < len(stretches) else None
        leaps = [
            *([midi[start] - midi[before[1] - 1]] if before and start - before[1] <= NEAR else []),
            *([midi[end - 1] - midi[after[0]]] if after and after[0] - end <= NEAR else []),
        ]
        around = np.concatenate(
            [_sung_in(midi, sung, start - _AROUND, start), _sung_in(midi, sung, end, end + _AROUND)]
        )
        if len(around) < end - start or not leaps:
            continue
        off = float(np.median(midi[start:end]) - np.median(around))
        leaps = [leap for leap in leaps if abs(abs(leap) - 12) <= _LEAP and leap * off > 0]
        if leaps and abs(abs(off) - 12) <= _OFF:
            found.append(Slip(start, end, -1 if off > 0 else 1))
    return found


def _stretches(sung: np.ndarray, midi: np.ndarray) -> list[tuple[int, int]]:
    joined = sung[1:] & sung[:-1] & (np.abs(np.diff(midi)) <= JUMP)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8))).reshape(-1, 2)
    return [(int(first), int(last) + 1) for first, last in edges]


def _sung_in(midi: np.ndarray, sung: np.ndarray, start: int, end: int) -> np.ndarray:
    frames = slice(max(0, start), max(0, end))
    return midi[frames][sung[frames]]
