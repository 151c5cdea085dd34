"""A written score unrolled: its measures in the order in which they are sung, in seconds.

Grace notes are sung before the beat and take their time from the note before; ties become one note; a staccato note is
half as long.
"""

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from ddsing.errors import ScoreError
from ddsing.play.repeats import Signs
from ddsing.play.score import DEFAULT_BPM, MAX_NOTES, Note, Part

GRACE_S = 0.08
MAX_TIME_S = 24 * 3600.0
MEZZOFORTE = 0.62
_LEAST_GRACE_S = 0.02
_STACCATO = 0.5


@dataclass
class Written:
    """A note as it is written in a measure.

    Attributes
    ----------
    at, length : Fraction
        In quarter notes from the beginning of the measure.
    midi : float
        As it sounds.
    velocity : float or None
        None for what the dynamics before it say.
    grace : bool
        Whether it is a grace note; the note that it belongs to follows.
    """

    at: Fraction
    length: Fraction
    midi: float
    voice: str
    velocity: float | None = None
    grace: bool = False
    tie_begins: bool = False
    tie_ends: bool = False
    breath: bool = False
    short: bool = False


@dataclass
class Measure:
    """A measure of one part: its notes, and where tempo (quarter notes per minute) and loudness change."""

    notes: list[Written] = field(default_factory=list)
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    dynamics: list[tuple[Fraction, float]] = field(default_factory=list)
    length: Fraction = Fraction(0)
    signs: Signs = field(default_factory=Signs)


@dataclass
class Staves:
    """A part as it is written."""

    name: str
    program: int | None
    percussion: bool
    lyrics: bool = False
    measures: list[Measure] = field(default_factory=list)


def together(signs: Sequence[Signs]) -> Signs:
    """What all parts say about the order at one measure, as one."""
    found = Signs()
    for one in signs:
        found = Signs(
            forward=found.forward or one.forward,
            backward=found.backward or one.backward,
            times=max(found.times, one.times),
            ending=found.ending or one.ending,
            ends=found.ends or one.ends,
            dacapo=found.dacapo or one.dacapo,
            fine=found.fine or one.fine,
            dalsegno=found.dalsegno or one.dalsegno,
            segno=found.segno or one.segno,
            tocoda=found.tocoda or one.tocoda,
            coda=found.coda or one.coda,
        )
    return found


def parts(staves: Sequence[Staves], order: Sequence[int]) -> tuple[tuple[Part, ...], tuple[tuple[float, float], ...]]:
    """The parts as they are sung, each voice with notes as one, and the tempos as in `Score`."""
    time = _Time(staves, order)
    found = []
    for part in staves:
        voices = list(dict.fromkeys(note.voice for measure in part.measures for note in measure.notes))
        for voice in voices:
            called = f"{part.name}, voice {voice}" if len(voices) > 1 else part.name
            notes = tuple(_Voice(part, voice, time).notes())
            if notes:
                found.append(Part(called, notes, part.program, part.percussion, part.lyrics))
    return tuple(found), time.tempos


class _Time:
    """Where each measure that is sung begins, and the seconds of its quarter notes.

    Attributes
    ----------
    order : Sequence[int]
        Measures by number.
    begins : list[float]
        In quarter notes.
    tempos : tuple[tuple[float, float], ...]
        As in `Score`.
    """

    def __init__(self, staves: Sequence[Staves], order: Sequence[int]):
        lengths = [
            float(max((one.length for one in row if one is not None), default=Fraction(0)))
            for row in itertools.zip_longest(*(part.measures for part in staves))
        ]
        self.order = order
        self.begins = [0.0, *itertools.accumulate(lengths[number] for number in order)]
        changes = {0.0: DEFAULT_BPM}
        for begin, number in zip(self.begins, order):
            there = [part.measures[number].tempos for part in staves if number < len(part.measures)]
            for at, bpm in sorted(itertools.chain(*there), key=lambda change: change[0]):
                changes[begin + float(at)] = bpm
        self._quarters, self._bpm = zip(*sorted(changes.items()))
        gaps = [60.0 * (b - a) / bpm for a, b, bpm in zip(self._quarters, self._quarters[1:], self._bpm)]
        self._seconds = [0.0, *itertools.accumulate(gaps)]
        self.tempos = tuple(zip(self._seconds, self._bpm))
        if self.seconds(self.begins[-1]) > MAX_TIME_S:
            raise ScoreError("The score lasts longer than a day, so it is damaged. Export it again.")

    def seconds(self, quarters: float) -> float:
        """The time of a place in the score."""
        last = bisect.bisect_right(self._quarters, quarters) - 1
        return self._seconds[last] + 60.0 * (quarters - self._quarters[last]) / self._bpm[last]


