"""A run in numbers: its loss smoothed, last, best, and at a step at which runs are compared."""

from dataclasses import dataclass, fields

import numpy as np

from ddsing.experiments.curves.runs import METRICS, Run

DEFAULT_SMOOTHING_STEPS = 100


@dataclass(frozen=True)
class Summary:
    """A run in numbers; None where there is nothing to tell. Losses are smoothed, see `smoothed`.

    Attributes
    ----------
    last, best, at : float or None
        Loss at the last step, at its lowest, and at `at_step`.
    at_step : int or None
        The asked step, or the last one before it whose loss is known; None where the run did not get there.
    spectral_loss, f0_cents, loudness_db, timbre_db : float or None
        Of the held-out part: at `at_step` where one was asked for, else at the best checkpoint, else the last.
    """

    voice: str
    of: str
    family: str
    n_harmonics: int | None
    n_noise_bands: int | None
    n_parameters: int | None
    steps: int
    last: float | None
    best: float | None
    best_step: int | None
    at_step: int | None
    at: float | None
    spectral_loss: float | None
    f0_cents: float | None
    loudness_db: float | None
    timbre_db: float | None
    seconds_per_step: float | None

    def to_json(self) -> dict:
        """Plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def smoothed(steps: np.ndarray, values: np.ndarray, width_steps: float) -> np.ndarray:
    """The mean of all values within half of `width_steps` of each step.

    Parameters
    ----------
    steps : np.ndarray [shape=(n,), int]
        Ascending.
    values : np.ndarray [shape=(n,), float]
    width_steps : float
        0 leaves the values as they are.

    Returns
    -------
    np.ndarray [shape=(n,), float64]
    """
    values = np.asarray(values, np.float64)
    if width_steps <= 0 or not len(values):
        return values.copy()
    half = width_steps / 2
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.searchsorted(steps, steps - half, side="left")
    stop = np.searchsorted(steps, steps + half, side="right")
    return (total[stop] - total[first]) / (stop - first)


def summary(run: Run, *, at: int | None = None, smoothing_steps: float = DEFAULT_SMOOTHING_STEPS) -> Summary:
    """A run in numbers; `at` is a step to compare runs at."""
    loss = smoothed(run.steps, run.loss, smoothing_steps)
    lowest = int(np.argmin(loss)) if len(loss) else None
    place = None if at is None else _place(run.steps, at)
    held_out = _held_out(run, at)
    return Summary(
        voice=run.name,
        of=run.voice,
        family=run.family,
        n_harmonics=run.config.n_harmonics if run.config else None,
        n_noise_bands=run.config.n_noise_bands if run.config else None,
        n_parameters=run.n_parameters,
        steps=int(run.steps[-1]) if len(run.steps) else 0,
        last=_rounded(loss[-1]) if len(loss) else None,
        best=None if lowest is None else _rounded(loss[lowest]),
        best_step=None if lowest is None else int(run.steps[lowest]),
        at_step=None if place is None else int(run.steps[place]),
        at=None if place is None else _rounded(loss[place]),
        **held_out,
        seconds_per_step=run.seconds_per_step,
    )


def _place(steps: np.ndarray, at: int) -> int | None:
    """Where a step is, or the last known one before it; None where the run did not get there."""
    if not len(steps) or at > steps[-1] or at < steps[0]:
        return None
    return int(np.searchsorted(steps, at, side="right")) - 1


def _held_out(run: Run, at: int | None) -> dict[str, float | None]:
    steps = run.held_out_steps
    if at is not None:
        place = int(np.searchsorted(steps, at, side="right")) - 1
        place = place if len(run.steps) and at <= run.steps[-1] else -1
    elif run.best_step is not None and run.best_step in steps:
        place = int(np.flatnonzero(steps == run.best_step)[0])
    else:
        place = len(steps) - 1
    if place < 0:
        return dict.fromkeys(METRICS)
    values = {name: float(column[place]) for name, column in run.held_out.items()}
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in values.items()}


def _rounded(value: float) -> float:
    return round(float(value), 5)
