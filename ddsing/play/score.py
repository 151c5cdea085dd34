"""A score as it is sung: parts of notes in seconds, with what bends them and how fast the beat goes.

A score is read by `ddsing.play.reading` from a MIDI file or from MusicXML; both end here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ddsing import names
from ddsing.errors import ScoreError

MAX_NOTES = 100_000  # of a whole score
MAX_MIDI = 135.0  # highest note that MIDI and MusicXML can write, with a quarter tone
DEFAULT_BPM = 120.0
VOCAL_PROGRAMS = range(52, 55)  # General MIDI's choir, voice and synth voice
_VOCAL_WORDS = ("voice", "vocal", "voc.", "sing", "melod", "lead", "sopran", "alto", "tenor", "barit", "cant", "stimme")


@dataclass(frozen=True)
class Note:
    """A note of a score.

    Attributes
    ----------
    start_s, end_s : float
        As long as its key is down.
    midi : float
        Its pitch as it sounds; quarter tones are halves.
    velocity : float
        How loud it is meant, 0 to 1.
    held_s : float
        Where it ends if no other note follows: later than `end_s` where the sustain pedal holds it.
    breath : bool
        Whether the singer breathes after it.
    """

    start_s: float
    end_s: float
    midi: float
    velocity: float
    held_s: float = 0.0
    breath: bool = False

    def __post_init__(self) -> None:
        numbers = (self.start_s, self.end_s, self.midi, self.velocity, self.held_s)
        if not all(isinstance(one, int | float) and math.isfinite(one) for one in numbers):
            raise ScoreError("The score contains a note whose time, pitch or loudness is not a number.")
        if not (0.0 <= self.start_s < self.end_s and 0.0 <= self.midi <= MAX_MIDI and 0.0 <= self.velocity <= 1.0):
            raise ScoreError(
                f"The score contains a note from {self.start_s:g} s to {self.end_s:g} s at pitch {self.midi:g}, which "
                "can't be sung."
            )
        for name, value in zip(("start_s", "end_s", "midi", "velocity"), numbers):
            object.__setattr__(self, name, float(value))
        object.__setattr__(self, "held_s", float(max(self.held_s, self.end_s)))

    @property
    def duration_s(self) -> float:
        """From its start to its end."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Part:
    """One part, or one voice of it.

    Attributes
    ----------
    notes : tuple[Note, ...]
        In order of their starts.
    program : int or None
        General MIDI's number of its sound, from 0.
    percussion : bool
        Whether its notes have no pitch.
    lyrics : bool
    bends : tuple[tuple[float, float], ...]
        (time in seconds, semitones): how far all pitches are bent from that time on.
    """

    name: str
    notes: tuple[Note, ...]
    program: int | None = None
    percussion: bool = False
    lyrics: bool = False
    bends: tuple[tuple[float, float], ...] = ()

    @property
    def range_midi(self) -> tuple[float, float]:
        """The lowest and the highest note."""
        return min(note.midi for note in self.notes), max(note.midi for note in self.notes)

    @property
    def chords(self) -> bool:
        """Whether any note begins before another one ends."""
        return any(later.start_s < earlier.end_s - 1e-6 for earlier, later in zip(self.notes, self.notes[1:]))

    @property
    def vocal(self) -> bool:
        """Whether it seems to be meant for a voice: by its lyrics, its name or its sound."""
        named = any(word in self.name.casefold() for word in _VOCAL_WORDS)
        return not self.percussion and (self.lyrics or named or self.program in VOCAL_PROGRAMS)


