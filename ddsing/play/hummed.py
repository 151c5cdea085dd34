"""From a recording of a melody, hummed or sung, to the notes of it: a line that is sung as that of a score is.

Where the notes are, `ddsing.sound.curve.segments` says, by a running median as long as a swing of vibrato: unlike a
low-pass, it does not swing beyond a leap, which would be taken for a note of its own. What is far softer than the loud
parts is a rest. A note that begins anew at the same pitch, "la la", is told by a short dip of the loudness: deeper than
those of vibrato, which were up to 6 dB in recordings of singers, and shorter than a swell. How loud a note is, its
velocity, is the share of the singing that is softer.

Public: `line`, `tuned`, `RULE`.
"""

from dataclasses import replace

import numpy as np

from ddsing.constants import FRAME_RATE
from ddsing.errors import ScoreError
from ddsing.play.score import DEFAULT_BPM, Line, Note
from ddsing.sound.curve import segments
from ddsing.sound.curve.contour import Curve
from ddsing.sound.features import Features

RULE = "hummed"
NOTHING = "No note was found in the recording. Hum or sing one note at a time, close to the microphone."
_QUIET_DB = 30.0  # below the loud parts
_SWING_FRAMES = 45  # 5.6 Hz
_DIP_DB, _DIP_FRAMES = 9.0, 50  # at least so deep and at most so long, at half its depth, where a note begins anew
_LEAST_FRAMES = 20  # of a note beside a dip


def line(features: Features, name: str, key: str) -> Line:
    """The notes of a recording, each at the pitch at which it was sung; raises `ScoreError` where there are none.

    Parameters
    ----------
    name, key : str
        Of the recording, see `ddsing.sound.recording.Recording`.
    """
    level_db = np.asarray(features.loudness_db, np.float64)
    loud_db = np.percentile(level_db, 95) if len(level_db) else 0.0
    curve = Curve.of(features)
    curve = replace(curve, voiced=curve.voiced & (level_db > loud_db - _QUIET_DB))
    sung_db = np.sort(level_db[curve.sung])
    notes = [
        Note(start / FRAME_RATE, end / FRAME_RATE, one.midi, _velocity(level_db[start:end], sung_db))
        for one in segments.notes(curve, contour=_contour)
        if one.end > one.start and one.midi >= 0.0
        for start, end in _begun_anew(level_db, one.start, one.end)
    ]
    if not notes:
        raise ScoreError(NOTHING)
    return Line(tuple(notes), (), ((0.0, DEFAULT_BPM),), name, key, 1, RULE)


def tuned(found: Line) -> Line:
    """A line with each note on the nearest semitone of A4 = 440 Hz, after the tuning of the whole was taken off."""
    midi = np.array([note.midi for note in found.notes])
    length_s = np.array([note.duration_s for note in found.notes])
    off = np.angle((length_s * np.exp(2j * np.pi * midi)).sum()) / (2 * np.pi)
    near = np.round(midi - off).clip(0.0)
    return replace(found, notes=tuple(replace(note, midi=float(one)) for note, one in zip(found.notes, near)))


def _contour(midi: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return ndimage.median_filter(midi, _SWING_FRAMES, mode="nearest")


def _begun_anew(level_db: np.ndarray, start: int, end: int) -> list[tuple[int, int]]:
    """A note's frames, parted where the loudness dips: each part ends and begins where the dip is half as deep."""
    from scipy import signal

    dips = signal.find_peaks(
        -level_db[start:end], prominence=_DIP_DB, width=(0, _DIP_FRAMES), rel_height=0.5, distance=_LEAST_FRAMES
    )[1]
    edges = start + np.round(np.stack([dips["left_ips"], dips["right_ips"]], axis=1)).astype(int)
    found = []
    for last, first in edges.tolist():
        if last - start >= _LEAST_FRAMES and end - first >= _LEAST_FRAMES:
            found.append((start, last))
            start = first
    return [*found, (start, end)]


def _velocity(level_db: np.ndarray, sung_db: np.ndarray) -> float:
    """The share of the singing that is softer than a note."""
    return float(np.searchsorted(sung_db, np.median(level_db)) / max(1, len(sung_db)))
