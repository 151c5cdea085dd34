"""A synthetic singer: harmonics of a glottal source, shaped by formants, with breath, vibrato and glides.

Everything is computed, nothing is recorded, so its sound may be shipped under the project's own licence. It sings at
16 kHz; at 48 kHz harmonics and breath go on above, and below 6 kHz it sings the same but for its noise.
"""

from dataclasses import dataclass

import numpy as np
from scipy import signal

SAMPLE_RATE, FULL_BAND_RATE = 16_000, 48_000
_REACH = {
    SAMPLE_RATE: (70, 7_600.0, 6_000),
    FULL_BAND_RATE: (100, 12_000.0, 9_000),
}  # harmonics, up to Hz; breath, to Hz
_ENVELOPE_SAMPLES = {SAMPLE_RATE: 1, FULL_BAND_RATE: 48}  # between two points at which the spectrum is known


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
    """A note: MIDI number, seconds, level in dB below full voice, the seconds of silence after it, and a consonant.

    The consonant, of `CONSONANTS`, takes the note's first moments.
    """

    midi: float
    duration_s: float
    level_db: float = -6.0
    rest_s: float = 0.0
    onset: str = ""


@dataclass(frozen=True)
class Consonant:
    """Noise between two frequencies; a stop is loud at once, the others swell."""

    low_hz: float
    high_hz: float
    duration_s: float
    strength: float
    stop: bool = False


CONSONANTS = {
    "s": Consonant(4_500, 11_000, 0.14, 0.10),
    "sh": Consonant(2_200, 7_000, 0.13, 0.10),
    "f": Consonant(3_000, 14_000, 0.10, 0.03),
    "t": Consonant(2_500, 10_000, 0.06, 0.16, stop=True),
}


def sing(voice: Voice, notes: list[Note], *, seed: int = 0, rate_hz: int = SAMPLE_RATE):
    """Sing a list of notes, at 16 or 48 kHz; consonants are sung at 48 kHz only.

    Returns
    -------
    audio : np.ndarray [shape=(n_samples,), float32]
    f0_hz : np.ndarray [shape=(n_samples,), float64]
        The fundamental, held through the rests.
    sounding : np.ndarray [shape=(n_samples,), bool]
    """
    rng = np.random.default_rng(seed)
    midi, level, sounding, age_s = _score(notes, rate_hz)
    n = len(midi)
    t = np.arange(n) / rate_hz
    midi = signal.sosfiltfilt(signal.butter(2, 9.0, fs=rate_hz, output="sos"), midi)  # glides
    depth = voice.vibrato_cents / 100.0 * np.clip(_slow_noise(rng, n, 0.7, rate_hz) * 0.4 + 0.8, 0, 1.5)
    depth = depth * np.clip(age_s / voice.vibrato_onset_s, 0.2, 1.0)
    midi = midi + depth * np.sin(2 * np.pi * voice.vibrato_hz * t + 0.4 * _slow_noise(rng, n, 1.0, rate_hz))
    midi = midi + 0.03 * _slow_noise(rng, n, 8.0, rate_hz)
    f0_hz = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    gain = 10.0 ** (level / 20.0) * np.where(sounding, 1.0, 0.0)
    gain = signal.sosfiltfilt(signal.butter(1, 12.0, fs=rate_hz, output="sos"), gain).clip(0.0)
    phase = 2 * np.pi * np.cumsum(f0_hz) / rate_hz
    audio = np.zeros(n)
    softness = np.clip(-level, 0.0, 40.0) / 10.0  # soft notes have fewer overtones
    n_harmonics, last_hz, breath_hz = _REACH[rate_hz]
    for harmonic in range(1, n_harmonics + 1):
        hz = f0_hz * harmonic
        if hz.min() > rate_hz / 2:
            break
        amplitude = _amplitude(voice, harmonic, hz, softness, _ENVELOPE_SAMPLES[rate_hz])
        audio += amplitude * (hz < last_hz) * np.sin(harmonic * phase + harmonic * harmonic * 0.7)
    band = signal.butter(2, [1200, breath_hz], "band", fs=rate_hz, output="sos")
    breath = signal.sosfilt(band, rng.normal(size=n)) * np.sqrt(rate_hz / SAMPLE_RATE)  # as dense at either rate
    audio = gain * (0.35 * audio + voice.breath * breath)
    if rate_hz == FULL_BAND_RATE:
        audio += _consonants(notes, n, seed)
    return np.float32(audio), f0_hz, sounding


def _amplitude(voice, harmonic, hz, softness, step):
    """Of a harmonic at its frequencies, from where the spectrum is known."""
    some = hz[::step]
    tilt = voice.tilt_db_per_octave - softness[::step]
    known = 10.0 ** (tilt * np.log2(harmonic) / 20.0) * _formant_gain(voice, some)
    return known if step == 1 else np.interp(np.arange(len(hz)), np.arange(len(some)) * step, known)


def _consonants(notes, n, seed):
    """Those of all notes, at 48 kHz."""
    rng, audio, start = np.random.default_rng([seed, 1]), np.zeros(n), 0
    for note in notes:
        if note.onset:
            kind = CONSONANTS[note.onset]
            length = int(kind.duration_s * FULL_BAND_RATE)
            band = signal.butter(3, [kind.low_hz, kind.high_hz], "band", fs=FULL_BAND_RATE, output="sos")
            noise = signal.sosfilt(band, rng.normal(size=length + 480))[480:]
            place = np.arange(length) / length
            shape = np.minimum(place * 40.0, 1.0) * (1.0 - place) ** 2 if kind.stop else np.sin(np.pi * place) ** 0.7
            stretch = slice(start, min(start + length, n))
            audio[stretch] += (kind.strength * 10.0 ** (note.level_db / 40.0) * noise * shape)[: stretch.stop - start]
        start += sum(int(x * FULL_BAND_RATE) for x in (note.duration_s, note.rest_s))
    return audio


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


def _score(notes, rate_hz):
    midi, level, sounding, age_s = [], [], [], []
    for note in notes:
        n_note, n_rest = (int(x * rate_hz) for x in (note.duration_s, note.rest_s))
        n_onset = int(CONSONANTS[note.onset].duration_s * rate_hz) if note.onset else 0
        swell = note.level_db + 4.0 * np.sin(np.pi * np.arange(n_note) / max(n_note, 1)) - 3.0
        midi.append(np.full(n_note + n_rest, note.midi))
        level.append(np.concatenate([swell, np.full(n_rest, note.level_db)]))
        place = np.arange(n_note + n_rest)
        sounding.append((place >= n_onset) & (place < n_note))
        age_s.append(place / rate_hz)
    level = signal.sosfiltfilt(signal.butter(1, 6.0, fs=rate_hz, output="sos"), np.concatenate(level))
    return np.concatenate(midi), level, np.concatenate(sounding), np.concatenate(age_s)


def _slow_noise(rng, n, hz, rate_hz):
    """Noise that moves about `hz` times a second, of unit deviation."""
    knots = rng.normal(size=int(n / rate_hz * hz * 2) + 4)
    return np.interp(np.arange(n) / rate_hz * hz * 2, np.arange(len(knots)), knots)


def _formant_gain(voice, hz):
    gain = np.full_like(hz, 10.0 ** (-32.0 / 20.0))
    for centre, width, level_db in voice.formants:
        gain += 10.0 ** (level_db / 20.0) / np.sqrt(1.0 + ((hz - centre) / width) ** 2)
    return gain