class _Voice:
    """One voice of a part, which collects its notes."""

    def __init__(self, part: Staves, voice: str, time: _Time):
        self._part, self._voice, self._time = part, voice, time
        self._found: list[Note] = []
        self._tied: dict[float, int] = {}  # places of notes that go on, by pitch
        self._graces: list[tuple[float, float]] = []  # pitch and velocity

    def notes(self) -> list[Note]:
        """All notes, in order."""
        for begin, velocity, note in self._unrolled():
            start_s, end_s = (self._time.seconds(begin + float(at)) for at in (note.at, note.at + note.length))
            if note.grace:
                self._graces.append((note.midi, velocity))
            elif not self._continues(note, start_s, end_s):
                self._sing_graces(start_s)
                self._add(note, start_s, end_s, velocity)
        return sorted(self._found, key=lambda one: (one.start_s, one.midi))

    def _unrolled(self) -> Iterator[tuple[float, float, Written]]:
        """Of each note as it is sung: where its measure begins, in quarter notes; how loud it is; and the note."""
        velocity = MEZZOFORTE
        n_notes = 0
        for begin, number in zip(self._time.begins, self._time.order):
            if number >= len(self._part.measures):
                continue
            measure = self._part.measures[number]
            changes = sorted(measure.dynamics, key=lambda change: change[0])
            for note in sorted(self._mine(measure.notes), key=lambda one: one.at):
                while changes and changes[0][0] <= note.at:
                    velocity = changes.pop(0)[1]
                n_notes += 1
                if n_notes > MAX_NOTES:
                    raise ScoreError(
                        f"The score's repeats lead to more than {MAX_NOTES:,} notes. Export it without them."
                    )
                yield begin, velocity if note.velocity is None else note.velocity, note
            velocity = changes[-1][1] if changes else velocity

    def _mine(self, notes: Iterable[Written]) -> Iterable[Written]:
        return (note for note in notes if note.voice == self._voice)

    def _continues(self, note: Written, start_s: float, end_s: float) -> bool:
        """Whether a note is the rest of one that is tied to it, which then lasts longer."""
        place = self._tied.pop(note.midi, None) if note.tie_ends else None
        if place is None or abs(self._found[place].end_s - start_s) > 0.01:
            return False
        self._found[place] = replace(
            self._found[place], end_s=end_s, held_s=0.0, breath=self._found[place].breath or note.breath
        )
        if note.tie_begins:
            self._tied[note.midi] = place
        return True

    def _add(self, note: Written, start_s: float, end_s: float, velocity: float) -> None:
        if note.short:
            end_s = start_s + _STACCATO * (end_s - start_s)
        if end_s > start_s:
            self._found.append(Note(start_s, end_s, note.midi, velocity, breath=note.breath))
            if note.tie_begins:
                self._tied[note.midi] = len(self._found) - 1

    def _sing_graces(self, start_s: float) -> None:
        """Put the grace notes before a note, into the time of the one before it."""
        graces, self._graces = self._graces, []
        if not graces:
            return
        before_s = max((one.start_s for one in self._found if one.start_s < start_s), default=0.0)
        each_s = min(GRACE_S, (start_s - before_s) / (2 * len(graces)))
        if each_s < _LEAST_GRACE_S:
            return
        begin_s = start_s - len(graces) * each_s
        for place in range(max(0, len(self._found) - 16), len(self._found)):
            one = self._found[place]
            if one.start_s < begin_s < one.end_s <= start_s + 1e-6:
                self._found[place] = replace(one, end_s=begin_s, held_s=0.0)
        for number, (midi, velocity) in enumerate(graces):
            self._found.append(Note(begin_s + number * each_s, begin_s + (number + 1) * each_s, midi, velocity))
