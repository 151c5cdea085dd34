"""Where the windows of a recording lie, and which are held out of the training.

A window is 4 s long and begins every second of the *whole* recording: more of it is used than by ddsp's own
preparation, which cuts a recording into chunks of 20 s first, whose borders no window crosses, and fills the last chunk
with zeros. What is left at the end of a recording gets one more window, aligned to its end. Only a recording shorter
than a window is filled with zeros.

Held out are about 6 % of the windows, at most 32, in stretches of four; none of fewer than 8. Which, depends on the
sounds alone: each stretch has a rank from its recording's hash, and the first in rank are taken. What overlaps them is
on *guard*: it is neither trained on nor evaluated.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddsing.constants import FRAME_RATE, HOP_SAMPLES
from ddsing.dataset.analysis import WINDOW_FRAMES, WINDOW_SAMPLES, RecordingFeatures
from ddsing.sound.features import CLEAR
from ddsing.units import hz_to_midi

HOP_FRAMES = FRAME_RATE  # of the windows
HELD_OUT_SHARE, MAX_HELD_OUT = 0.06, 32
MIN_WINDOWS = 8  # of a dataset that holds some out
_STRETCH = 4  # windows
_SMALL = 40  # windows; so few are held out at the edges, which costs less of the rest


@dataclass(frozen=True)
class Place:
    """A window: its recording by hash, its first frame, and what is heard in it."""

    file_hash: str
    start_frame: int
    confidence: float
    silence: float
    clipping: float
    midi: float
    loudness_db: float

    @property
    def key(self) -> tuple[str, int]:
        """What it is called in a selection."""
        return self.file_hash, self.start_frame


def starts(n_samples: int) -> list[int]:
    """First frames of the windows of a recording."""
    if n_samples <= WINDOW_SAMPLES:
        return [0]
    last = (n_samples - WINDOW_SAMPLES) // HOP_SAMPLES
    found = list(range(0, last + 1, HOP_FRAMES))
    return found if found[-1] == last else [*found, last]


def places(file_hash: str, n_samples: int, features: RecordingFeatures) -> list[Place]:
    """The windows of a recording."""
    return [_place(file_hash, start, features) for start in starts(n_samples)]


def _place(file_hash: str, start: int, features: RecordingFeatures):
    part = slice(start, start + WINDOW_FRAMES)
    sounding = ~features.silent[part]
    voiced = sounding & (features.f0_confidence[part] >= CLEAR)
    return Place(
        file_hash,
        start,
        confidence=float(features.f0_confidence[part][sounding].mean()) if sounding.any() else 0.0,
        silence=float(1.0 - sounding.mean()),
        clipping=float(features.clipped[part].mean()),
        midi=float(np.median(hz_to_midi(features.f0_hz[part])[voiced])) if voiced.any() else float("nan"),
        loudness_db=float(features.loudness_db[part][sounding if sounding.any() else slice(None)].mean()),
    )


def states(windows: Sequence[Place], excluded: set[tuple[str, int]]) -> list[str]:
    """What becomes of each window: ``train``, ``held_out``, ``guard`` or ``excluded``."""
    held_out = np.zeros(len(windows), bool)
    held_out[_held_out(windows)] = True
    guard = np.zeros(len(windows), bool)
    for rows in _by_recording(windows).values():
        guard[rows] = _overlapping(windows, rows, rows[held_out[rows]])
    found = np.select([held_out, guard], ["held_out", "guard"], "train").tolist()
    return ["excluded" if window.key in excluded else state for window, state in zip(windows, found)]


def _held_out(windows: Sequence[Place]) -> list[int]:
    """Rows of the windows to hold out."""
    if len(windows) < MIN_WINDOWS:
        return []
    wanted = min(max(round(HELD_OUT_SHARE * len(windows)), 1), MAX_HELD_OUT)
    stretches = []
    for file_hash, rows in _by_recording(windows).items():
        for first in range(0, len(rows), min(wanted, _STRETCH)):
            stretch = rows[first : first + min(wanted, _STRETCH)]
            silence = np.mean([windows[row].silence for row in stretch])
            cost = int(_overlapping(windows, rows, stretch).sum()) if len(windows) < _SMALL else 0
            lot = hashlib.sha256(f"{file_hash} {windows[stretch[0]].start_frame}".encode()).hexdigest()
            stretches.append((silence > 0.5, cost, lot, stretch))
    ranked = [row for *_, stretch in sorted(stretches, key=lambda entry: entry[:3]) for row in stretch]
    return ranked[:wanted]


def _by_recording(windows: Sequence[Place]) -> dict[str, np.ndarray]:
    """Rows of each recording's windows."""
    rows: dict[str, list[int]] = {}
    for row, window in enumerate(windows):
        rows.setdefault(window.file_hash, []).append(row)
    return {file_hash: np.array(found) for file_hash, found in rows.items()}


def _overlapping(windows: Sequence[Place], rows: Sequence[int] | np.ndarray, others: Sequence[int] | np.ndarray):
    """Which of a recording's windows overlap some others of it; [shape=(len(rows),), bool]."""
    begins = np.array([[windows[row].start_frame] for row in rows])
    theirs = np.array([windows[row].start_frame for row in others])
    return (np.abs(begins - theirs) < WINDOW_FRAMES).any(axis=1)
