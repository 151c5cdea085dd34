"""How long something will still take, by how it has gone so far: in seconds, or None while that can't be said."""

LEAST_SHARE, LEAST_S = 0.02, 0.5  # of the whole, and of work, before a share tells how long the rest takes


def by_steps(step: float, steps: float, steps_per_s: float | None) -> float | None:
    """The time of the steps that are left, at the speed of now; nothing is left past the last one."""
    return max(0.0, steps - step) / steps_per_s if steps_per_s and steps_per_s > 0.0 else None


def by_share(
    done: float, spent_s: float, *, first: float = 0.0, least_share: float = LEAST_SHARE, least_s: float = LEAST_S
) -> float | None:
    """The time of the share that is left, at the mean speed so far.

    Parameters
    ----------
    done : float
        The share that is done, from 0 to 1.
    spent_s : float
        Seconds since `first` was done.
    first : float
        The share that was done when the clock was started.
    least_share, least_s : float
        What must have been done since then, and for how long, before it tells anything.
    """
    gained = done - first
    if not least_share < gained or done > 1.0 or spent_s < least_s:
        return None
    return spent_s * (1.0 - done) / gained
