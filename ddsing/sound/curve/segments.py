"""The notes that are sung in a pitch curve.

A note is a stretch in which the slow contour stays with one semitone of the recording's own tuning: it must go a fifth
of a semitone beyond the middle between two before it counts as the other. What is shorter than 100 ms is a way between
notes, and belongs half to each neighbour. A note's pitch is the median of the slow contour in it.

Public: `Note`, `notes`.
"""

from __future__ import annotations

from collections.abc import Callable
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


def notes(
    curve: Curve, start: int = 0, end: int | None = None, *, contour: Callable[[np.ndarray], np.ndarray] | None = None
) -> list[Note]:
    """The notes of a stretch in their order; cut where it begins and ends.

    Parameters
    ----------
    contour : callable, optional
        Makes a slow contour of a piece in semitones; by default that of `split`.
    """
    end = len(curve.f0_hz) if end is None else min(end, len(curve.f0_hz))
    found: list[Note] = []
    midi = curve.midi
    offset = _tuning(midi[curve.sung])
    for piece in pieces(curve, start, end):
        slow = split(midi[piece])[0] if contour is None else contour(midi[piece])
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
    nearest = _nearest(slow)
    edges = [0, *(np.flatnonzero(np.diff(nearest)) + 1), len(slow)]
    edges = [_crossing(slow, nearest, int(edge)) for edge in edges]
    runs = np.array([(a, b) for a, b in zip(edges[:-1], edges[1:]) if b > a])
    return [(int(a), int(b)) for a, b in _lasting(runs)]


def _nearest(slow: np.ndarray) -> np.ndarray:
    """The semitone that the contour is with, with hysteresis [shape=(n_frames,), float64]."""
    values = slow.tolist()  # plain numbers: one at a time they are several times as quick as those of an array
    current, nearest = round(values[0]), []
    for value in values:
        if abs(value - current) > _BEYOND:
            current = round(value)
        nearest.append(current)
    return np.array(nearest, np.float64)


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


def _lasting(runs: np.ndarray) -> np.ndarray:
    """Runs [shape=(n, 2)] without the too short, the shortest first; its neighbours meet in its middle."""
    while len(runs) > 1:
        lengths = runs[:, 1] - runs[:, 0]
        index = int(np.argmin(lengths))
        if lengths[index] >= _LEAST:
            break
        (start, end), last = runs[index], len(runs) - 1
        middle = (start + end) // 2
        if index > 0:
            runs[index - 1, 1] = end if index == last else middle
        if index < last:
            runs[index + 1, 0] = start if index == 0 else middle
        runs = np.delete(runs, index, axis=0)
    return runs
