"""A sound as its waveform is drawn: the largest magnitude in each of a few hundred equal parts.

Public: `Wave`, `of`, `grown`.
"""

from dataclasses import dataclass

import numpy as np

from ddsing.constants import SAMPLE_RATE

N_PARTS = 300
FULL = 1000  # of a level; 1000 is full scale


@dataclass(frozen=True)
class Wave:
    """What is drawn of a sound.

    Attributes
    ----------
    duration_s : float
    levels : tuple[int, ...]
        0 to 1000, which is full scale; at most `N_PARTS`.
    """

    duration_s: float
    levels: tuple[int, ...]


def of(audio: np.ndarray) -> Wave:
    """The waveform of a sound.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono; what is beyond full scale is drawn at full scale.
    """
    if not len(audio):
        return Wave(0.0, ())
    starts = np.unique(np.linspace(0, len(audio), N_PARTS, endpoint=False).astype(int))
    peaks = np.maximum(np.maximum.reduceat(audio, starts), -np.minimum.reduceat(audio, starts))
    levels = np.clip(np.round(FULL * peaks), 0, FULL).astype(int)
    return Wave(len(audio) / SAMPLE_RATE, tuple(levels.tolist()))


def grown(levels: np.ndarray, audio: np.ndarray, start: int, n_samples: int) -> np.ndarray:
    """The levels of a sound of which more is there.

    Parameters
    ----------
    levels : np.ndarray [shape=(N_PARTS,), int]
        Of what was there before; 0 where there was nothing.
    audio : np.ndarray [shape=(n_new,), float32]
        What follows, from the sample `start` on.
    n_samples : int
        Of all of it.
    """
    places = np.minimum((start + np.arange(len(audio))) * N_PARTS // n_samples, N_PARTS - 1)
    changed, firsts = np.unique(places, return_index=True)
    new = np.clip(np.round(FULL * np.maximum.reduceat(np.abs(audio), firsts)), 0, FULL).astype(int)
    found = levels.copy()
    found[changed] = np.maximum(found[changed], new)
    return found
