"""Any trainings in the figure of `ddsing.plots.curves`: what of each run is drawn, smoothed and thinned."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ddsing.experiments.curves import numbers
from ddsing.experiments.curves.runs import Run
from ddsing.plots import curves, style
from ddsing.plots.curves import Line

MAX_POINTS, MOST_PER_LINE = 120_000, 2_000  # of all lines together, and of one
FEW = 6  # up to this many, the losses without smoothing are drawn too


def figure(
    runs: Sequence[Run],
    measure: str = "loss",
    smoothing_steps: float = numbers.DEFAULT_SMOOTHING_STEPS,
    *,
    colour_by: str = "voice",
    window: tuple[float, float] | None = None,
    at: int | None = None,
) -> tuple[dict, list[Line]]:
    """The figure as a plain dictionary, and its lines.

    Parameters
    ----------
    measure : str
        One of `ddsing.plots.curves.MEASURES`.
    colour_by : str
        ``voice``, or ``run`` for a colour of its own for each.
    window : (float, float), optional
        First and last step that are shown; all of them by default.
    at : int, optional
        A step to mark.
    """
    first, last = window or (0.0, float(max((int(run.steps[-1]) for run in runs if len(run.steps)), default=100)))
    n_points = min(MOST_PER_LINE, MAX_POINTS // max(1, len(runs)))
    cut = functools.partial(style.thin_to_extremes, first=first, last=last, n_points=n_points)
    faint = len(runs) <= FEW and smoothing_steps > 0
    lines = [_line(run, measure, smoothing_steps, colour_by, cut, faint=faint) for run in runs]
    return curves.figure(lines, measure=measure, window=(first, last * 1.01), at=at), lines


def _line(
    run: Run, measure: str, smoothing_steps: float, colour_by: str, cut: functools.partial, *, faint: bool
) -> Line:
    group = run.voice if colour_by == "voice" else run.name
    if measure != "loss":
        known = run.held_out[measure] == run.held_out[measure]
        steps, values = cut(run.held_out_steps[known], run.held_out[measure][known])
        return Line(run.name, run.family, group, steps, values, best_step=run.best_step)
    raw_steps, raw_values = cut(run.steps, run.loss) if faint else (None, None)
    steps, values = cut(run.steps, numbers.smoothed(run.steps, run.loss, smoothing_steps))
    return Line(run.name, run.family, group, steps, values, raw_steps, raw_values, run.best_step)
