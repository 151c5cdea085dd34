"""CREPE's Viterbi decoding: from activations to a smooth path through the pitch bins, and from bins to Hz.

The path is that of crepe 0.0.16 (a hidden Markov model whose observation is each frame's strongest bin, and whose pitch
moves by less than 12 bins a frame), computed on the band of possible moves only.
"""

import numpy as np

N_BINS = 360
_REACH = 11  # bins that the pitch can move in a frame
_SELF_EMISSION = 0.1
_CENTS = np.linspace(0.0, 7180.0, N_BINS) + 1997.3794084376191  # of the bins, above 10 Hz
_MISS = np.log((1.0 - _SELF_EMISSION) / N_BINS)
_HIT = np.log(_SELF_EMISSION + (1.0 - _SELF_EMISSION) / N_BINS)
_SECTION_FRAMES = 4096  # 12 MB of scores
_NEIGHBOURS = 4  # bins on each side whose weighted mean is the pitch


def path(observed: np.ndarray) -> np.ndarray:
    """The most likely sequence of bins.

    Where the paths to all bins of a frame have met before, what lies before is decided, and its scores are let go: a
    recording of any length takes as much memory as one of some seconds.

    Parameters
    ----------
    observed : np.ndarray [shape=(n_frames,), int]
        The strongest bin of each frame.

    Returns
    -------
    np.ndarray [shape=(n_frames,), int]
    """
    states, band = np.empty(len(observed), np.int64), _band()
    n_decided = 0
    scores = np.zeros((0, N_BINS + 2 * _REACH))  # of the frames that are not decided
    for first in range(0, len(observed), _SECTION_FRAMES):
        section = observed[first : first + _SECTION_FRAMES]
        scores = np.concatenate([scores, np.empty((len(section), scores.shape[1]))])
        _extend(scores, section, band)
        stop = first + len(section)
        n_met, state = (
            (len(scores), int(scores[-1].argmax()) - _REACH) if stop == len(observed) else _meeting(scores, band)
        )
        states[n_decided : n_decided + n_met] = _traced(scores[:n_met], state, band)
        n_decided, scores = n_decided + n_met, scores[n_met:]
    return states


def _extend(scores: np.ndarray, observed: np.ndarray, band: np.ndarray) -> None:
    """Fill in the last rows of the scores of the best path to each bin, with a margin that nothing comes from."""
    emission = np.full(N_BINS, _MISS)
    by_move = np.ascontiguousarray(band.T)
    candidates = np.empty(by_move.shape)
    begin = len(scores) - len(observed)
    scores[begin:] = -np.inf
    inner = scores[:, _REACH:-_REACH]
    before = np.lib.stride_tricks.sliding_window_view(scores, N_BINS, axis=1)  # [frame, move, bin]: follows `scores`
    for frame, seen in enumerate(observed, begin):
        emission[seen] = _HIT
        if frame:
            np.add(before[frame - 1], by_move, out=candidates)
            np.maximum.reduce(candidates, axis=0, out=inner[frame])
            inner[frame] += emission
        else:
            inner[frame] = np.log(1.0 / N_BINS) + emission
        emission[seen] = _MISS


def _meeting(scores: np.ndarray, band: np.ndarray) -> tuple[int, int]:
    """Up to which frame the paths to all bins of the last frame are one, and where that is there; 0 frames if none."""
    states = np.arange(N_BINS)
    for frame in range(len(scores) - 1, 0, -1):
        reached = np.unique(states)
        if len(reached) == 1:
            return frame + 1, int(reached[0])
        candidates = scores[frame - 1][reached[:, None] + np.arange(2 * _REACH + 1)] + band[reached]
        states = reached + _highest(candidates) - _REACH
    return 0, 0


def _traced(scores: np.ndarray, state: int, band: np.ndarray) -> list[int]:
    """The path to a bin of the last frame."""
    states = [state]
    for row in scores[-2::-1]:
        states.append(
            states[-1] + int(_highest(row[states[-1] : states[-1] + 2 * _REACH + 1] + band[states[-1]])) - _REACH
        )
    return states[::-1] if len(scores) else []


def _highest(candidates: np.ndarray) -> np.ndarray:
    """The best of each row; of equals the highest bin, as hmmlearn."""
    return 2 * _REACH - candidates[..., ::-1].argmax(axis=-1)


def _band() -> np.ndarray:
    """Logarithms of how likely each bin is reached from each of its neighbours [shape=(360, 23), float64]."""
    targets, moves = np.arange(N_BINS), np.arange(-_REACH, _REACH + 1)
    sources = targets[:, None] + moves
    inside = (sources >= 0) & (sources < N_BINS)
    weight = np.maximum(_REACH + 1 - np.abs(targets[:, None] - targets), 0).astype(float)
    transition = weight / weight.sum(axis=1, keepdims=True)
    band = np.full(sources.shape, -np.inf)
    band[inside] = np.log(transition[sources[inside], np.broadcast_to(targets[:, None], sources.shape)[inside]])
    return band


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
