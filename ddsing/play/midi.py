"""MIDI files: notes by track and channel, with tempo, sustain pedal, pitch bend and program.

`mido` takes the file apart; here is what its messages mean, and what keeps a hostile file short: its size, the length
of a number (which mido would read without end), and its time.

Reference: Standard MIDI Files 1.0; RP-018 (pitch bend sensitivity, RPN 0).
"""

import bisect
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ddsing.errors import ScoreError
from ddsing.play.score import DEFAULT_BPM, Note, Part, Score, shown
from ddsing.units import format_bytes

MAX_BYTES = 2**20
MAX_TIME_S = 24 * 3600.0
_ENDLESS = re.compile(rb"[\x80-\xff]{4096}")  # no number, and no text, of a real file
_PERCUSSION = 9  # the channel
_SUSTAIN, _DATA, _DATA_FINE, _RPN, _RPN_FINE, _ALL_OFF = 64, 6, 38, 101, 100, (120, 123)
_PEDAL_DOWN = 64
_BEND_SEMITONES = 2.0
_SHORTEST_S = 0.005


@dataclass
class _Channel:
    """What is read of one channel of a track so far."""

    down: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    held: list[tuple[float, float, int, float]] = field(default_factory=list)  # start, end, pitch, velocity
    notes: list[Note] = field(default_factory=list)
    bends: list[tuple[float, float]] = field(default_factory=list)
    program: int | None = None
    pedal: bool = False
    sensitivity: float = _BEND_SEMITONES
    chosen: list[int] = field(default_factory=lambda: [127, 127])  # the registered parameter
    bend: float = 0.0  # -1 to 1


def is_midi(content: bytes) -> bool:
    """Whether a file begins as a MIDI file does."""
    return content[:4] == b"MThd"


def read(content: bytes, name: str, content_hash: str) -> Score:
    """The score in a MIDI file; raises `ScoreError` for what is none."""
    file = _opened(content, name)
    parts: list[Part] = []
    clock = _Clock(file.tracks, file.ticks_per_beat)
    for number, track in enumerate(file.tracks, 1):
        own = _Clock([track], file.ticks_per_beat) if file.type == 2 else clock  # type 2: each has its own time
        parts += _parts_of(track, own, number)
    return Score(name, content_hash, "MIDI", tuple(parts), clock.tempos)


def _opened(content: bytes, name: str) -> Any:
    import mido

    if len(content) > MAX_BYTES:
        raise ScoreError(
            f"{shown(name)} has {format_bytes(len(content))}; a MIDI file can have {format_bytes(MAX_BYTES)}. "
            "Export the melody's track alone."
        )
    try:
        if _ENDLESS.search(content):
            raise ValueError("a number without an end")
        file = mido.MidiFile(file=io.BytesIO(content))
        if file.type not in (0, 1, 2) or file.ticks_per_beat in (0, -1):
            raise ValueError(f"type {file.type} with {file.ticks_per_beat} ticks per beat")
    except Exception as error:  # mido raises whatever it stumbles over
        raise ScoreError(
            f"{shown(name)} is damaged and can't be read as a MIDI file ({str(error)[:80] or 'it ends too early'}). "
            "Export it again."
        ) from None
    return file


class _Clock:
    """From ticks to seconds, by all changes of tempo.

    Attributes
    ----------
    tempos : tuple[tuple[float, float], ...]
        As in `Score`.
    """

    def __init__(self, tracks: Sequence[Sequence], ticks_per_beat: int):
        self._fixed: float | None = None
        changes = [(0, 60.0 / DEFAULT_BPM)]
        if ticks_per_beat < 0:  # frames of a film per second, and ticks per frame
            frames = -(ticks_per_beat >> 8)
            ticks_per_s = (30_000 / 1001 if frames == 29 else frames) * (ticks_per_beat & 0xFF)
            changes, ticks_per_beat = [(0, 60.0 / DEFAULT_BPM)], max(1, round(ticks_per_s * 60.0 / DEFAULT_BPM))
        else:
            found = [(at, one.tempo / 1e6) for track in tracks for at, one in _absolute(track) if _slower(one)]
            changes += sorted(found, key=lambda change: change[0])
        self._ticks, self._seconds, self._rates = [0], [0.0], [changes[0][1] / ticks_per_beat]
        for at, beat_s in changes[1:]:
            self._seconds.append(self.seconds(at))
            self._ticks.append(at)
            self._rates.append(beat_s / ticks_per_beat)
        known = dict(zip(self._seconds, (60.0 / (rate * ticks_per_beat) for rate in self._rates)))
        self.tempos = tuple(known.items())

    def seconds(self, tick: int) -> float:
        """The time of a tick."""
        last = bisect.bisect_right(self._ticks, tick) - 1
        seconds = self._seconds[last] + (tick - self._ticks[last]) * self._rates[last]
        if seconds > MAX_TIME_S:
            raise ScoreError("The MIDI file lasts longer than a day, so it is damaged. Export it again.")
        return seconds


