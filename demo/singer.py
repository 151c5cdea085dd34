"""A synthetic singer: harmonics of a glottal source, shaped by formants, with breath, vibrato and glides.

Everything is computed, nothing is recorded, so its sound may be shipped under the project's own licence.
"""

from dataclasses import dataclass

import numpy as np
from scipy import signal

SAMPLE_RATE = 16_000
_N_HARMONICS = 70


@dataclass(frozen=True)
class Voice:
    """A timbre: formants (centre in Hz, bandwidth in Hz, gain in dB), the source's tilt, breath and vibrato."""

    formants: tuple[tuple[float, float, float], ...]
    tilt_db_per_octave: float = -9.0
    breath: float = 0.01
    vibrato_hz: float = 5.5
    vibrato_cents: float = 35.0
    vibrato_onset_s: float = 0.35  # a note begins nearly straight, and its vibrato grows


SOPRANO = Voice(((650, 110, 0), (1080, 130, -4), (2650, 180, -12), (2900, 200, -13), (3250, 250, -18)), breath=0.005)
TENOR = Voice(
    ((400, 90, 0), (1700, 140, -10), (2500, 200, -12), (3300, 260, -16)), tilt_db_per_octave=-11.0, vibrato_cents=25.0
)
ALTO = Voice(
    ((560, 90, 0), (1050, 110, -5), (2450, 170, -15), (2950, 220, -16), (3700, 300, -22)),
    tilt_db_per_octave=-8.0,
    breath=0.012,
    vibrato_hz=5.1,
)
WHISTLER = Voice(((900, 900, 0), (2400, 600, -25)), tilt_db_per_octave=-22.0, breath=0.015, vibrato_cents=15.0)
CELLO = Voice(  # the air and wood resonances of a body, its dips between them, and the bridge's hill
    (
        (98, 14, -4),
        (176, 12, 0),
        (220, 16, -2),
        (300, 30, -7),
        (420, 35, -3),
        (590, 60, -5),
        (760, 70, -9),
        (1020, 120, -8),
        (1400, 160, -12),
        (1900, 220, -9),
        (2400, 300, -8),
        (3100, 420, -14),
    ),
    tilt_db_per_octave=-4.5,
    breath=0.007,
    vibrato_hz=5.8,
    vibrato_cents=22.0,
    vibrato_onset_s=0.5,
)


@dataclass(frozen=True)
class Note:
    """A note: MIDI number, seconds, level in dB below full voice, and the seconds of silence after it."""

    midi: float
    duration_s: float
    level_db: float = -6.0
    rest_s: float = 0.0


def sing(voice: Voice, notes: list[Note], *, seed: int = 0):
    """Sing a list of notes.

    Returns
    -------
    audio : np.ndarray [shape=(n_samples,), float32]
    f0_hz : np.ndarray [shape=(n_samples,), float64]
        The fundamental, held through the rests.
    sounding : np.ndarray [shape=(n_samples,), bool]
    """
    rng = np.random.default_rng(seed)
    midi, level, sounding, age_s = _score(notes)
    n = len(midi)
    t = np.arange(n) / SAMPLE_RATE
    midi = signal.sosfiltfilt(signal.butter(2, 9.0, fs=SAMPLE_RATE, output="sos"), midi)  # glides
    depth = voice.vibrato_cents / 100.0 * np.clip(_slow_noise(rng, n, 0.7) * 0.4 + 0.8, 0, 1.5)
    depth = depth * np.clip(age_s / voice.vibrato_onset_s, 0.2, 1.0)
    midi = midi + depth * np.sin(2 * np.pi * voice.vibrato_hz * t + 0.4 * _slow_noise(rng, n, 1.0))
    midi = midi + 0.03 * _slow_noise(rng, n, 8.0)
    f0_hz = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    gain = 10.0 ** (level / 20.0) * np.where(sounding, 1.0, 0.0)
    gain = signal.sosfiltfilt(signal.butter(1, 12.0, fs=SAMPLE_RATE, output="sos"), gain).clip(0.0)
    phase = 2 * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE
    audio = np.zeros(n)
    softness = np.clip(-level, 0.0, 40.0) / 10.0  # soft notes have fewer overtones
    for harmonic in range(1, _N_HARMONICS + 1):
        hz = f0_hz * harmonic
        if hz.min() > SAMPLE_RATE / 2:
            break
        tilt = voice.tilt_db_per_octave - softness
        amplitude = 10.0 ** (tilt * np.log2(harmonic) / 20.0) * _formant_gain(voice, hz)
        audio += amplitude * (hz < 7600.0) * np.sin(harmonic * phase + harmonic * harmonic * 0.7)
    breath = signal.sosfilt(signal.butter(2, [1200, 6000], "band", fs=SAMPLE_RATE, output="sos"), rng.normal(size=n))
    audio = gain * (0.35 * audio + voice.breath * breath)
    return np.float32(audio), f0_hz, sounding


def practice(*, minutes: float, low: int, high: int, seed: int) -> list[Note]:
    """Random phrases over a range: scales and leaps, soft and loud, short and long, with rests."""
    rng = np.random.default_rng(seed)
    notes, total, midi = [], 0.0, (low + high) / 2
    while total < minutes * 60.0:
        midi = np.clip(midi + rng.choice([-7, -5, -4, -2, -1, 0, 1, 2, 4, 5, 7]) + rng.normal(0, 0.3), low, high)
        if rng.random() < 0.15:
            midi = rng.uniform(low, high)
        duration = rng.choice([0.2, 0.35, 0.6, 1.0, 1.8])
        rest = rng.choice([0.0, 0.0, 0.0, 0.15, 0.6])
        notes.append(Note(midi, duration, rng.uniform(-34.0, 0.0), rest))
        total += duration + rest
    return notes


def _score(notes):
    midi, level, sounding, age_s = [], [], [], []
    for note in notes:
        n_note, n_rest = (int(x * SAMPLE_RATE) for x in (note.duration_s, note.rest_s))
        swell = note.level_db + 4.0 * np.sin(np.pi * np.arange(n_note) / max(n_note, 1)) - 3.0
        midi.append(np.full(n_note + n_rest, note.midi))
        level.append(np.concatenate([swell, np.full(n_rest, note.level_db)]))
        sounding.append(np.arange(n_note + n_rest) < n_note)
        age_s.append(np.arange(n_note + n_rest) / SAMPLE_RATE)
    level = signal.sosfiltfilt(signal.butter(1, 6.0, fs=SAMPLE_RATE, output="sos"), np.concatenate(level))
    return np.concatenate(midi), level, np.concatenate(sounding), np.concatenate(age_s)


def _slow_noise(rng, n, hz):
    """Noise that moves about `hz` times a second, of unit deviation."""
    knots = rng.normal(size=int(n / SAMPLE_RATE * hz * 2) + 4)
    return np.interp(np.arange(n) / SAMPLE_RATE * hz * 2, np.arange(len(knots)), knots)


def _formant_gain(voice, hz):
    gain = np.full_like(hz, 10.0 ** (-32.0 / 20.0))
    for centre, width, level_db in voice.formants:
        gain += 10.0 ** (level_db / 20.0) / np.sqrt(1.0 + ((hz - centre) / width) ** 2)
    return gain
