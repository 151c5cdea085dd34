"""One note at a time: which one is sung where several sound.

`highest` and `lowest` are for melodies with an accompaniment in the same part, `last` for what was played on a
keyboard. A note that another one has covered does not come back. Notes that merely overlap, as in legato playing,
follow each other: the earlier one ends where the later one begins. What the sustain pedal holds sounds on only where
nothing follows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ddsing.errors import ScoreError
from ddsing.play.score import Line, Note, Part, Score

RULES = ("highest", "lowest", "last")
OVERLAP_S, OVERLAP_SHARE = 0.06, 0.25  # of the later note: so much is legato, not a chord
SHORTEST_S = 0.03  # what is left of a note that another one has cut
TOGETHER_S = 0.04  # notes of a chord that is not quite together


def line(score: Score, part: int | None = None, rule: str = "highest") -> Line:
    """The melody of a score's part, counted from 1; of the part that seems to be for a voice, if none is named."""
    number, found = score.part(part)
    return Line(choose(found, rule), found.bends, score.tempos, score.name, score.content_hash, number, rule)


def choose(part: Part, rule: str) -> tuple[Note, ...]:
    """The notes of a part that are sung, one at a time."""
    if rule not in RULES:
        raise ScoreError(f"The line is {rule!r:.60}; it must be {', '.join(RULES)}.")
    sung: list[Note] = []
    for note in _legato(_together(part.notes, rule)):
        before = sung[-1] if sung else None
        if before is None or note.start_s >= before.end_s - 1e-9:
            sung.append(note)
        elif rule == "last" or _better(note, before, rule):
            sung[-1:] = _cut(before, note.start_s)
            sung.append(note)
    return tuple(_held(sung))


def _better(note: Note, than: Note, rule: str) -> bool:
    return note.midi < than.midi if rule == "lowest" else note.midi > than.midi


def _together(notes: Sequence[Note], rule: str) -> Iterable[Note]:
    """The notes with each chord, begun together or nearly so, reduced to the one of it that is sung."""
    chord: list[Note] = []
    for note in sorted(notes, key=lambda note: (note.start_s, note.midi)):
        if chord and (note.start_s > chord[0].start_s + TOGETHER_S or note.start_s >= min(n.end_s for n in chord)):
            yield _of_chord(chord, rule)
            chord = []
        chord.append(note)
    if chord:
        yield _of_chord(chord, rule)


def _of_chord(chord: Sequence[Note], rule: str) -> Note:
    """Of a chord; it begins with the first of its notes. The `last` of a chord is its highest."""
    chosen = (min if rule == "lowest" else max)(chord, key=lambda note: note.midi)
    return replace(chosen, start_s=chord[0].start_s)


def _legato(notes: Iterable[Note]) -> list[Note]:
    """The notes, with each one ended where the next begins if they overlap only a little."""
    found: list[Note] = []
    for note in notes:
        if found:
            overlap_s = found[-1].end_s - note.start_s
            if 0.0 < overlap_s <= max(OVERLAP_S, OVERLAP_SHARE * note.duration_s) and overlap_s < note.duration_s:
                found[-1:] = _cut(found[-1], note.start_s)
        found.append(note)
    return found


def _cut(note: Note, end_s: float) -> list[Note]:
    """A note that ends earlier; none where too little is left of it."""
    return [replace(note, end_s=end_s, held_s=end_s)] if end_s - note.start_s >= SHORTEST_S else []


def _held(notes: Sequence[Note]) -> Iterable[Note]:
    """What the pedal holds lasts until the next note."""
    for note, following in zip(notes, [*notes[1:], None]):
        end_s = note.held_s if following is None else min(note.held_s, following.start_s)
        yield replace(note, end_s=max(end_s, note.end_s), held_s=0.0)
