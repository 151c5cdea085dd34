"""Whether a sound is noise or has lines in its spectrum, whatever their pitch: what a tracker leaves in doubt.

A tracker is unsure of a hiss, but also of a glide, of the change between two notes and of rough voices. Over a few
hundred Hz the spectrum of noise scatters around its own mean by a known amount; lines leave most of it far below.

Public: `noisiness_db`, `noisy`.
"""

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.sound.steps import around, held_between, steady

BEGINS_DB, ENDS_DB = -3.6, -4.5  # white noise has -2.5 dB; a voice's vowels have -5 to -20, a whistle has -35
_N_FFT = 1024
_AROUND = 25  # bins of the local mean: 390 Hz
_LOWEST = 190 * _N_FFT // SAMPLE_RATE  # rumble and hum do not count
_BLOCK_FRAMES = 512
_REACH_FRAMES = 6  # 24 ms


def noisiness_db(audio: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """How the spectrum lies around its own local mean, in dB, the strong parts counting most.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    frames : np.ndarray [shape=(n,), int]
        Which frames; frame k is centred on sample 64·k.

    Returns
    -------
    np.ndarray [shape=(n,), float32]
    """
    found = np.empty(len(frames), np.float32)
    for start in range(0, len(frames), _BLOCK_FRAMES):
        part = slice(start, start + _BLOCK_FRAMES)
        found[part] = _measured(audio, np.asarray(frames)[part])
    return found


def _measured(audio: np.ndarray, frames: np.ndarray) -> np.ndarray:
    positions = frames[:, None] * HOP_SAMPLES + np.arange(_N_FFT) - _N_FFT // 2
    inside = (positions >= 0) & (positions < len(audio))
    heard = np.where(inside, audio[np.clip(positions, 0, len(audio) - 1)], 0.0) * np.hanning(_N_FFT)
    power = np.abs(np.fft.rfft(heard, axis=1))[:, _LOWEST:] ** 2 + 1e-10
    summed = np.cumsum(np.pad(power, [(0, 0), (_AROUND // 2 + 1, _AROUND // 2)], mode="reflect"), axis=1)
    mean = (summed[:, _AROUND:] - summed[:, :-_AROUND]) / _AROUND
    return (10.0 * np.log10(power / np.maximum(mean, 1e-12)) * mean).sum(axis=1) / mean.sum(axis=1)


def noisy(audio: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Where a sound is noise [shape=(n_frames,), bool], among the frames asked for, which is an array of the same kind.

    It is noise for as long as a window with nothing but noise reaches, since one that has a bit of a vowel has lines.
    """
    frames = np.flatnonzero(asked)
    found = np.full(len(asked), -np.inf, np.float32)
    found[frames] = noisiness_db(audio, frames)
    certain = held_between(steady(found), BEGINS_DB, ENDS_DB)
    return around(certain, 2 * _REACH_FRAMES + 1).any(axis=1) & asked
