"""The notes that are sung in a pitch curve.

A note is a stretch in which the slow contour stays with one semitone of the recording's own tuning: it must go a fifth
of a semitone beyond the middle between two before it counts as the other. What is shorter than 100 ms is a way between
notes, and belongs half to each neighbour. A note's pitch is the median of the slow contour in it.

Public: `Note`, `notes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddsing.sound.curve.contour import Curve, pieces, split

_LEAST = 25  # frames
_BEYOND = 0.7  # semitones off a note's middle until it is another


@dataclass(frozen=True)
class Note:
    """A note that is sung.

    Attributes
    ----------
    start, end : int
        Its frames, `end` not included.
    midi : float
        Its pitch.
    """

    start: int
    end: int
    midi: float


def notes(curve: Curve, start: int = 0, end: int | None = None) -> list[Note]:
    """The notes of a stretch in their order; cut where it begins and ends."""
    end = len(curve.f0_hz) if end is None else min(end, len(curve.f0_hz))
    found: list[Note] = []
    midi = curve.midi
    offset = _tuning(midi[curve.sung])
    for piece in pieces(curve, start, end):
        slow, _ = split(midi[piece])
        for first, last in _runs(slow - offset):
            a, b = max(piece.start + first, start), min(piece.start + last, end)
            if b - a >= min(_LEAST, end - start):
                found.append(Note(a, b, float(np.median(slow[a - piece.start : b - piece.start]))))
    return found


def _tuning(midi: np.ndarray) -> float:
    """How far what is sung lies off the semitones of A4 = 440 Hz: the circular mean, -0.5 to 0.5."""
    return float(np.angle(np.exp(2j * np.pi * midi).mean()) / (2 * np.pi)) if len(midi) else 0.0


def _runs(slow: np.ndarray) -> list[tuple[int, int]]:
    """Where the contour stays with a semitone: first frame, and the one after the last."""
    nearest, current = np.empty(len(slow)), np.rint(slow[0])
    for index, value in enumerate(slow):
        if abs(value - current) > _BEYOND:
            current = np.rint(value)
        nearest[index] = current
    edges = [0, *(np.flatnonzero(np.diff(nearest)) + 1), len(slow)]
    edges = [_crossing(slow, nearest, int(edge)) for edge in edges]
    runs = [(a, b) for a, b in zip(edges[:-1], edges[1:]) if b > a]
    while len(runs) > 1:
        shortest = min(range(len(runs)), key=lambda index: runs[index][1] - runs[index][0])
        if runs[shortest][1] - runs[shortest][0] >= _LEAST:
            break
        runs = _merged(runs, shortest)
    return runs


def _crossing(slow: np.ndarray, nearest: np.ndarray, edge: int) -> int:
    """Where the contour was halfway between the two notes of an edge, which hysteresis has put later."""
    if not 0 < edge < len(slow):
        return edge
    middle = (nearest[edge - 1] + nearest[edge]) / 2
    upwards = nearest[edge] > nearest[edge - 1]
    at = edge
    while at > 0 and (slow[at - 1] > middle if upwards else slow[at - 1] < middle):
        at -= 1
    return at


def _merged(runs: list[tuple[int, int]], index: int) -> list[tuple[int, int]]:
    """The runs without one of them, whose neighbours meet in its middle."""
    start, end = runs[index]
    middle = (start + end) // 2
    before, after = list(runs[:index]), list(runs[index + 1 :])
    if before:
        before[-1] = (before[-1][0], end if not after else middle)
    if after:
        after[0] = (start if not before else middle, after[0][1])
    return before + after
