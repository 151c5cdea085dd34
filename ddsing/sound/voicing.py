"""Where a recording has a pitch, and where it sounds without one, as smooth curves: consonants, breath, whispering.

A pitch that comes and goes within a few frames counts as neither (median and hysteresis), and every change takes 24 ms,
in the form of a raised cosine, so that what follows the curve does not click.

Public: `voicing`, `steady`, `presence`, `loud_db`, `eased`, `held_between`.
"""

import numpy as np

BEGINS, ENDS = 0.6, 0.5  # confidence at which a pitch begins, and below which it ends
_MEDIAN_FRAMES = 5
EASE_FRAMES = 7  # of the window that every change is eased by: 24 ms between its ends
_FLOOR_DB, _FADE_DB = -55.0, 10.0  # below the loud parts: what is softer is silence, and the fade above it


def voicing(f0_confidence: np.ndarray) -> np.ndarray:
    """How far a recording has a pitch.

    Parameters
    ----------
    f0_confidence : np.ndarray [shape=(n_frames,), float32]
        0 to 1; from `ddsing.sound.features.extract`.

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32]
        0 where there is no clear pitch, 1 where there is one; what changes does so within the pitch.
    """
    voiced = held_between(steady(f0_confidence), BEGINS, ENDS)
    return eased(_around(voiced, EASE_FRAMES).all(axis=1))


def steady(f0_confidence: np.ndarray) -> np.ndarray:
    """Confidence without what lasts one or two frames only [shape=(n_frames,), float32]."""
    return np.median(_around(np.asarray(f0_confidence, np.float32), _MEDIAN_FRAMES), axis=1)


def held_between(values: np.ndarray, on: float, off: float) -> np.ndarray:
    """Hysteresis: true from where `values` reach `on` until they fall below `off` [shape=(n_frames,), bool]."""
    decided = (values >= on) | (values < off)
    last = np.maximum.accumulate(np.where(decided, np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)] >= on, values[:1] >= (on + off) / 2)


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


def eased(curve: np.ndarray, *, n_frames: int = EASE_FRAMES) -> np.ndarray:
    """A curve whose steps take `n_frames`, as raised cosines; held at its ends [shape=(n_frames,), float32]."""
    window = np.hanning(n_frames + 2)[1:-1]
    return (_around(np.asarray(curve, np.float64), n_frames) @ (window / window.sum())).astype(np.float32)


def _around(curve: np.ndarray, n_frames: int):
    """What lies around each frame [shape=(n_frames of the curve, n_frames)], which is odd; the ends are held."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(curve, n_frames // 2, mode="edge"), n_frames)
