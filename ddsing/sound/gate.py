"""A noise gate: what is much softer than the loud parts of a recording is silenced, tails of notes are not.

It opens where the loudness reaches the threshold, fading in within the 20 ms before, and closes a tenth of a second
after the loudness has fallen 3 dB below it, fading out over a fifth of a second; both in the form of a raised cosine.

Public: `gains`, `threshold_db`.
"""

import numpy as np

from ddsing.constants import FRAME_RATE
from ddsing.sound.steps import held_between
from ddsing.sound.voicing import loud_db

FADE_IN_S, HOLD_S, FADE_OUT_S = 0.02, 0.1, 0.2
_HYSTERESIS_DB = 3.0


def threshold_db(loudness_db: np.ndarray, gate_db: float) -> float:
    """The loudness at which the gate opens, on the scale of `loudness_db`; `gate_db` is relative to the loud parts."""
    return loud_db(loudness_db) + gate_db


def gains(loudness_db: np.ndarray, gate_db: float) -> np.ndarray:
    """What the sound is multiplied with, frame by frame.

    Parameters
    ----------
    loudness_db : np.ndarray [shape=(n_frames,), float32]
        From `ddsing.sound.loudness`, of generation 3.
    gate_db : float
        How far below the loud parts the threshold lies, below 0.

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32]
        1 where the gate is open, 0 where it is closed.
    """
    threshold = threshold_db(loudness_db, gate_db)
    heard = held_between(loudness_db, threshold, threshold - _HYSTERESIS_DB)
    frames = np.arange(len(heard))
    never = len(heard) * FRAME_RATE
    last = np.maximum.accumulate(np.where(heard, frames, -never))
    following = np.minimum.accumulate(np.where(heard, frames, never)[::-1])[::-1]
    fading_out = (frames - last) / FRAME_RATE - HOLD_S
    fading_in = (following - frames) / FRAME_RATE
    return np.maximum(_fallen(fading_out / FADE_OUT_S), _fallen(fading_in / FADE_IN_S)).astype(np.float32)


def _fallen(share: np.ndarray) -> np.ndarray:
    """A raised cosine from 1 at 0 down to 0 at 1, which goes on beyond [shape kept, float64]."""
    between = np.clip(share, 0.0, 1.0)
    return np.where(between == 1.0, 0.0, 0.5 + 0.5 * np.cos(np.pi * between))
