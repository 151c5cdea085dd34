"""What can be done to a pitch curve: each operation is a frozen dataclass that makes a new curve of one.

Frames outside the stretch stay bit-identical, and so does a curve in which a stretch lies beyond its end. What an
operation says is checked when it is made, also when it is read from somebody's recipe.

Public: `OPERATIONS` by the names that recipes use, `Operation`, `to_json`, `from_json`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np

from ddsing.constants import FRAME_RATE, MAX_TRANSFER_S
from ddsing.errors import SettingsError
from ddsing.sound.curve import packing, segments, slips
from ddsing.sound.curve.contour import HIGHEST_MIDI, LOWEST_MIDI, Curve, eased, filled, pieces, quicker, smoothed, split
from ddsing.sound.scales import CHROMATIC, CONCERT_HZ, TUNING_RANGE_HZ, Scale, off_concert
from ddsing.units import midi_to_hz

MAX_FRAMES = round(MAX_TRANSFER_S * FRAME_RATE) + 1
MAX_POINTS, MAX_NOTES = 5_000, 20_000
MAX_CENTS = 4_800.0
_SINGABLE_HZ = (np.float32(midi_to_hz(LOWEST_MIDI)), np.float32(midi_to_hz(HIGHEST_MIDI)))
RATES, DEPTHS, WIDTHS_S = (0.5, 2.0), (0.0, 2.0), (0.02, 1.0)
_MOVEMENT = 1.5  # semitones off a note's middle that are kept of what was sung
_MOSTLY = 0.6  # share of a note that must have been sung for that


class Operation(Protocol):
    """One step of an edit."""

    name: ClassVar[str]

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        ...


def _check(what: str, value: Any, low: float, high: float, *, whole: bool = False) -> None:
    fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not fits or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"The {what} of a pitch edit is {value!r:.60}; it must be {kind} from {low:g} to {high:g}.")


@dataclass(frozen=True)
class _Stretch:
    """What is done to a stretch of frames, `end` not included."""

    start: int
    end: int

    def __post_init__(self) -> None:
        _check("beginning", self.start, 0, MAX_FRAMES, whole=True)
        _check("end", self.end, 0, MAX_FRAMES, whole=True)
        if self.end <= self.start:
            raise SettingsError(f"A stretch of a pitch edit ends at frame {self.end}, before its start {self.start}.")

    def _frames(self, curve: Curve) -> np.ndarray:
        return np.arange(self.start, min(self.end, len(curve.f0_hz)))


@dataclass(frozen=True)
class Shift(_Stretch):
    """A stretch higher or lower, by cents; whole octaves are exact."""

    cents: float
    name: ClassVar[str] = "shift"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("shift in cents", self.cents, -MAX_CENTS, MAX_CENTS)

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        f0_hz, frames = curve.f0_hz.copy(), self._frames(curve)
        shifted = f0_hz[frames] * np.float32(2.0 ** (self.cents / 1200))
        f0_hz[frames] = np.clip(shifted, *_SINGABLE_HZ)
        return replace(curve, f0_hz=f0_hz)


@dataclass(frozen=True)
class Repair(_Stretch):
    """An octave slip put right: the stretch by whole octaves, and straight lines over the way there and back."""

    octaves: int
    name: ClassVar[str] = "repair"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("number of octaves", self.octaves, -4, 4, whole=True)

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        shifted = Shift(self.start, self.end, 1200.0 * self.octaves).apply(curve)
        start, end = max(0, self.start - slips.NEAR), min(len(curve.f0_hz), self.end + slips.NEAR)
        around = np.arange(start, end)
        beside = (around < self.start) | (around >= self.end)
        f0_hz = shifted.f0_hz.copy()
        known = ~(beside & ~shifted.sung[around])
        f0_hz[around] = filled(f0_hz[around], known)
        return replace(shifted, f0_hz=f0_hz)


@dataclass(frozen=True)
class Line:
    """Pitch along straight lines between points; it is sung there, whatever was there before.

    Attributes
    ----------
    points : tuple of (frame, midi)
        In ascending order of frames, two at least; the last point's frame is part of it.
    """

    points: tuple[tuple[int, float], ...]
    name: ClassVar[str] = "line"

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _rows(self.points, 2, MAX_POINTS, "points of a line"))
        for frame, midi in self.points:
            _check("line's frame", frame, 0, MAX_FRAMES, whole=True)
            _check("line's pitch (MIDI)", midi, 0, HIGHEST_MIDI)
        if len(self.points) < 2 or any(b[0] <= a[0] for a, b in zip(self.points, self.points[1:])):
            raise SettingsError("A line of a pitch edit needs at least two points, each later than the one before.")

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        at, midi = zip(*self.points)
        frames = np.arange(at[0], min(at[-1] + 1, len(curve.f0_hz)))
        return _sung(curve.with_midi(frames, np.interp(frames, at, midi)), frames)


@dataclass(frozen=True)
class Straight(_Stretch):
    """A straight line from the first clear pitch of a stretch to its last."""

    name: ClassVar[str] = "straight"

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        frames = self._frames(curve)
        if not len(frames):
            return curve
        clear = frames[curve.sung[frames]] if curve.sung[frames].any() else frames
        at, midi = [self.start, frames[-1]], curve.midi[[clear[0], clear[-1]]]
        return _sung(curve.with_midi(frames, np.interp(frames, at, midi)), frames)


@dataclass(frozen=True)
class Smooth(_Stretch):
    """What is sung in a stretch, without movement that is faster than about the window's width."""

    width_s: float = 0.1
    name: ClassVar[str] = "smooth"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("smoothing in seconds", self.width_s, *WIDTHS_S)

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        return _moved(curve, self.start, self.end, lambda midi: smoothed(midi, self.width_s))


