"""A sound as its waveform is drawn: the largest magnitude in each of a few hundred equal parts.

Public: `Wave`, `of`.
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
