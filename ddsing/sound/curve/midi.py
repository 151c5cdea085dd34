"""The notes of a pitch curve as a standard MIDI file, and back.

Each note is preceded by a pitch bend that says how far it lies off its key, within two semitones (RPN 0), so that
nothing is lost between the keys. What is read is made one voice: of notes that begin together the highest, and a note
ends where the next begins. A pitch bend counts as it is when the note begins; drums (channel 10) are left out.

Public: `read`, `write`.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ddsing.constants import FRAME_RATE
from ddsing.errors import FeaturesError
from ddsing.sound.curve.operations import MAX_FRAMES, MAX_NOTES
from ddsing.sound.curve.segments import Note

if TYPE_CHECKING:
    import mido

MAX_BYTES = 500_000
_TICKS, _BEAT_US = 960, 500_000  # per beat, at 120 beats a minute: 0.52 ms
_RANGE, _MOST = 2.0, 8191  # semitones that the largest bend stands for
_DRUMS = 9


def write(notes: Sequence[Note], *, velocities: Sequence[int] = ()) -> bytes:
    """A MIDI file with the notes on one channel, at 120 beats a minute.

    Parameters
    ----------
    velocities : Sequence of int, optional
        1 to 127, one for each note; 80 by default.
    """
    import mido

    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=_BEAT_US))
    for control, value in ((101, 0), (100, 0), (6, int(_RANGE)), (38, 0)):
        track.append(mido.Message("control_change", control=control, value=value))
    at = 0
    for note, velocity in zip(notes, velocities or [80] * len(notes)):
        key = min(127, max(0, round(note.midi)))
        bend = max(-_MOST - 1, min(_MOST, round((note.midi - key) / _RANGE * (_MOST + 1))))
        start, end = _tick(note.start), _tick(note.end)
        track.append(mido.Message("pitchwheel", pitch=bend, time=start - at))
        track.append(mido.Message("note_on", note=key, velocity=velocity))
        track.append(mido.Message("note_off", note=key, time=end - start))
        at = end
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=_TICKS, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


def _tick(frame: int) -> int:
    return round(frame / FRAME_RATE * 1e6 / _BEAT_US * _TICKS)


def read(content: bytes) -> list[Note]:
    """The notes of a MIDI file as one voice, at 250 frames a second; raises `FeaturesError` if it can't be read."""
    if len(content) > MAX_BYTES:
        raise FeaturesError(f"The MIDI file has {len(content):,} bytes; the limit is {MAX_BYTES:,}.")
    found = _one_voice(_sounding(content))
    if not found:
        raise FeaturesError("The MIDI file has no notes.")
    if len(found) > MAX_NOTES or found[-1].end > MAX_FRAMES:
        raise FeaturesError(
            f"The MIDI file is too long: the limit is {MAX_NOTES:,} notes in {MAX_FRAMES // FRAME_RATE} s."
        )
    return found


def _sounding(content: bytes) -> list[tuple[float, float, float]]:
    """(start in s, end in s, midi) of each note."""
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(content), clip=True)
        if file.type == 2 or file.ticks_per_beat <= 0:
            raise FeaturesError(
                "The MIDI file holds independent tracks, or counts frames of film. Export it as type 1."
            )
        return list(_notes(file))
    except FeaturesError:
        raise
    except Exception:  # mido raises whatever a damaged file leads it to
        raise FeaturesError("The MIDI file can't be read. Export it again as a standard MIDI file.") from None


def _notes(file: mido.MidiFile) -> Iterator[tuple[float, float, float]]:
    at_s = 0.0
    bends: dict[int, float] = {}
    ranges: dict[int, float] = {}
    asked: dict[tuple[int, int], int] = {}
    begun: dict[tuple[int, int], tuple[float, float]] = {}
    for message in file:
        at_s += message.time
        channel = getattr(message, "channel", _DRUMS)
        if message.is_meta or channel == _DRUMS:
            continue
        if message.type == "pitchwheel":
            bends[channel] = message.pitch / (_MOST + 1)
        elif message.type == "control_change":
            asked[channel, message.control] = message.value
            if message.control == 6 and asked.get((channel, 101)) == 0 and asked.get((channel, 100)) == 0:
                ranges[channel] = float(message.value)
        elif message.type in ("note_on", "note_off"):
            voice = (channel, message.note)
            if voice in begun:
                start_s, midi = begun.pop(voice)
                yield start_s, at_s, midi
            if message.type == "note_on" and message.velocity:
                begun[voice] = (at_s, message.note + bends.get(channel, 0.0) * ranges.get(channel, _RANGE))
    for start_s, midi in begun.values():
        yield start_s, at_s, midi


def _one_voice(notes: list[tuple[float, float, float]]) -> list[Note]:
    """At each time the note that began last, the highest of those that began together."""
    frames = sorted((round(start * FRAME_RATE), midi, round(end * FRAME_RATE)) for start, end, midi in notes)
    highest = {start: (midi, end) for start, midi, end in frames if end > start}
    starts = [*sorted(highest), MAX_FRAMES * 2]
    return [
        Note(start, min(highest[start][1], following), round(float(highest[start][0]), 4))
        for start, following in itertools.pairwise(starts)
    ]
