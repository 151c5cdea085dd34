"""What is measured of singing, note by note.

A note is a stretch of clear pitch in which the pitch, freed of its vibrato, hardly moves. Notes that follow each other
without a rest are connected by a glide.

- Vibrato: the swing between 3 and 9 Hz of notes of 0.7 s and more, by its spectrum's peak (rate) and its envelope
  (depth, and when it reaches a quarter, half and three quarters of it: delay and growth).
- Portamento: from 20 to 80 % of the interval, which takes 41 % of a half cosine.
- Overshoot: how far the pitch goes beyond the note within 0.2 s after a glide, as a share of the interval.
- Attack, release: from 20 to 80 % of the note's amplitude.
- Swell: the slope on both sides of a peak, and the peak's place, that fit the loudness of all long notes best.

What pitch tracker and loudness blur, by the length of their windows, is taken off.

Reference: scipy.signal; Herrera & Bonada 1998 (vibrato by the spectrum of the pitch).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage, signal

from ddsing.constants import FRAME_RATE
from ddsing.sound.features import CLEAR
from ddsing.units import hz_to_midi

TOGETHER = {  # numbers that are measured on the same notes, by the first of them
    "vibrato_hz": ("vibrato_hz", "vibrato_cents", "vibrato_delay_s", "vibrato_growth_s", "vibrato_db"),
    "portamento_s": ("portamento_s", "overshoot"),
    "attack_s": ("attack_s",),
    "release_s": ("release_s",),
    "arch_db_per_s": ("arch_db_per_s", "arch_peak"),
}
_SMOOTH_FRAMES = 45  # a period of slow vibrato
_STEADY_ST_PER_S = 4.0
_SHORTEST_FRAMES, _LONG_FRAMES = 30, 175
_SLIP_FRAMES, _SLIP_ST = 13, 1.5  # where the pitch leaves what is around it, the tracker has slipped
_QUIET_DB = 30.0  # below the voice's loud frames
_BAND_HZ = (3.0, 9.0)
_LEAST_CENTS, _LEAST_SHARE = 8.0, 0.5
_GLIDE_ST = (1.5, 12.5)
_GLIDE_FRAMES = 100  # longest way between connected notes
_RAMP_PART = 0.410
_TRACKED = {"blur_s": 0.010, "vibrato": 1.18}  # what CREPE's windows of 64 ms take off, measured on synthesised voices
_DRAWN = {"blur_s": 0.0, "vibrato": 1.0}
_SETTLED = slice(60, 100)
_STRAIGHT_SHARE = 0.25
_EDGE_FRAMES = 30  # of a note, in which it begins and ends
_PEAKS = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True, eq=False)
class Singing:
    """A stretch of singing: curves [shape=(n_frames,)], pitch in MIDI numbers, and where it is clear enough."""

    midi: np.ndarray
    loudness_db: np.ndarray
    voiced: np.ndarray

    @classmethod
    def of(cls, f0_hz: np.ndarray, f0_confidence: np.ndarray, loudness_db: np.ndarray) -> "Singing":
        """From features; what is far softer than the rest is a rest."""
        loudness_db = np.asarray(loudness_db, np.float64)
        loud_db = np.percentile(loudness_db, 90) if len(loudness_db) else 0.0
        voiced = (np.asarray(f0_confidence) >= CLEAR) & (loudness_db > loud_db - _QUIET_DB)
        midi = hz_to_midi(f0_hz)
        around = ndimage.median_filter(midi, _SLIP_FRAMES)
        midi = np.where(np.abs(midi - around) > _SLIP_ST, around, midi)
        return cls(midi, loudness_db, ndimage.binary_closing(voiced, np.ones(5)) & (np.asarray(f0_hz) > 0))


@dataclass(frozen=True)
class Sung:
    """A note: its frames from `start` to before `stop`, and whether it begins and ends at a rest."""

    start: int
    stop: int
    after_rest: bool
    before_rest: bool


@dataclass(frozen=True)
class Measured:
    """What was measured of a voice.

    Attributes
    ----------
    values : Mapping[str, float]
        Medians over its notes, by the names of `Style`.
    notes : Mapping[str, int]
        Of how many notes each is.
    long_notes, with_vibrato : int
        How many long notes have a clear course, and how many of these have vibrato.
    """

    values: Mapping[str, float]
    notes: Mapping[str, int]
    long_notes: int
    with_vibrato: int

    def straight(self, least: int) -> bool:
        """Whether a voice of at least so many long notes sings without vibrato, but for a few of them."""
        return self.long_notes >= least and self.with_vibrato < _STRAIGHT_SHARE * self.long_notes

    def to_json(self) -> dict:
        """A plain dictionary."""
        counts = {"long_notes": self.long_notes, "with_vibrato": self.with_vibrato}
        return {"values": dict(self.values), "notes": dict(self.notes), **counts}

    @classmethod
    def from_json(cls, data: Mapping) -> "Measured":
        """From what `to_json` wrote; raises what is wrong with anything else."""
        values = {str(name): float(value) for name, value in data["values"].items()}
        notes = {name: int(data["notes"][name]) for name in values}
        if not np.isfinite(list(values.values())).all():
            raise ValueError("a value is not a number")
        return cls(values, notes, int(data["long_notes"]), int(data["with_vibrato"]))


@dataclass
class _Found:
    """Measurements of single notes, by the names of `Style`."""

    blur_s: float
    values: dict[str, list[float]] = field(default_factory=dict)
    swells: list[np.ndarray] = field(default_factory=list)
    long_notes: int = 0
    with_vibrato: int = 0

    def add(self, **values: float | None) -> None:
        for name, value in values.items():
            if value is not None and np.isfinite(value):
                self.values.setdefault(name, []).append(float(value))


def measure(stretches: Iterable[Singing], *, tracked: bool = True) -> Measured:
    """Measure all notes of some singing.

    Parameters
    ----------
    tracked : bool
        Whether the curves were found in a recording, whose analysis blurs them; else they were drawn.
    """
    lost = _TRACKED if tracked else _DRAWN
    found = _Found(blur_s=lost["blur_s"])
    for singing in stretches:
        notes = notes_of(singing)
        for note in notes:
            _measure_edges(singing, note, found)
            if note.stop - note.start >= _LONG_FRAMES:
                _measure_vibrato(singing, note, found)
                found.swells.append(singing.loudness_db[note.start : note.stop])
        for before, after in zip(notes, notes[1:]):
            if after.start == before.stop:
                _measure_glide(singing, before, after, found)
    values = {name: float(np.median(column)) for name, column in found.values.items()}
    values |= {name: values[name] * lost["vibrato"] for name in ("vibrato_cents",) if name in values}
    counts = {name: len(column) for name, column in found.values.items()}
    if found.swells:
        values["arch_db_per_s"], values["arch_peak"] = _swell(found.swells)
        counts["arch_db_per_s"] = counts["arch_peak"] = len(found.swells)
    return Measured(values, counts, found.long_notes, found.with_vibrato)


def notes_of(singing: Singing) -> list[Sung]:
    """The notes of a stretch, in order."""
    found: list[Sung] = []
    for start, stop in _runs(singing.voiced):
        begun = len(found)
        midi = singing.midi[start:stop]
        if len(midi) < _SHORTEST_FRAMES:
            continue
        smooth = ndimage.uniform_filter1d(
            ndimage.median_filter(midi, 5), min(_SMOOTH_FRAMES, len(midi)), mode="nearest"
        )
        slope = np.gradient(ndimage.uniform_filter1d(smooth, 5)) * FRAME_RATE
        inside = [one for one in _runs(np.abs(slope) < _STEADY_ST_PER_S) if one[1] - one[0] >= _SHORTEST_FRAMES // 2]
        for number, (first, last) in enumerate(inside):
            at_start, at_end = number == 0 and first < 40, number == len(inside) - 1 and len(midi) - last < 40
            begin, end = (0 if at_start else first), (len(midi) if at_end else last)
            if end - begin >= _SHORTEST_FRAMES:
                found.append(Sung(start + begin, start + end, at_start, at_end))
        found[begun:] = _meeting(singing.midi, found[begun:])
    return found


def _meeting(midi: np.ndarray, notes: Sequence[Sung]) -> list[Sung]:
    """Notes without a rest between them; those that are connected meet where the pitch passes the middle."""
    found = list(notes)
    for place, (before, after) in enumerate(zip(notes, notes[1:])):
        if not 0 <= after.start - before.stop <= _GLIDE_FRAMES:
            continue
        levels = [float(np.median(midi[one.start : one.stop])) for one in (before, after)]
        if abs(levels[1] - levels[0]) < 0.7:
            continue
        way = (midi[before.stop : after.start + 1] - levels[0]) / (levels[1] - levels[0])
        passed = np.flatnonzero(way >= 0.5)
        border = before.stop + (int(passed[0]) if len(passed) else 0)
        found[place], found[place + 1] = replace(found[place], stop=border), replace(after, start=border)
    return found


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def _unblurred(measured_s: float, blur_s: float) -> float:
    """A time without what a window of the analysis adds to it."""
    return float(np.sqrt(max(measured_s**2 - blur_s**2, 0.0)))


def _measure_vibrato(singing: Singing, note: Sung, found: _Found) -> None:
    midi = singing.midi[note.start : note.stop]
    inner = slice(6, len(midi) - 6)
    low, high = _BAND_HZ
    poles = signal.butter(2, [low - 0.5, high + 1.0], "bandpass", fs=FRAME_RATE, output="sos")
    swing = signal.sosfiltfilt(poles, midi - np.median(midi), padlen=min(len(midi) - 1, 100))
    envelope = 100.0 * np.abs(signal.hilbert(swing))
    late = slice(len(midi) // 2, int(0.88 * len(midi)))
    depth, rate_hz, share = float(np.median(envelope[late])), *_peak(swing[len(midi) // 3 : inner.stop])
    if depth >= _LEAST_CENTS and share < _LEAST_SHARE:
        return  # the pitch was not followed well enough to tell
    found.long_notes += 1
    if depth < _LEAST_CENTS:
        return
    found.with_vibrato += 1
    quarter, half, three = (_reached(envelope[inner], level * depth) for level in (0.25, 0.5, 0.75))
    growth_s = None if quarter is None or three is None else 3.0 * (three - quarter) / FRAME_RATE
    delay_s = None if half is None or growth_s is None else (inner.start + half) / FRAME_RATE - growth_s / 2.0
    loudness = signal.sosfiltfilt(poles, singing.loudness_db[note.start : note.stop], padlen=min(len(midi) - 1, 100))
    along = float((loudness[late] * swing[late]).sum() / max((swing[late] ** 2).sum(), 1e-12))
    found.add(
        vibrato_hz=rate_hz,
        vibrato_cents=depth,
        vibrato_delay_s=None if delay_s is None else max(0.0, delay_s),
        vibrato_growth_s=growth_s,
        vibrato_db=max(0.0, along * depth / 100.0),
    )


def _peak(swing: np.ndarray) -> tuple[float, float]:
    """The strongest frequency of a swing within the band, in Hz, and the share of the energy around it."""
    spectrum = np.abs(np.fft.rfft((swing - swing.mean()) * np.hanning(len(swing)), 4096)) ** 2
    hz = np.fft.rfftfreq(4096, 1.0 / FRAME_RATE)
    band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
    best = int(np.argmax(np.where(band, spectrum, 0.0)))
    near = np.abs(hz - hz[best]) < 1.5
    return float(hz[best]), float(spectrum[near].sum() / max(spectrum.sum(), 1e-12))


def _reached(envelope: np.ndarray, level: float) -> float | None:
    """The frame from which an envelope stays above a level, up to its middle."""
    below = np.flatnonzero(envelope[: int(0.7 * len(envelope))] < level)
    return None if len(below) == 0 or below[-1] + 1 >= int(0.7 * len(envelope)) else float(below[-1] + 1)


def _measure_glide(singing: Singing, before: Sung, after: Sung, found: _Found) -> None:
    border, midi = after.start, singing.midi
    first = float(np.median(midi[max(before.start, border - 65) : border - _GLIDE_FRAMES // 4]))
    settled = midi[border + _SETTLED.start : min(after.stop, border + _SETTLED.stop)]
    last = float(np.median(settled)) if len(settled) else np.nan
    interval = last - first
    if not _GLIDE_ST[0] <= abs(interval) <= _GLIDE_ST[1]:
        return
    way = (midi[max(before.start, border - 60) : min(after.stop, border + 75)] - first) / interval
    start, end = _last_below(way, 0.2), _first_above(way, 0.8)
    if start is None or end is None or end <= start:
        return
    found.add(portamento_s=_unblurred((end - start) / FRAME_RATE, found.blur_s) / _RAMP_PART)
    beyond = way[int(end) : int(end) + 50]
    if len(beyond) >= 25:
        found.add(overshoot=float(np.clip(ndimage.median_filter(beyond, 5).max() - 1.0, 0.0, 0.5)))


def _first_above(values: np.ndarray, level: float) -> float | None:
    """Where a curve first reaches a level, between frames."""
    above = np.flatnonzero(values >= level)
    if not len(above) or above[0] == 0:
        return None
    k = int(above[0])
    return k - float((values[k] - level) / (values[k] - values[k - 1]))


def _last_below(values: np.ndarray, level: float) -> float | None:
    """Where a curve leaves a level for good before it has first passed the middle."""
    middle = np.flatnonzero(values >= 0.5)
    below = np.flatnonzero(values[: middle[0]] < level) if len(middle) else np.zeros(0, int)
    if not len(below):
        return None
    k = int(below[-1])
    return k + float((level - values[k]) / max(values[k + 1] - values[k], 1e-9))


def _measure_edges(singing: Singing, note: Sung, found: _Found) -> None:
    """Attack and release of a note at rests."""
    body = singing.loudness_db[note.start + 20 : note.stop - 20]
    if len(body) < 20:
        return
    if note.after_rest and note.start >= 40:
        part = singing.loudness_db[note.start - 40 : note.start + 45]
        found.add(attack_s=_ramp_s(part, float(np.median(body[:40])), found.blur_s))
    if note.before_rest and note.stop + 40 <= len(singing.loudness_db):
        part = singing.loudness_db[note.stop - 45 : note.stop + 40][::-1]
        found.add(release_s=_ramp_s(part, float(np.median(body[-40:])), found.blur_s))


def _ramp_s(loudness_db: np.ndarray, level_db: float, blur_s: float) -> float | None:
    """How long a rise to a level takes, in seconds; None where it does not come from silence."""
    amplitude = 10.0 ** ((loudness_db - level_db) / 20.0)
    if amplitude[:10].min() > 0.1:
        return None
    start, end = _last_below(amplitude, 0.2), _first_above(amplitude, 0.8)
    if start is None or end is None or end <= start:
        return None
    return _unblurred((end - start) / FRAME_RATE, blur_s) / _RAMP_PART


def _swell(notes: Sequence[np.ndarray]) -> tuple[float, float]:
    """The slope in dB/s on both sides of a peak, and the peak's place, 0 to 1, that fit best."""
    rest, slopes = np.zeros(len(_PEAKS)), np.zeros((len(_PEAKS), len(notes)))
    for column, loudness_db in enumerate(notes):
        inner = slice(_EDGE_FRAMES, len(loudness_db) - _EDGE_FRAMES)
        level = ndimage.uniform_filter1d(loudness_db[inner], _SMOOTH_FRAMES, mode="nearest")
        level = level - level.mean()
        at_s = np.arange(len(loudness_db)) / FRAME_RATE
        for row, peak in enumerate(_PEAKS):
            far = -np.abs(at_s - peak * at_s[-1])[inner]
            far -= far.mean()
            slopes[row, column] = (far * level).sum() / (far**2).sum()
            rest[row] += ((level - max(0.0, slopes[row, column]) * far) ** 2).sum()
    best = int(np.argmin(rest))
    return max(0.0, float(np.median(slopes[best]))), float(_PEAKS[best])