def _slower(message: Any) -> bool:
    """Whether a message sets a tempo at which time goes on."""
    return message.type == "set_tempo" and message.tempo > 0


def _absolute(track: Sequence) -> Iterable[tuple[int, Any]]:
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def _parts_of(track: Sequence, clock: _Clock, number: int) -> list[Part]:
    """The parts of a track, one for each of its channels that has notes."""
    name, lyrics, end_s = "", False, 0.0
    channels: dict[int, _Channel] = defaultdict(_Channel)
    for tick, message in _absolute(track):
        end_s = clock.seconds(tick)
        if message.type == "track_name" and not name:
            name = _text(message.name)
        elif message.type == "lyrics":
            lyrics = True
        elif not message.is_meta and hasattr(message, "channel"):
            _take_in(channels[message.channel], message, end_s)
    parts = []
    for channel, found in sorted(channels.items()):
        _release_all(found, end_s)
        if found.notes:
            called = name or f"Track {number}"
            several = sum(bool(one.notes) for one in channels.values()) > 1
            called = f"{called}, channel {channel + 1}" if several else called
            notes = tuple(sorted(found.notes, key=lambda note: (note.start_s, note.midi)))
            parts.append(Part(called, notes, found.program, channel == _PERCUSSION, lyrics, _bends(found.bends)))
    return parts


def _text(raw: str) -> str:
    """A name as it was meant: mido reads Latin-1, and most programs write UTF-8."""
    content = raw.encode("latin-1", "replace")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = raw
    return " ".join("".join(char for char in text if char.isprintable()).split())[:80]


def _take_in(channel: _Channel, message: Any, at_s: float) -> None:
    kind = message.type
    if kind == "note_on" and message.velocity > 0:
        channel.down[message.note].append((at_s, message.velocity / 127.0))
    elif kind in ("note_on", "note_off"):
        _release(channel, message.note, at_s)
    elif kind == "pitchwheel":
        channel.bend = message.pitch / (8191.0 if message.pitch > 0 else 8192.0)
        channel.bends.append((at_s, channel.bend * channel.sensitivity))
    elif kind == "program_change" and channel.program is None:
        channel.program = message.program
    elif kind == "control_change":
        _control(channel, message.control, message.value, at_s)


def _control(channel: _Channel, control: int, value: int, at_s: float) -> None:
    if control == _SUSTAIN:
        channel.pedal = value >= _PEDAL_DOWN
        if not channel.pedal:
            _lift(channel, at_s)
    elif control in (_RPN, _RPN_FINE):
        channel.chosen[control == _RPN_FINE] = value
    elif control in (_DATA, _DATA_FINE) and channel.chosen == [0, 0]:
        whole = int(channel.sensitivity)
        channel.sensitivity = float(value) if control == _DATA else whole + min(value, 99) / 100.0
    elif control in _ALL_OFF:
        channel.pedal = False
        _release_all(channel, at_s)


def _release(channel: _Channel, pitch: int, at_s: float) -> None:
    """A key goes up: the note that has been down for longest ends, or the pedal holds it."""
    if channel.down.get(pitch):
        start_s, velocity = channel.down[pitch].pop(0)
        channel.held.append((start_s, at_s, pitch, velocity))
        if not channel.pedal:
            _lift(channel, at_s)


def _lift(channel: _Channel, at_s: float) -> None:
    """The pedal goes up, or is up: what it holds has ended."""
    for start_s, end_s, pitch, velocity in channel.held:
        end_s = max(end_s, start_s + _SHORTEST_S)
        channel.notes.append(Note(start_s, end_s, float(pitch), velocity, held_s=max(at_s, end_s)))
    channel.held.clear()


def _release_all(channel: _Channel, at_s: float) -> None:
    for pitch in list(channel.down):
        while channel.down[pitch]:
            _release(channel, pitch, at_s)
    _lift(channel, at_s)


def _bends(bends: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Without those that change nothing."""
    kept, last = [], 0.0
    for at_s, semitones in bends:
        if semitones != last:
            kept.append((at_s, semitones))
            last = semitones
    return tuple(kept)
