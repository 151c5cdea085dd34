"""Curves by frame without flicker: medians, hysteresis, and steps that are eased.

Public: `steady`, `held_between`, `eased`, `around`.
"""

import numpy as np

EASE_FRAMES = 7  # of the window that a step is eased by: 24 ms between its ends
_MEDIAN_FRAMES = 5


def steady(curve: np.ndarray) -> np.ndarray:
    """A curve without what lasts one or two frames only [shape=(n_frames,), float32]."""
    return np.median(around(np.asarray(curve, np.float32), _MEDIAN_FRAMES), axis=1)


def held_between(values: np.ndarray, on: float, off: float) -> np.ndarray:
    """Hysteresis: true from where `values` reach `on` until they fall below `off` [shape=(n_frames,), bool]."""
    decided = (values >= on) | (values < off)
    last = np.maximum.accumulate(np.where(decided, np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)] >= on, values[:1] >= (on + off) / 2)


def eased(curve: np.ndarray, *, n_frames: int = EASE_FRAMES) -> np.ndarray:
    """A curve whose steps take `n_frames`, as raised cosines; held at its ends [shape=(n_frames,), float32]."""
    window = np.hanning(n_frames + 2)[1:-1]
    return (around(np.asarray(curve, np.float64), n_frames) @ (window / window.sum())).astype(np.float32)


def around(curve: np.ndarray, n_frames: int):
    """What lies around each frame [shape=(n_frames of the curve, n_frames)], which is odd; the ends are held."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(curve, n_frames // 2, mode="edge"), n_frames)
