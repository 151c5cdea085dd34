"""What somebody has changed in how a score is sung: notes, and what is added to the curves that the style draws.

Notes are changed, added and removed against the line's own, so that those that are left alone keep their number, by
which chance is drawn: they sound as before, bit for bit. Pitch and loudness are offsets over time, so that they move
along with the style, the transposition and the loudness of whichever instrument sings. As JSON::

    {"version": 1, "line": "64 hex digits",
     "changed": [[index, [start_s, end_s, midi, velocity, breath]], ...],
     "added": [[start_s, end_s, midi, velocity, breath], ...], "removed": [index, ...],
     "pitch": [[at_s, cents], ...], "loudness": [[at_s, db], ...]}

Public: `ScoreEdit`, `line_digest`.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ddsing.constants import FRAME_RATE, MAX_F0_MIDI, MAX_TRANSFER_S
from ddsing.errors import ScoreError
from ddsing.play.expression import Curves
from ddsing.play.melody import SHORTEST_S
from ddsing.play.score import Line, Note
from ddsing.units import format_duration, midi_to_hz

VERSION = 1
MAX_POINTS, MAX_NOTES = 20_000, 10_000
MAX_CENTS, MAX_DB, MAX_S = 4_800.0, 60.0, 36_000.0
MAX_BYTES = 4_000_000
_DIGITS = {"time": 4, "pitch": 2, "loudness": 3, "note": 4}
_WHAT = {"pitch": (MAX_CENTS, "cents"), "loudness": (MAX_DB, "dB")}
OTHER = "The edit was made for other notes than these. Choose the score, part, line and stretch that it was made for."
NOTHING_LEFT = "The edit leaves no note to sing. Add a note, or put one back."
Point = tuple[float, float]


@dataclass(frozen=True)
class ScoreEdit:
    """An edit of a line.

    Attributes
    ----------
    line : str
        The digest of the line that it was made for, see `line_digest`.
    changed : tuple[tuple[int, Note], ...]
        Places in the line, from 0, rising, and the notes that are sung instead.
    added : tuple[Note, ...]
        In the order in which they were added.
    removed : tuple[int, ...]
        Places of notes that are not sung, rising.
    pitch, loudness : tuple[tuple[float, float], ...]
        Points (time in s, offset in cents or dB) with straight lines between them, and 0 before the first and after the
        last; of two at the same time the later one counts from there on.
    """

    line: str
    changed: tuple[tuple[int, Note], ...] = ()
    added: tuple[Note, ...] = ()
    removed: tuple[int, ...] = ()
    pitch: tuple[Point, ...] = ()
    loudness: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.line, str) and len(self.line) == 64):
            raise _unreadable("it does not say which notes it is for")
        if len(self.changed) + len(self.added) + len(self.removed) > MAX_NOTES:
            raise ScoreError(f"The edit changes more than {MAX_NOTES:,} notes. Change them in the score itself.")
        places = [place for place, _ in self.changed]
        if not all(_rising(one) for one in (places, self.removed)) or set(places) & set(self.removed):
            raise _unreadable("a note is changed or removed twice")
        for name in _WHAT:
            object.__setattr__(self, name, _checked(name, getattr(self, name)))
        object.__setattr__(self, "changed", tuple((place, _rounded(note)) for place, note in self.changed))
        object.__setattr__(self, "added", tuple(map(_rounded, self.added)))

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.removed or self.pitch or self.loudness)

    @property
    def digest(self) -> str:
        """The same for edits that do the same to the same line."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def notes_of(self, line: Line) -> tuple[Line, tuple[int, ...]]:
        """The line that is sung, and each note's number, by which its chance is drawn; raises `ScoreError`.

        A note ends where the next one begins; what is too short then is not sung.
        """
        if self.line != line_digest(line) or max(self._places, default=-1) >= len(line.notes):
            raise ScoreError(OTHER)
        if not (self._places or self.added):
            return line, tuple(range(len(line.notes)))
        instead, gone = dict(self.changed), set(self.removed)
        there = [(instead.get(place, note), place) for place, note in enumerate(line.notes)]
        there = [one for one in there if one[1] not in gone]
        there += [(note, len(line.notes) + place) for place, note in enumerate(self.added)]
        sung = _one_at_a_time(sorted(there, key=lambda one: (one[0].start_s, one[1])))
        if not sung:
            raise ScoreError(NOTHING_LEFT)
        if sung[-1][0].end_s > max(MAX_TRANSFER_S, line.duration_s):
            raise ScoreError(f"The edit makes the score longer than {format_duration(MAX_TRANSFER_S)}. Shorten it.")
        return replace(line, notes=tuple(note for note, _ in sung)), tuple(number for _, number in sung)

    def drawn_on(self, curves: Curves) -> Curves:
        """Curves with what is added to them; loudness where a note sounds."""
        if not (self.pitch or self.loudness):
            return curves
        time_s = np.arange(len(curves.f0_hz)) / FRAME_RATE
        highest_hz = midi_to_hz(MAX_F0_MIDI)
        f0_hz = np.clip(curves.f0_hz * 2.0 ** (_offsets(self.pitch, time_s) / 1200.0), midi_to_hz(0.0), highest_hz)
        silence_db = curves.silence_db
        level_db = np.clip(curves.loudness_db + _offsets(self.loudness, time_s), silence_db, 0.0)
        level_db = np.where(curves.sounding, level_db, curves.loudness_db).astype(np.float32)
        sounding = curves.sounding & (level_db > silence_db + 1.0)
        return replace(curves, f0_hz=f0_hz.astype(np.float32), loudness_db=level_db, sounding=sounding)

    @property
    def _places(self) -> tuple[int, ...]:
        return (*(place for place, _ in self.changed), *self.removed)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "version": VERSION,
            "line": self.line,
            "changed": [[place, _row(note)] for place, note in self.changed],
            "added": list(map(_row, self.added)),
            "removed": list(self.removed),
            "pitch": list(map(list, self.pitch)),
            "loudness": list(map(list, self.loudness)),
        }

    def to_text(self) -> str:
        """The edit as a file has it."""
        return json.dumps(self.to_json())

    @classmethod
    def from_json(cls, data: Any) -> "ScoreEdit":
        """What `to_json` gave, or a browser or a file has; anything else raises `ScoreError`."""
        if not isinstance(data, Mapping) or data.get("version") != VERSION:
            raise _unreadable(f"it is not an edit of version {VERSION}")
        unknown = set(data) - {"version", "line", "changed", "added", "removed", *_WHAT}
        if unknown:
            raise _unreadable(f"{sorted(map(str, unknown))[0][:40]!r} is unknown")
        try:
            changed = tuple((_place(place), _note(row)) for place, row in data.get("changed", ()))
            added, removed = tuple(map(_note, data.get("added", ()))), tuple(map(_place, data.get("removed", ())))
            pitch, loudness = (tuple((at_s, by) for at_s, by in data.get(name, ())) for name in _WHAT)
        except (TypeError, ValueError, OverflowError):
            raise _unreadable("a note or a point in it is none") from None
        return cls(data.get("line", ""), changed, added, removed, pitch, loudness)

    @classmethod
    def from_text(cls, text: str | bytes) -> "ScoreEdit":
        """An edit as `to_text` wrote it; anything else raises `ScoreError`."""
        if len(text) > MAX_BYTES:
            raise _unreadable(f"it is larger than {MAX_BYTES / 1e6:g} MB")
        try:
            return cls.from_json(json.loads(text))
        except (ValueError, RecursionError):
            raise _unreadable("it is not JSON") from None


