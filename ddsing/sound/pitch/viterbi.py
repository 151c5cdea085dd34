"""CREPE's Viterbi decoding: from activations to a smooth path through the pitch bins, and from bins to Hz.

The path is that of crepe 0.0.16 (a hidden Markov model whose observation is each frame's strongest bin, and whose pitch
moves by less than 12 bins a frame), computed on the band of possible moves only.
"""

import numpy as np

N_BINS = 360
_REACH = 11  # bins that the pitch can move in a frame
_SELF_EMISSION = 0.1
_CENTS = np.linspace(0.0, 7180.0, N_BINS) + 1997.3794084376191  # of the bins, above 10 Hz
_NEIGHBOURS = 4  # bins on each side whose weighted mean is the pitch


def path(observed: np.ndarray) -> np.ndarray:
    """The most likely sequence of bins.

    Parameters
    ----------
    observed : np.ndarray [shape=(n_frames,), int]
        The strongest bin of each frame.

    Returns
    -------
    np.ndarray [shape=(n_frames,), int]
    """
    moves = np.arange(-_REACH, _REACH + 1)
    targets = np.arange(N_BINS)
    sources = targets[:, None] + moves  # [n_bins, n_moves]
    inside = (sources >= 0) & (sources < N_BINS)
    weight = np.maximum(_REACH + 1 - np.abs(targets[:, None] - targets), 0).astype(float)
    transition = weight / weight.sum(axis=1, keepdims=True)
    band = np.full(sources.shape, -np.inf)
    band[inside] = np.log(transition[sources[inside], np.broadcast_to(targets[:, None], sources.shape)[inside]])
    miss = np.log((1.0 - _SELF_EMISSION) / N_BINS)
    hit = np.log(_SELF_EMISSION + (1.0 - _SELF_EMISSION) / N_BINS)
    emission = np.full(N_BINS, miss)

    n_frames = len(observed)
    back = np.zeros((n_frames, N_BINS), np.int8)
    padded = np.full(N_BINS + 2 * _REACH, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH + 1)  # a view: follows `padded`
    score = padded[_REACH:-_REACH]
    emission[observed[0]] = hit
    score[:] = np.log(1.0 / N_BINS) + emission
    emission[observed[0]] = miss
    for frame in range(1, n_frames):
        candidates = windows + band
        best = 2 * _REACH - candidates[:, ::-1].argmax(axis=1)  # of equals the highest bin, as hmmlearn
        back[frame] = best - _REACH
        emission[observed[frame]] = hit
        score[:] = candidates[targets, best] + emission
        emission[observed[frame]] = miss
    states = np.empty(n_frames, np.int64)
    states[-1] = score.argmax()
    for frame in range(n_frames - 1, 0, -1):
        states[frame - 1] = states[frame] + back[frame, states[frame]]
    return states


def f0_hz(activation: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The weighted mean pitch around each frame's state.

    Parameters
    ----------
    activation : np.ndarray [shape=(n_frames, 360), float32]
    states : np.ndarray [shape=(n_frames,), int]

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32]
        Hz; 0 where nothing is active at all.
    """
    bins = states[:, None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS + 1)
    inside = (bins >= 0) & (bins < N_BINS)
    bins = np.clip(bins, 0, N_BINS - 1)
    weight = np.where(inside, np.take_along_axis(activation, bins, axis=1), 0.0).astype(np.float64)
    total = weight.sum(axis=1)
    cents = (weight * _CENTS[bins]).sum(axis=1) / np.where(total > 0.0, total, 1.0)
    return np.where(total > 0.0, 10.0 * 2.0 ** (cents / 1200.0), 0.0).astype(np.float32)
