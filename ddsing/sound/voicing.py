"""Where a recording has a pitch, and where it sounds without one, as smooth curves: consonants, breath, whispering.

There is a pitch where the tracker is sure of one, and where it is not although the sound has lines as a pitched one
has, such as in a glide or between two notes (`ddsing.sound.noisiness`). What comes and goes within a few frames counts
as neither, and every change takes 24 ms, in the form of a raised cosine, so that what follows the curve does not click.

Public: `voicing`, `unvoiced`, `presence`, `loud_db`.
"""

import numpy as np

from ddsing.sound import noisiness
from ddsing.sound.steps import EASE_FRAMES, around, eased, held_between, steady

BEGINS, ENDS = 0.6, 0.5  # confidence at which a pitch begins, and below which it ends
_FLOOR_DB, _FADE_DB = -55.0, 10.0  # below the loud parts: what is softer is silence, and the fade above it


def voicing(audio: np.ndarray, f0_confidence: np.ndarray) -> np.ndarray:
    """How far a recording has a pitch.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    f0_confidence : np.ndarray [shape=(n_frames,), float32]
        0 to 1; from `ddsing.sound.features.extract`.

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32]
        0 where there is none, 1 where there is one; what changes does so within the pitch.
    """
    doubtful = ~held_between(steady(f0_confidence), BEGINS, ENDS)
    voiced = ~noisiness.noisy(audio, doubtful)
    return eased(around(voiced, EASE_FRAMES).all(axis=1))


def unvoiced(audio: np.ndarray, f0_confidence: np.ndarray) -> np.ndarray:
    """The frames without a pitch, silent ones among them, unsmoothed [shape=(n_frames,), bool]; as in `voicing`."""
    return noisiness.noisy(audio, steady(f0_confidence) < ENDS)


def presence(loudness_db: np.ndarray) -> np.ndarray:
    """How far there is anything to hear: 0 in silence, 1 from 45 dB below the loud parts on.

    Parameters
    ----------
    loudness_db : np.ndarray [shape=(n_frames,), float32]
        From `ddsing.sound.loudness`, of generation 3.

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32]
    """
    above = (loudness_db - loud_db(loudness_db) - _FLOOR_DB) / _FADE_DB
    return eased(np.clip(above, 0.0, 1.0).astype(np.float32))


def loud_db(loudness_db: np.ndarray) -> float:
    """How loud the loud parts are: what a twentieth of the frames exceeds, silences left out."""
    sounding = loudness_db[loudness_db > np.max(loudness_db) - 40.0]
    return float(np.percentile(sounding, 95.0)) if len(sounding) else float(np.max(loudness_db))