@dataclass(frozen=True)
class Vibrato(_Stretch):
    """The vibrato of a stretch `depth` times as deep and `rate` times as fast, around the same slow contour."""

    depth: float = 1.0
    rate: float = 1.0
    name: ClassVar[str] = "vibrato"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("vibrato's depth", self.depth, *DEPTHS)
        _check("vibrato's rate", self.rate, *RATES)

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""

        def other(midi: np.ndarray) -> np.ndarray:
            slow, vibrato = split(midi)
            return slow + self.depth * quicker(vibrato, self.rate)

        return _moved(curve, self.start, self.end, other)


@dataclass(frozen=True)
class Snap(_Stretch):
    """The notes of a stretch moved towards the nearest notes of a scale; their movement stays.

    Attributes
    ----------
    amount : float
        The share of the way, 0 to 1.
    scale : str
        See `ddsing.sound.scales.Scale.parse`.
    tuning_hz : float
        Of A4.
    """

    amount: float = 1.0
    scale: str = CHROMATIC
    tuning_hz: float = CONCERT_HZ
    name: ClassVar[str] = "snap"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("snap's amount", self.amount, 0, 1)
        _check("tuning in Hz", self.tuning_hz, *TUNING_RANGE_HZ)
        object.__setattr__(self, "scale", Scale.parse(self.scale).name)

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        found = segments.notes(curve, self.start, self.end)
        if not found:
            return curve
        pitches = np.array([note.midi for note in found]) - off_concert(self.tuning_hz)
        moves = np.repeat(-self.amount * Scale.parse(self.scale).off(pitches), 2)
        at = np.array([(note.start, note.end - 1) for note in found]).reshape(-1)
        frames = np.arange(found[0].start, found[-1].end)
        midi = curve.midi[frames] + np.interp(frames, at, moves)
        return curve.with_midi(frames[curve.f0_hz[frames] > 0], midi[curve.f0_hz[frames] > 0])


@dataclass(frozen=True)
class Unvoiced(_Stretch):
    """A stretch without a pitch: its harmonics are silent, breath and consonants stay."""

    name: ClassVar[str] = "unvoiced"

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        return _unvoiced(curve, self._frames(curve))


@dataclass(frozen=True)
class Notes:
    """The melody as notes: each has its pitch and keeps the movement that was sung; long gaps are left unvoiced.

    Attributes
    ----------
    notes : tuple of (start, end, midi)
        Frames, `end` not included, in ascending order and not overlapping.
    """

    notes: tuple[tuple[int, int, float], ...]
    name: ClassVar[str] = "notes"

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", _rows(self.notes, 3, MAX_NOTES, "notes"))
        before = 0
        for start, end, midi in self.notes:
            _check("note's beginning", start, before, MAX_FRAMES, whole=True)
            _check("note's end", end, start + 1, MAX_FRAMES, whole=True)
            _check("note's pitch (MIDI)", midi, 0, HIGHEST_MIDI)
            before = end
        if not self.notes:
            raise SettingsError("A pitch edit of notes has none. Import a file with notes.")

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        n_frames, sung, midi = len(curve.f0_hz), curve.sung, curve.midi
        known, made = np.zeros(n_frames, bool), midi.copy()
        for start, end, pitch in self.notes:
            frames = slice(start, min(end, n_frames))
            if start < n_frames:
                made[frames] = pitch + _movement(midi[frames], sung[frames])
                known[frames] = True
        there = np.flatnonzero(known)
        curve = _sung(curve.with_midi(there, made[there]), there)
        curve = replace(curve, f0_hz=filled(curve.f0_hz, known))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], ~known, [False]]).astype(np.int8))).reshape(-1, 2)
        gaps = [np.arange(start, end) for start, end in edges if end - start > FRAME_RATE // 10]
        return _unvoiced(curve, np.concatenate(gaps)) if gaps else curve


@dataclass(frozen=True)
class Imported:
    """A whole curve from elsewhere, packed as text, see `ddsing.sound.curve.packing`.

    Attributes
    ----------
    f0_hz, confidence : str
        Packed; 0 Hz is unvoiced. A recording with more frames is unvoiced from the curve's end on.
    """

    f0_hz: str
    confidence: str
    name: ClassVar[str] = "imported"

    def __post_init__(self) -> None:
        f0_hz, confidence = self.arrays()
        if len(f0_hz) != len(confidence) or not (np.isfinite(confidence) & (f0_hz >= 0) & (f0_hz < np.inf)).all():
            raise SettingsError("The imported pitch curve can't be read. Import it again.")

    @classmethod
    def of(cls, f0_hz: np.ndarray, confidence: np.ndarray) -> Imported:
        """The step that puts a curve in place of what was there, float32 [shape=(n_frames,)]."""
        return cls(packing.packed(f0_hz), packing.packed(confidence))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """``f0_hz`` and ``confidence`` [shape=(n_frames,), float32]."""
        return packing.unpacked(self.f0_hz, MAX_FRAMES), packing.unpacked(self.confidence, MAX_FRAMES)

    def apply(self, curve: Curve) -> Curve:
        """The curve after it."""
        n_frames = len(curve.f0_hz)
        f0_hz, confidence = (
            np.resize(np.pad(one, (0, max(0, n_frames - len(one)))), n_frames) for one in self.arrays()
        )
        voiced = f0_hz > 0
        if not voiced.any():
            return Curve(curve.f0_hz, np.zeros_like(confidence), voiced)
        f0_hz = np.where(voiced, np.clip(f0_hz, *_SINGABLE_HZ), f0_hz)
        confidence = np.where(voiced, np.clip(confidence, 0, 1), 0).astype(np.float32)
        return Curve(filled(f0_hz, voiced), confidence, voiced)


def _rows(rows: Any, width: int, most: int, what: str) -> tuple[tuple, ...]:
    if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) > most:
        raise SettingsError(f"The {what} of a pitch edit must be a list of at most {most:,}.")
    if not all(isinstance(row, Sequence) and not isinstance(row, str) and len(row) == width for row in rows):
        raise SettingsError(f"The {what} of a pitch edit must each have {width} numbers.")
    return tuple(tuple(row) for row in rows)


