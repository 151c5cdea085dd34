"""A short built-in phrase that any instrument can sing: five notes in the middle of its range, with a little life."""

import numpy as np

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, POWER, SAMPLE_RATE
from ddsing.units import midi_to_hz

STEPS = (0, 2, 4, 7, 4, 0)  # semitones above the first note
DURATIONS_S = (0.45, 0.35, 0.35, 1.0, 0.45, 1.1)
_N_FRAMES = [round(seconds * FRAME_RATE) for seconds in DURATIONS_S]  # of each note
N_FRAMES = sum(_N_FRAMES)
DEFAULT_RANGE_MIDI = (52.0, 72.0)
DEFAULT_RANGE_DB = {1: (-70.0, -30.0), 3: (-55.0, -22.0), POWER: (-50.0, -18.0)}  # by ddsp generation


def phrase(
    pitch_range_midi: tuple[float, float] | None, loudness_range_db: tuple[float, float] | None, *, generation: int
) -> tuple[np.ndarray, np.ndarray]:
    """Conditioning of the phrase, in the middle of what the instrument was trained on.

    Parameters
    ----------
    pitch_range_midi, loudness_range_db : (float, float) or None
        The instrument's ranges; a usual voice's where they are unknown.

    Returns
    -------
    f0_hz, loudness_db : np.ndarray [shape=(N_FRAMES,), float32]
        At 250 frames/s; about four seconds.
    """
    low, high = pitch_range_midi or DEFAULT_RANGE_MIDI
    soft, loud = loudness_range_db or DEFAULT_RANGE_DB[generation]
    room = max(STEPS)
    first = round((low + high - room) / 2)
    midi = np.repeat([first + step for step in STEPS], _N_FRAMES).astype(np.float64)
    glide = np.hanning(21)
    midi = np.convolve(np.pad(midi, 10, mode="edge"), glide / glide.sum(), mode="valid")
    time_s = np.arange(len(midi)) / FRAME_RATE
    midi += (
        0.25 * np.sin(2 * np.pi * 5.3 * time_s) * np.clip(np.concatenate([np.arange(n) for n in _N_FRAMES]) / 90, 0, 1)
    )
    shape = np.concatenate([_swell(n) for n in _N_FRAMES])
    shape *= np.minimum(1.0, np.minimum(np.arange(len(midi)), np.arange(len(midi))[::-1]) / 25)
    top = soft + 0.85 * (loud - soft)
    loudness_db = np.maximum(top - 45.0 * (1.0 - shape) ** 2 - 8.0 * (1.0 - shape), soft - 20.0)
    return midi_to_hz(midi).astype(np.float32), loudness_db.astype(np.float32)


def _swell(n_frames: int) -> np.ndarray:
    position = np.linspace(0.0, 1.0, n_frames)
    return 0.8 + 0.2 * np.sin(np.pi * position) - 0.35 * np.clip((position - 0.85) / 0.15, 0, 1)


def hum(f0_hz: np.ndarray, loudness_db: np.ndarray) -> np.ndarray:
    """A plain tone with the phrase's pitch, for instruments that also listen to a recording's timbre.

    Returns
    -------
    np.ndarray [shape=(n_frames * 64,), float32]
        Eight harmonics at 16 kHz.
    """
    n_samples = len(f0_hz) * HOP_SAMPLES
    at = np.arange(n_samples) / HOP_SAMPLES
    frames = np.arange(len(f0_hz))
    phase = 2 * np.pi * np.cumsum(np.interp(at, frames, f0_hz)) / SAMPLE_RATE
    level = 10.0 ** (np.interp(at, frames, loudness_db - loudness_db.max()) / 20.0)
    tone = sum(np.sin(k * phase) / k for k in range(1, 9) if k * float(f0_hz.max()) < SAMPLE_RATE / 2)
    return (0.2 * level * tone).astype(np.float32)
