"""From a line of notes to the curves that an instrument is given: pitch and loudness, 250 frames per second.

Each note is drawn by itself and depends on its neighbours only, with chance from the seed and its own number: changing
one note leaves all others as they were.

- Connected notes glide into each other in an S, half before the written time and half after, so that the pitch passes
  the middle of the interval on time; a glide overshoots and settles. A note after a rest may scoop up from below.
- Vibrato begins late in a note, grows, and ends with it; rate and depth vary a little. Loudness swings along.
- Attack and release are halves of a cosine in amplitude, -6 dB at the written time.
- How loud a note is comes from its velocity: a share of the voice's own loudness quantiles.

Reference: ``playing.md`` of the project's notes, after OpenUtau, Saitou et al. 2005, Timmers & Desain 2000.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ddsing.constants import DB_RANGE, FRAME_RATE, MAX_F0_MIDI
from ddsing.model.statistics import DatasetStatistics
from ddsing.play.score import Line, Note
from ddsing.play.style import Style
from ddsing.sound.phrase import DEFAULT_RANGE_DB
from ddsing.units import midi_to_hz

TAIL_S = 0.5  # of silence after the last note
MAX_OVERSHOOT_CENTS = 50.0
_BREATH_SHARE = 0.4  # of a note that a breath may take
_LEAST_PERIODS = 1.5  # of a vibrato, or there is none
_FADE_S, _FADE_SHARE = 0.08, 0.1  # of the vibrato at a note's end
_DRIFT_HZ, _WANDER_HZ = (1.0, 10.0), (0.0, 2.0)  # lowest and highest; slower drift would put whole notes out of tune
_LOUD_ATTACK = 0.5
_SMOOTH_BEND_FRAMES = 5
_SMOOTH_ARCH_FRAMES = 15
_NOTHING_S = 1e-3  # what is shorter happens at once
_MEETING_S = 1.0  # how far a note's pitch is drawn into the next one, whose glide leaves it


@dataclass(frozen=True, eq=False)
class Loudness:
    """What a voice's loudness is.

    Attributes
    ----------
    references, quantiles : np.ndarray [shape=(n,), float64]
        As in `DatasetStatistics`, in dB.
    silence_db : float
        Where nothing sounds.
    """

    references: np.ndarray
    quantiles: np.ndarray
    silence_db: float

    @classmethod
    def of(cls, statistics: DatasetStatistics | None, *, generation: int) -> "Loudness":
        """An instrument's; that of a usual voice where it is not known."""
        silence_db = -DB_RANGE[generation]
        if statistics is None:
            return cls(np.array([0.0, 1.0]), np.array(DEFAULT_RANGE_DB[generation]), silence_db)
        return cls(statistics.references, statistics.quantiles, silence_db)

    def of_velocity(self, velocity: float, style: Style) -> float:
        """How loud a note is, in dB."""
        return float(np.interp(style.soft + velocity * (style.loud - style.soft), self.references, self.quantiles))


@dataclass(frozen=True, eq=False)
class Curves:
    """What is sung.

    Attributes
    ----------
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,), float32]
        Frame k is at k / 250 s; pitch is held where nothing sounds.
    sounding : np.ndarray [shape=(n_frames,), bool]
        Where a note sounds.
    generation : int
        ddsp generation of the loudness.
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray
    sounding: np.ndarray
    generation: int

    @property
    def silence_db(self) -> float:
        """The loudness where nothing sounds."""
        return -DB_RANGE[self.generation]


def curves(
    line: Line,
    style: Style,
    loudness: Loudness,
    *,
    generation: int,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
) -> Curves:
    """The curves of a line in a style; the same for the same seed.

    Parameters
    ----------
    numbers : Sequence of int, optional
        Of each note, by which its chance is drawn; by default its place.
    """
    notes = breathed(line.notes, style)
    n_frames = int(np.ceil((notes[-1].end_s + style.release_s + TAIL_S) * FRAME_RATE)) + 1
    time_s = np.arange(n_frames) / FRAME_RATE
    connected = _connected(notes, style)
    midi, level_db = np.full(n_frames, notes[0].midi), np.full(n_frames, loudness.silence_db)
    _draw_steps(midi, time_s, notes, connected, style)
    for group in _groups(connected):
        _draw_loudness(level_db, time_s, [notes[place] for place in group], style, loudness)
    for number, note in zip(range(len(notes)) if numbers is None else numbers, notes):
        frames, swing = _vibrato(note, n_frames, style, np.random.default_rng([seed, number]))
        midi[frames] += style.vibrato_cents / 100.0 * swing
        level_db[frames] += style.vibrato_db * swing
    midi += _drift(n_frames, style, np.random.default_rng([seed, 2**32 - 1])) / 100.0
    midi += _bent(line.bends, time_s)
    sounding = level_db > loudness.silence_db + 1.0
    level_db = np.clip(level_db, loudness.silence_db, 0.0)
    f0_hz = midi_to_hz(np.clip(midi, 0.0, MAX_F0_MIDI))
    return Curves(f0_hz.astype(np.float32), level_db.astype(np.float32), sounding, generation)


def breathed(notes: Sequence[Note], style: Style) -> tuple[Note, ...]:
    """The notes, each that ends in a breath a little shorter, as long as the next one follows at once."""
    found = []
    for note, following in zip(notes, [*notes[1:], None]):
        if note.breath and following is not None:
            room_s = style.breath_s - (following.start_s - note.end_s)
            shorter_s = min(max(0.0, room_s), _BREATH_SHARE * note.duration_s)
            note = replace(note, end_s=note.end_s - shorter_s, held_s=0.0)
        found.append(note)
    return tuple(found)


def _connected(notes: Sequence[Note], style: Style) -> list[bool]:
    """Of each note but the first, whether it is sung in one breath with the one before."""
    pairs = itertools.pairwise(notes)
    return [not before.breath and after.start_s - before.end_s < style.legato_gap_s for before, after in pairs]


def _groups(connected: Sequence[bool]) -> Iterator[list[int]]:
    """The places of notes that are sung in one breath."""
    group = [0]
    for place, together in enumerate(connected, 1):
        if not together:
            yield group
            group = []
        group.append(place)
    yield group


def _s_curve(x: np.ndarray) -> np.ndarray:
    """From 0 to 1 as a half cosine, for x from 0 to 1."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0.0, 1.0))


