"""A line's curves for other programs: as CSV, and as MIDI with pitch bends.

The CSV begins as Sonic Visualiser's and CREPE's do, ``time,frequency,confidence``, with 0 Hz where nothing sounds, and
has the loudness as a fourth column. The MIDI file has the notes, the pitch as bends around them, the loudness as
expression (controller 11), and the score's own tempos, so that it lies on the bars of a DAW.
"""

import io
from collections.abc import Iterator

import numpy as np

from ddsing.constants import DB_RANGE, FRAME_RATE
from ddsing.play.expression import Curves
from ddsing.play.score import Line
from ddsing.sound.curve import tables
from ddsing.units import hz_to_midi

TICKS_PER_BEAT = 960
_EXPRESSION, _RPN, _RPN_FINE, _DATA, _DATA_FINE = 11, 101, 100, 6, 38


def csv(curves: Curves) -> bytes:
    """A row for each frame."""
    f0_hz = np.where(curves.sounding, curves.f0_hz, np.float32(0.0))
    return tables.write(f0_hz, curves.sounding.astype(np.float32), loudness_db=curves.loudness_db)


def midi(line: Line, curves: Curves) -> bytes:
    """One track of notes with bends; `line` as it was drawn in `curves`."""
    import mido

    track = mido.MidiTrack()
    bend_range = _bend_range(line, curves)
    set_up = [(_RPN, 0), (_RPN_FINE, 0), (_DATA, bend_range), (_DATA_FINE, 0), (_RPN, 127), (_RPN_FINE, 127)]
    events = [(0.0, 1, mido.Message("control_change", control=number, value=value)) for number, value in set_up]
    events += [(at_s, 0, mido.MetaMessage("set_tempo", tempo=round(6e7 / bpm))) for at_s, bpm in line.tempos]
    for note in line.notes:
        pitch, velocity = round(note.midi), max(1, round(127 * note.velocity))
        events.append((note.start_s, 4, mido.Message("note_on", note=pitch, velocity=velocity)))
        events.append((note.end_s, 2, mido.Message("note_off", note=pitch)))
    events += [(at_s, 3, mido.Message("pitchwheel", pitch=value)) for at_s, value in _bends(line, curves, bend_range)]
    events += [
        (at_s, 3, mido.Message("control_change", control=_EXPRESSION, value=value)) for at_s, value in _levels(curves)
    ]
    ticks = _Ticks(line.tempos)
    before = 0
    for at_s, _, message in sorted(events, key=lambda event: event[:2]):
        tick = ticks.of(at_s)
        track.append(message.copy(time=tick - before))
        before = tick
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


class _Ticks:
    """From seconds to ticks, over all tempos, each rounded as it is written."""

    def __init__(self, tempos: tuple[tuple[float, float], ...]):
        self._at_s = np.array([at_s for at_s, _ in tempos])
        beats_s = np.array([round(6e7 / bpm) / 1e6 for _, bpm in tempos])
        self._per_s = TICKS_PER_BEAT / beats_s
        gaps = np.round(np.diff(self._at_s) * self._per_s[:-1])
        self._begins = np.concatenate([[0.0], np.cumsum(gaps)])

    def of(self, at_s: float) -> int:
        last = int(np.searchsorted(self._at_s, at_s + 1e-9, side="right")) - 1
        return int(round(self._begins[last] + (at_s - self._at_s[last]) * self._per_s[last]))


def _deviation(line: Line, curves: Curves) -> np.ndarray:
    """How far the pitch of each frame is from its note's key, in semitones; a note holds until the next begins."""
    starts = np.array([note.start_s for note in line.notes])
    keys = np.array([round(note.midi) for note in line.notes])
    at_s = np.arange(len(curves.f0_hz)) / FRAME_RATE
    there = np.maximum(np.searchsorted(starts, at_s + 1e-9, side="right") - 1, 0)
    return hz_to_midi(curves.f0_hz) - keys[there]


def _bend_range(line: Line, curves: Curves) -> int:
    """In semitones: at least the usual 2, and as many as the widest glide needs."""
    return int(np.clip(np.ceil(np.abs(_deviation(line, curves)[curves.sounding]).max(initial=0.0)), 2, 48))


def _bends(line: Line, curves: Curves, bend_range: int) -> Iterator[tuple[float, int]]:
    values = np.clip(np.round(8191 * _deviation(line, curves) / bend_range), -8191, 8191)
    yield from _changes(np.where(curves.sounding, values, np.nan))


def _levels(curves: Curves) -> Iterator[tuple[float, int]]:
    """The loudness as a share of what its scale can express, in dB."""
    share = 1.0 + curves.loudness_db / DB_RANGE[curves.generation]
    yield from _changes(np.clip(np.round(127 * share), 0, 127))


def _changes(values: np.ndarray) -> Iterator[tuple[float, int]]:
    """The values that differ from the one before, as (seconds, value); none where one is missing."""
    last = None
    for frame in range(len(values)):
        if not np.isnan(values[frame]) and values[frame] != last:
            last = values[frame]
            yield frame / FRAME_RATE, int(last)
