"""When a note sounds, and the quantiles of its loudness.

Reference: ddsp.training.postprocessing (detect_notes, QuantileTransformer, fit_quantile_transform).
"""

import numpy as np

_SMOOTHING_FRAMES = 40
_CONFIDENCE = 0.7
_N_QUANTILES = 1000


def note_on_ratio(loudness_db: np.ndarray, f0_confidence: np.ndarray, *, min_db: float):
    """How clearly a note sounds: 1 and above is a note at the default threshold.

    Parameters
    ----------
    loudness_db, f0_confidence : np.ndarray [shape=(..., n_frames), float32]
        Of one recording, or of several windows that are held against the mean loudness of them all.
    min_db : float
        The lowest loudness of the generation, such as -80.

    Returns
    -------
    np.ndarray [shape=(..., n_frames), float32] or None
        None for what is silent throughout.
    """
    mean_db = np.mean(loudness_db)
    if not mean_db > min_db:
        return None
    smoothed = _smooth(np.asarray(f0_confidence, np.float32) ** 2)
    return smoothed * (loudness_db - min_db) / ((mean_db - min_db) * _CONFIDENCE**2)


def quantiles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """References (0 to 1) and the values' quantiles at them, up to 1,000 of both, ascending, in float64."""
    values = np.ravel(values)
    references = np.linspace(0.0, 1.0, max(1, min(_N_QUANTILES, values.size)))
    return references, np.maximum.accumulate(np.nanpercentile(values, references * 100))


def match_quantiles(values: np.ndarray, references: np.ndarray, targets: np.ndarray):
    """Give `values` the distribution whose quantiles at `references` are `targets`; same shape, float64."""
    own_references, own = quantiles(values)
    values = np.asarray(values)
    rank = 0.5 * (np.interp(values, own, own_references) - np.interp(-values, -own[::-1], -own_references[::-1]))
    rank[values == own[-1]] = 1.0
    rank[values == own[0]] = 0.0
    rank = rank.astype(values.dtype)
    matched = np.interp(rank, references, targets)
    matched[rank == 1.0] = targets[-1]
    matched[rank == 0.0] = targets[0]
    return matched


def _smooth(x: np.ndarray):
    """A box filter of 40 frames, as TensorFlow's SAME convolution with zeros outside."""
    outside = [(0, 0)] * (x.ndim - 1) + [((_SMOOTHING_FRAMES - 1) // 2, _SMOOTHING_FRAMES // 2)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, outside), _SMOOTHING_FRAMES, axis=-1)
    return windows.mean(axis=-1, dtype=np.float32)