def _slice(start_s: float, end_s: float, n_frames: int) -> slice:
    first = max(0, int(np.ceil(start_s * FRAME_RATE - 1e-9)))
    return slice(min(first, n_frames), min(n_frames, max(first, int(np.ceil(end_s * FRAME_RATE - 1e-9)))))


def _draw_steps(
    midi: np.ndarray, time_s: np.ndarray, notes: Sequence[Note], connected: Sequence[bool], style: Style
) -> None:
    """The pitch without what lives in it: each note's own, glides, overshoots and scoops."""
    for place, note in enumerate(notes):
        following = notes[place + 1] if place + 1 < len(notes) else None
        until_s = time_s[-1] + 1.0 if following is None else following.start_s + _MEETING_S
        if place and connected[place - 1]:
            before = notes[place - 1]
            glide_s = min(style.portamento_s, before.duration_s, note.duration_s)
            frames = _slice(note.start_s - glide_s / 2, until_s, len(midi))
            since_s = time_s[frames] - note.start_s + glide_s / 2
            way = _s_curve(since_s / glide_s) if glide_s > _NOTHING_S else np.ones(len(since_s))
            settled = note.midi + _overshoot(since_s - glide_s, note.midi - before.midi, style)
            midi[frames] += way * (settled - midi[frames])
        else:
            lead_s, scoop_s = _attack_s(note, style) / 2, min(style.scoop_s, note.duration_s / 2)
            frames = _slice(note.start_s - lead_s, until_s, len(midi))
            since_s = time_s[frames] - note.start_s + lead_s
            way = _s_curve(since_s / scoop_s) if scoop_s > _NOTHING_S else np.ones(len(since_s))
            midi[frames] = note.midi - style.scoop_semitones * (1.0 - way)


def _overshoot(since_s: np.ndarray, interval: float, style: Style) -> np.ndarray:
    """In semitones, from the end of a glide on: a swing beyond the note that dies away."""
    peak = np.clip(style.overshoot * interval, -MAX_OVERSHOOT_CENTS / 100.0, MAX_OVERSHOOT_CENTS / 100.0)
    since_s = np.maximum(since_s, 0.0)
    x = since_s / style.overshoot_s
    return peak * x * np.exp(1.0 - x)  # its peak, after one decay, is as high as asked for


def _vibrato(note: Note, n_frames: int, style: Style, chance: np.random.Generator) -> tuple[slice, np.ndarray]:
    """Frames of a note's vibrato, and its swing there, -1 to 1 but for its irregularity."""
    onset_s = max(style.vibrato_delay_s, style.vibrato_delay_share * note.duration_s)
    length_s = note.duration_s - onset_s
    frames = _slice(note.start_s + onset_s, note.end_s, n_frames)
    n = frames.stop - frames.start
    if style.vibrato_cents == 0.0 or length_s < _LEAST_PERIODS / style.vibrato_hz or n < 2:
        return slice(0, 0), np.zeros(0)
    since_s = np.arange(n) / FRAME_RATE
    wander = style.vibrato_irregularity * _noise(n, _WANDER_HZ, chance)
    phase = 2 * np.pi * np.cumsum(style.vibrato_hz * (1.0 + wander)) / FRAME_RATE
    fade_s = min(max(_FADE_S, _FADE_SHARE * note.duration_s), 0.5 * length_s)
    shape = _s_curve(since_s / style.vibrato_growth_s) if style.vibrato_growth_s > _NOTHING_S else np.ones(n)
    shape = shape * _s_curve((length_s - since_s) / fade_s)
    return frames, shape * (1.0 + style.vibrato_irregularity * _noise(n, _WANDER_HZ, chance)) * np.sin(phase)