def line_digest(line: Line) -> str:
    """What tells a line's notes from all others."""
    return hashlib.sha256(json.dumps([_row(note) for note in line.notes]).encode()).hexdigest()


def _one_at_a_time(notes: Sequence[tuple[Note, int]]) -> list[tuple[Note, int]]:
    """Notes, sorted by their start, of which each ends where the next begins."""
    sung: list[tuple[Note, int]] = []
    for note, number in notes:
        if sung and sung[-1][0].end_s > note.start_s:
            before, its = sung.pop()
            if note.start_s - before.start_s >= SHORTEST_S:
                sung.append((replace(before, end_s=note.start_s, held_s=note.start_s), its))
        sung.append((note, number))
    return sung


def _offsets(points: Sequence[Point], time_s: np.ndarray) -> np.ndarray:
    """What is added at each time [shape=(n_frames,), float64]."""
    if not points:
        return np.zeros(len(time_s))
    at_s, by = (np.array(column) for column in zip(*points))
    return np.interp(time_s, at_s, by, left=0.0, right=0.0)


def _checked(name: str, points: Sequence[Sequence[float]]) -> tuple[Point, ...]:
    """Points that rise in time, rounded."""
    most, unit = _WHAT[name]
    if len(points) > MAX_POINTS:
        raise ScoreError(f"The edit of the {name} has more than {MAX_POINTS:,} points. Draw it with fewer.")
    found = tuple(
        (_number(at_s, 0.0, MAX_S, _DIGITS["time"]), _number(by, -most, most, _DIGITS[name])) for at_s, by in points
    )
    if any(after[0] < before[0] for before, after in zip(found, found[1:])):
        raise _unreadable(f"the points of the {name} are not in order of time")
    return found


def _number(value: Any, low: float, high: float, digits: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _unreadable(f"{value!r:.40} is not a number from {low:g} to {high:g}")
    return round(float(value), digits) + 0.0  # which makes -0 a 0


def _rising(places: Sequence[int]) -> bool:
    return all(before < after for before, after in zip(places, places[1:]))


def _place(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError("not a place")
    return value


def _note(row: Any) -> Note:
    start_s, end_s, midi, velocity, breath = row
    if not isinstance(breath, bool | int) or not all(math.isfinite(one) for one in (start_s, end_s, midi, velocity)):
        raise ValueError("not a note")
    return Note(start_s, end_s, midi, velocity, end_s, bool(breath))


def _rounded(note: Note) -> Note:
    digits = _DIGITS["note"]
    start_s, end_s = round(note.start_s, digits), round(note.end_s, digits)
    midi, velocity = round(note.midi, digits), round(note.velocity, digits)
    return Note(start_s, end_s, midi, velocity, end_s, note.breath)


def _row(note: Note) -> list:
    return [note.start_s, note.end_s, note.midi, note.velocity, note.breath]


def _unreadable(why: str) -> ScoreError:
    return ScoreError(f"The edit of the score can't be read: {why}.")