@dataclass(frozen=True)
class Score:
    """A whole score.

    Attributes
    ----------
    name : str
        What its file is called.
    content_hash : str
        SHA-256 of the file, in hexadecimal digits.
    kind : str
        ``MIDI`` or ``MusicXML``.
    parts : tuple[Part, ...]
        Those with notes.
    tempos : tuple[tuple[float, float], ...]
        (time in seconds, quarter notes per minute), ascending, the first at 0.
    warnings : tuple[str, ...]
        What was not read as it is written.
    """

    name: str
    content_hash: str
    kind: str
    parts: tuple[Part, ...]
    tempos: tuple[tuple[float, float], ...] = ((0.0, DEFAULT_BPM),)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.parts:
            raise ScoreError(f"{shown(self.name)} contains no notes. Export the score again, with at least one part.")
        if sum(len(part.notes) for part in self.parts) > MAX_NOTES:
            raise ScoreError(f"{shown(self.name)} has more than {MAX_NOTES:,} notes. Export the part to be sung alone.")

    @property
    def duration_s(self) -> float:
        """Until the last note ends."""
        return max(note.end_s for part in self.parts for note in part.notes)

    def part(self, number: int | None = None) -> tuple[int, Part]:
        """The part with a number, from 1, and the number; without one, the first for a voice, else the first."""
        if number is None:
            ranked = sorted(enumerate(self.parts, 1), key=lambda one: (one[1].percussion, not one[1].vocal, one[0]))
            number = ranked[0][0]
        if not 1 <= number <= len(self.parts):
            has = "1 part" if len(self.parts) == 1 else f"parts 1 to {len(self.parts)}"
            raise ScoreError(f"No part {number}; {shown(self.name)} has {has}. List them with sing --list.")
        found = self.parts[number - 1]
        if found.percussion:
            raise ScoreError(f"Part {number} of {shown(self.name)} is percussion, which has no pitch to sing.")
        return number, found


@dataclass(frozen=True)
class Line:
    """One melody, as it is sung, and where it is from; what is kept beside a take, so that it can be sung again.

    Attributes
    ----------
    notes : tuple[Note, ...]
        One at a time, in order.
    bends, tempos
        As in `Part` and `Score`.
    score : str
        The score's name.
    score_hash : str
    part : int
        From 1.
    rule : str
        Which note was chosen where several sound, one of `ddsing.play.melody.RULES`.
    """

    notes: tuple[Note, ...]
    bends: tuple[tuple[float, float], ...]
    tempos: tuple[tuple[float, float], ...]
    score: str
    score_hash: str
    part: int
    rule: str

    @property
    def duration_s(self) -> float:
        """Until the last note ends."""
        return self.notes[-1].end_s

    def between(self, start_s: float, end_s: float) -> "Line":
        """What begins in a stretch of time, moved to the beginning; cut where the stretch ends."""
        kept = tuple(
            replace(
                note,
                start_s=note.start_s - start_s,
                end_s=min(note.end_s, end_s) - start_s,
                held_s=min(note.held_s, end_s) - start_s,
            )
            for note in self.notes
            if start_s <= note.start_s < end_s
        )
        if not kept:
            raise ScoreError(f"No note begins between {start_s:g} s and {end_s:g} s of {shown(self.score)}.")
        bends, tempos = (moved(points, start_s) for points in (self.bends, self.tempos))
        return replace(self, notes=kept, bends=bends, tempos=tempos)

    def to_json(self) -> dict:
        """A plain dictionary."""
        rows = [[n.start_s, n.end_s, n.midi, n.velocity, n.held_s, n.breath] for n in self.notes]
        return asdict(self) | {"notes": rows}

    @classmethod
    def from_json(cls, data: Mapping) -> "Line":
        """A line from what `to_json` wrote; raises `ScoreError` for anything else."""
        try:
            notes = tuple(Note(*row) for row in data["notes"])
            bends, tempos = (_points(data[name]) for name in ("bends", "tempos"))
            name, found = str(data["score"]), str(data["score_hash"])
            line = cls(notes, bends, tempos, name, found, int(data["part"]), str(data["rule"]))
        except (KeyError, TypeError, ValueError):
            raise ScoreError("The notes of this take can't be read. Sing the score again.") from None
        if not notes or any(b.start_s < a.start_s for a, b in zip(notes, notes[1:])):
            raise ScoreError("The notes of this take are not in order. Sing the score again.")
        return line


def _points(rows: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(at_s), float(value)) for at_s, value in rows)


def moved(points: Sequence[tuple[float, float]], start_s: float) -> tuple[tuple[float, float], ...]:
    """Values over time from `start_s` on, as if that were 0; what holds there comes first."""
    before = [value for at_s, value in points if at_s <= start_s][-1:]
    return (*((0.0, value) for value in before), *((at_s - start_s, value) for at_s, value in points if at_s > start_s))


def shown(name: str) -> str:
    """A score's name within a sentence."""
    return repr(names.read(name)[:120])
