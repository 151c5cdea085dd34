"""How a line is moved into an instrument's range, and how well it then fits: the fit reading, of a score."""

from dataclasses import dataclass, replace

import numpy as np

from ddsing.constants import MAX_F0_MIDI
from ddsing.errors import ScoreError
from ddsing.model.statistics import DatasetStatistics
from ddsing.play.edit import ScoreEdit
from ddsing.play.expression import Curves, Loudness, curves
from ddsing.play.score import Line
from ddsing.play.style import Style
from ddsing.sound.features import Features
from ddsing.transfer import fit
from ddsing.transfer.fit import Fit
from ddsing.units import note_name

MAX_TRANSPOSE = 48  # semitones
TRACKER = "score"  # what a take says about how its pitch was found
_GOOD = 0.95  # share of a line inside the range, below which a better transposition is named
_SLACK_MIDI = 0.5
OUTSIDE = (
    "{outside:.0%} of the notes are outside the range of {name}, {low} to {high}. Transposed by {better:+d} semitones, "
    "{left:.0%} would be."
)


@dataclass(frozen=True, eq=False)
class Placed:
    """A line where it is sung.

    Attributes
    ----------
    line : Line
        Its notes there.
    curves, styled : Curves
        What is sung, and the same without what an edit adds to it.
    transpose : int
        How far it was moved, in semitones.
    fit : Fit
        The reading.
    """

    line: Line
    curves: Curves
    transpose: int
    fit: Fit
    styled: Curves


def place(
    line: Line,
    style: Style,
    statistics: DatasetStatistics | None,
    *,
    generation: int,
    seed: int = 0,
    transpose: int | None = None,
    edit: ScoreEdit | None = None,
) -> Placed:
    """Draw a line's curves, moved by `transpose` semitones, or by the octaves with which most of it is in the range.

    An edit does not change the octaves, so that the whole does not jump while a note is moved.

    Parameters
    ----------
    statistics : DatasetStatistics or None
        The instrument's; without, nothing is moved that need not be.
    generation : int
        ddsp generation of the instrument's loudness.
    """
    loudness = Loudness.of(statistics, generation=generation)
    if transpose is None:
        plain = curves(line, style, loudness, generation=generation, seed=seed)
        transpose = 12 * fit.measure(features(plain), statistics).octave_shift
    numbers = None
    if edit:
        line, numbers = edit.notes_of(line)
    moved = transposed(line, transpose)
    styled = curves(moved, style, loudness, generation=generation, seed=seed, numbers=numbers)
    drawn = edit.drawn_on(styled) if edit else styled
    return Placed(moved, drawn, transpose, fit.measure(features(drawn), statistics), styled)


def transposed(line: Line, semitones: int) -> Line:
    """A line with all notes moved; raises `ScoreError` where they can't be sung any more."""
    if abs(semitones) > MAX_TRANSPOSE:
        raise ScoreError(f"The transposition is {semitones}; it can be up to {MAX_TRANSPOSE} semitones up or down.")
    lowest, highest = (extreme(note.midi for note in line.notes) + semitones for extreme in (min, max))
    if lowest < 0.0 or highest > MAX_F0_MIDI:
        raise ScoreError(
            f"Transposed by {semitones:+d}, the score goes from {note_name(lowest)} to {note_name(highest)}; it can go "
            f"from {note_name(0)} to {note_name(MAX_F0_MIDI)}. Choose another transposition."
        )
    return replace(line, notes=tuple(replace(note, midi=note.midi + semitones) for note in line.notes))


def features(drawn: Curves) -> Features:
    """Drawn curves as if they had been found in a recording: certain where something sounds."""
    confidence = drawn.sounding.astype(np.float32)
    return Features(drawn.f0_hz, confidence, drawn.loudness_db, TRACKER, drawn.generation)


@dataclass(frozen=True)
class Better:
    """Another transposition that fits better: `transpose` semitones, and the shares outside now and with it."""

    transpose: int
    outside: float
    left: float


def better(placed: Placed, statistics: DatasetStatistics | None) -> Better | None:
    """The transposition with which more of a line would fit, where much of it does not."""
    pitch_range = None if statistics is None else statistics.pitch_range_midi
    if pitch_range is None:
        return None
    low, high = pitch_range
    midi = np.array([note.midi for note in placed.line.notes])
    length_s = np.array([note.duration_s for note in placed.line.notes])

    def outside(by: int) -> float:
        out = (midi + by < low - _SLACK_MIDI) | (midi + by > high + _SLACK_MIDI)
        return float(length_s[out].sum() / length_s.sum())

    by = min(sorted(range(-24, 25), key=abs), key=outside)
    if outside(0) <= 1.0 - _GOOD or by == 0:
        return None
    return Better(placed.transpose + by, outside(0), outside(by))


def warning(placed: Placed, statistics: DatasetStatistics | None, name: str) -> str:
    """A sentence where a line does not fit although another transposition would; else ""."""
    found = better(placed, statistics)
    if found is None or statistics is None or statistics.pitch_range_midi is None:
        return ""
    low, high = map(note_name, statistics.pitch_range_midi)
    return OUTSIDE.format(outside=found.outside, name=name, low=low, high=high, better=found.transpose, left=found.left)
