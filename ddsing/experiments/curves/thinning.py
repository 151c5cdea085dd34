"""What is worth drawing of a curve with more points than a screen has."""

import numpy as np


def thinned(
    steps: np.ndarray, values: np.ndarray, *, first: float, last: float, n_points: int
) -> tuple[np.ndarray, np.ndarray]:
    """What is worth drawing of a curve between two steps: all of it, or the lowest and highest of each stretch.

    Parameters
    ----------
    steps : np.ndarray [shape=(n,), int]
        Ascending.
    values : np.ndarray [shape=(n,), float]
    n_points : int
        About how many points to return at most.

    Returns
    -------
    (np.ndarray, np.ndarray) [shape=(m,)]
        With one point more on either side of the range, so that a line reaches its edges.
    """
    start = max(0, int(np.searchsorted(steps, first, side="left")) - 1)
    stop = min(len(steps), int(np.searchsorted(steps, last, side="right")) + 1)
    steps, values = steps[start:stop], values[start:stop]
    n_stretches = max(1, n_points // 2)
    if len(steps) <= 2 * n_stretches:
        return steps, values
    length = -(-len(steps) // n_stretches)
    padded = np.concatenate([values, np.full(-len(values) % length, values[-1])]).reshape(-1, length)
    begins = np.arange(len(padded)) * length
    extremes = np.sort(np.stack([begins + padded.argmin(axis=1), begins + padded.argmax(axis=1)], axis=1), axis=1)
    chosen = np.unique(np.concatenate([[0], np.minimum(extremes.ravel(), len(steps) - 1), [len(steps) - 1]]))
    return steps[chosen], values[chosen]