def _sung(curve: Curve, frames: np.ndarray) -> Curve:
    """The curve with frames that are sung for sure."""
    voiced, confidence = curve.voiced.copy(), curve.confidence.copy()
    voiced[frames], confidence[frames] = True, 1.0
    return replace(curve, voiced=voiced, confidence=confidence)


def _unvoiced(curve: Curve, frames: np.ndarray) -> Curve:
    """The curve without a pitch in frames, where it lies between its neighbours."""
    voiced, confidence = curve.voiced.copy(), curve.confidence.copy()
    voiced[frames], confidence[frames] = False, 0.0
    return Curve(filled(curve.f0_hz, voiced), confidence, voiced)


def _movement(midi: np.ndarray, sung: np.ndarray) -> np.ndarray:
    """What was sung in a note, off its middle; 0 where too little was sung, or something else."""
    if sung.mean() < _MOSTLY:
        return np.zeros(len(midi))
    there = np.flatnonzero(sung)
    whole = np.interp(np.arange(len(midi)), there, midi[there])
    return np.clip(whole - np.median(split(whole)[0]), -_MOVEMENT, _MOVEMENT)


def _moved(curve: Curve, start: int, end: int, other: Any) -> Curve:
    """What is sung in a stretch as `other` makes it of each piece; it begins and ends where it did."""
    sung, frames = curve.midi, [np.zeros(0, int)]
    made = sung.copy()
    for piece in pieces(curve, start, end):
        first, last = max(piece.start, start), min(piece.stop, end)
        if last - first < 2:
            continue
        midi = sung[piece]
        inside = slice(first - piece.start, last - piece.start)
        share = eased(last - first)
        if first == piece.start:  # nothing is sung before: there is nothing to join
            share[: len(share) // 2] = 1.0
        if last == piece.stop:
            share[len(share) // 2 :] = 1.0
        made[first:last] = midi[inside] + share * (other(midi)[inside] - midi[inside])
        frames.append(np.arange(first, last))
    there = np.concatenate(frames)
    return curve.with_midi(there, made[there])


_KINDS: tuple[Any, ...] = (Shift, Repair, Line, Straight, Smooth, Vibrato, Snap, Unvoiced, Notes, Imported)
OPERATIONS: Mapping[str, Any] = {one.name: one for one in _KINDS}


def to_json(operation: Operation) -> dict[str, Any]:
    """An operation as a plain dictionary."""
    fields = {one.name: getattr(operation, one.name) for one in dataclasses.fields(operation)}  # type: ignore[arg-type]
    plain = {
        name: [list(row) for row in value] if isinstance(value, tuple) else value for name, value in fields.items()
    }
    return {"op": operation.name, **plain}


def from_json(data: Any) -> Operation:
    """An operation of a recipe; raises `SettingsError` for what is none."""
    kind = OPERATIONS.get(str(data.get("op"))) if isinstance(data, Mapping) else None
    if kind is None:
        raise SettingsError("A step of the pitch edit is not known. It may be of a newer ddsing.")
    names = {one.name for one in dataclasses.fields(kind)}
    try:
        return kind(**{name: value for name, value in data.items() if name in names})
    except TypeError:
        raise SettingsError(f"A step of the pitch edit, {kind.name}, lacks some of its values.") from None