def _noise(n: int, band_hz: tuple[float, float], chance: np.random.Generator) -> np.ndarray:
    """Noise between two frequencies, of standard deviation 1 in the long run [shape=(n,)]."""
    from scipy import signal

    settle = 2 * FRAME_RATE
    poles, level = _filter(band_hz)
    return signal.sosfilt(poles, chance.standard_normal(n + settle))[settle:] / level


@functools.lru_cache(maxsize=4)
def _filter(band_hz: tuple[float, float]) -> tuple[np.ndarray, float]:
    """A band's filter, and what it makes of noise of standard deviation 1."""
    from scipy import signal

    low_hz, high_hz = band_hz
    kind = {"Wn": [low_hz, high_hz], "btype": "bandpass"} if low_hz else {"Wn": high_hz, "btype": "lowpass"}
    poles = signal.butter(2, **kind, fs=FRAME_RATE, output="sos")
    _, response = signal.sosfreqz(poles, 4096)
    return poles, np.sqrt((np.abs(response) ** 2).mean())


def _drift(n_frames: int, style: Style, chance: np.random.Generator) -> np.ndarray:
    if style.drift_cents == 0.0:
        return np.zeros(n_frames)
    return style.drift_cents * _noise(n_frames, _DRIFT_HZ, chance)


def _bent(bends: Sequence[tuple[float, float]], time_s: np.ndarray) -> np.ndarray:
    """What bends a part's pitch, in semitones; steps are smoothed over 20 ms."""
    if not bends:
        return np.zeros(len(time_s))
    at_s, semitones = (np.array(column) for column in zip(*bends))
    held = np.concatenate([[0.0], semitones])[np.searchsorted(at_s, time_s + 0.25 / FRAME_RATE, side="right")]
    box = np.ones(_SMOOTH_BEND_FRAMES) / _SMOOTH_BEND_FRAMES
    return np.convolve(np.pad(held, _SMOOTH_BEND_FRAMES // 2, mode="edge"), box, mode="valid")


def _attack_s(note: Note, style: Style) -> float:
    """A loud note begins faster."""
    loud = np.clip((note.velocity - 0.5) / 0.4, 0.0, 1.0)
    return min(style.attack_s * (1.0 - (1.0 - _LOUD_ATTACK) * loud), note.duration_s)


def _draw_loudness(
    level_db: np.ndarray, time_s: np.ndarray, notes: Sequence[Note], style: Style, loudness: Loudness
) -> None:
    """The loudness of notes that are sung in one breath."""
    attack_s, release_s = _attack_s(notes[0], style), min(style.release_s, notes[-1].duration_s)
    frames = _slice(notes[0].start_s - attack_s / 2, notes[-1].end_s + release_s / 2, len(level_db))
    here_s = time_s[frames]
    level = np.full(len(here_s), loudness.of_velocity(notes[0].velocity, style))
    for note, before in zip(notes[1:], notes):
        step = loudness.of_velocity(note.velocity, style) - loudness.of_velocity(before.velocity, style)
        level += step * _s_curve((here_s - note.start_s) / max(style.portamento_s, 0.02) + 0.5)
    level += _arches(here_s, notes, style)
    rise = _s_curve((here_s - notes[0].start_s) / max(attack_s, 1e-9) + 0.5)
    fall = _s_curve((notes[-1].end_s - here_s) / max(release_s, 1e-9) + 0.5)
    level += 20.0 * np.log10(np.maximum(rise * fall, 1e-6))
    level_db[frames] = np.maximum(level_db[frames], np.maximum(level, loudness.silence_db))


def _arches(time_s: np.ndarray, notes: Sequence[Note], style: Style) -> np.ndarray:
    """How notes swell and fade, in dB around their level: 0 on average over each, without steps between them."""
    found = np.zeros(len(time_s))
    for note, following in zip(notes, [*notes[1:], None]):
        first, last = np.searchsorted(time_s, [note.start_s, note.end_s if following is None else following.start_s])
        far_s = np.abs(time_s[first:last] - note.start_s - style.arch_peak * note.duration_s)
        if len(far_s):
            found[first:last] = -style.arch_db_per_s * (far_s - far_s.mean())
    window = np.hanning(_SMOOTH_ARCH_FRAMES + 2)[1:-1]
    return np.convolve(np.pad(found, _SMOOTH_ARCH_FRAMES // 2, mode="edge"), window / window.sum(), mode="valid")
