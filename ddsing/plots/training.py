"""A training as it goes: its loss with the guide band, what the held-out part says, and its speed, over the steps.

A figure that changes is drawn anew in the browser, and what was zoomed there is lost. So the steps to show are an
argument: a stretch drawn over the loss is a selection, which the page keeps and passes in again with the next points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from ddsing.constants import GUIDE_BAND
from ddsing.plots import style

BAND = "rgba(207, 125, 22, 0.13)"
EMPTY = np.zeros(0)
METRICS = {  # of the held-out part: label, unit, digits
    "spectral_loss": ("spectral loss", "", 2),
    "f0_cents": ("pitch error", "cents", 0),
    "loudness_db": ("loudness error", "dB", 1),
    "timbre_db": ("timbre error", "dB", 1),
}


@dataclass(frozen=True, eq=False)
class Course:
    """What is known of a training so far.

    Attributes
    ----------
    steps, loss : np.ndarray [shape=(n_points,)]
        Total loss at steps, ascending.
    held_out_steps : np.ndarray [shape=(n_saves,)]
        Steps at which the held-out part was evaluated.
    held_out : dict of np.ndarray [shape=(n_saves,)]
        By `METRICS` name; NaN where not measured.
    preview_steps : np.ndarray [shape=(n_previews,)]
        Steps whose preview can be heard.
    best_step : int or None
        The checkpoint that becomes the instrument.
    total_steps : int or None
        Until which it is to be trained.
    speed_steps, steps_per_s : np.ndarray [shape=(n_speeds,)]
        Speed at steps.
    """

    steps: np.ndarray
    loss: np.ndarray
    held_out_steps: np.ndarray = field(default_factory=lambda: EMPTY)
    held_out: dict[str, np.ndarray] = field(default_factory=dict)
    preview_steps: np.ndarray = field(default_factory=lambda: EMPTY)
    best_step: int | None = None
    total_steps: int | None = None
    speed_steps: np.ndarray = field(default_factory=lambda: EMPTY)
    steps_per_s: np.ndarray = field(default_factory=lambda: EMPTY)


def smoothed(values: ArrayLike) -> np.ndarray:
    """A curve without its step-to-step noise: a moving mean over some 16 steps or a thirtieth of the curve.

    For the eye, so its width follows the curve and its weights fall off (Hann), which leaves no steps in the line. A
    mean over as many steps as one asks for, as it stands in tables, is `ddsing.experiments.curves.numbers.smoothed`.

    Parameters
    ----------
    values : array_like [shape=(n_points,), float]

    Returns
    -------
    np.ndarray [shape=(n_points,), float64]
        At the ends the window shrinks, so that the last value is no extrapolation.
    """
    values = np.asarray(values, np.float64)
    half = max(len(values) // 60, min(8, len(values) // 10))
    if half == 0:
        return values.copy()
    window = np.hanning(2 * half + 3)[1:-1]
    total = np.convolve(values, window)[half : half + len(values)]
    weight = np.convolve(np.ones(len(values)), window)[half : half + len(values)]
    return total / weight


def loss_figure(course: Course, *, window: tuple[float, float] | None = None, height: int = 380) -> go.Figure:
    """The loss as measured and smoothed, the held-out loss, the guide band, and a dot for each preview.

    Parameters
    ----------
    window : (float, float) or None
        First and last step to show; a horizontal drag over the figure selects another, see `selected_window`.
    """
    result = go.Figure()
    result.add_hrect(y0=GUIDE_BAND[0], y1=GUIDE_BAND[1], fillcolor=BAND, line_width=0, layer="below")
    finite = np.isfinite(course.loss)
    steps, loss = np.asarray(course.steps)[finite], np.asarray(course.loss)[finite]
    smooth = smoothed(loss)
    shown = np.ones(len(steps), bool) if window is None else (steps >= window[0]) & (steps <= window[1])
    stride = max(1, -(-int(shown.sum()) // style.MAX_POINTS))
    one = "lines" if len(steps) > 1 else "markers"
    result.add_scatter(
        x=steps[shown][::stride],
        y=loss[shown][::stride],
        mode=one,
        name="loss",
        opacity=0.55,
        line={"color": style.SOURCE, "width": 1},
        hovertemplate="%{y:.2f}",
    )
    result.add_scatter(
        x=steps[shown][::stride],
        y=smooth[shown][::stride],
        mode=one,
        name="loss, smoothed",
        line={"color": style.RESULT, "width": 2.8},
        hovertemplate="%{y:.2f}",
    )
    held = course.held_out.get("spectral_loss", EMPTY)
    if np.isfinite(held).any():
        result.add_scatter(
            x=course.held_out_steps,
            y=held,
            mode="lines+markers",
            name="held-out part",
            connectgaps=True,
            line={"color": style.EXTRA, "width": 1.8},
            marker={"size": 5},
            hovertemplate="%{y:.2f}",
        )
    _previews(result, course, steps, smooth)
    _best(result, course, steps, smooth)
    result.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        name="guide, 5 to 6",
        marker={"symbol": "square", "size": 12, "color": "rgba(207, 125, 22, 0.4)"},
    )
    style.finish(result, height=height)
    result.update_xaxes(title_text="step", hoverformat=",d", tickformat=",d", range=window or _step_range(course))
    result.update_yaxes(title_text="loss", range=_loss_range(loss[shown], smooth[shown], _within(course, held, window)))
    result.update_layout(margin={"t": 44}, dragmode="select", selectdirection="h")
    return result


def _within(course: Course, held: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    if window is None or not len(held):
        return held
    return held[(course.held_out_steps >= window[0]) & (course.held_out_steps <= window[1])]


def _step_range(course: Course) -> list[float]:
    """Room for the steps to come, so that the axis stands still for most of the time."""
    last = next((float(steps[-1]) for steps in (course.steps, course.held_out_steps) if len(steps)), 0.0)
    if course.total_steps is None or course.total_steps <= last:
        return [0.0, max(10.0, last * 1.03)]
    room = 50.0
    while room < last * 1.1:
        room *= 2
    return [0.0, min(room, course.total_steps * 1.03)]


def selected_window(event: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """First and last step of a selection as `st.plotly_chart` returns it; None where there is none, or a mere point."""
    boxes = (event or {}).get("selection", {}).get("box", [])
    if not boxes:
        return None
    low, high = sorted(map(float, boxes[-1]["x"]))
    return (max(0.0, low), high) if high - low >= 2.0 else None


def _previews(result: go.Figure, course: Course, steps: np.ndarray, smooth: np.ndarray) -> None:
    if len(course.preview_steps) and len(steps):
        result.add_scatter(
            x=course.preview_steps,
            y=np.interp(course.preview_steps, steps, smooth),
            mode="markers",
            name="preview",
            marker={"size": 9, "color": "#ffffff", "line": {"color": style.RESULT, "width": 2.4}},
            hovertemplate="preview below",
        )


def _best(result: go.Figure, course: Course, steps: np.ndarray, smooth: np.ndarray) -> None:
    if course.best_step is not None and len(steps):
        result.add_scatter(
            x=[course.best_step],
            y=[float(np.interp(course.best_step, steps, smooth))],
            mode="markers",
            name="chosen",
            marker={"symbol": "star", "size": 15, "color": style.ACCENT},
            hovertemplate="chosen checkpoint",
        )


def _loss_range(loss: np.ndarray, smooth: np.ndarray, held: np.ndarray) -> list[float]:
    """From under the guide band to nearly the smoothed curve's top.

    The very first steps, which fall steeply, may leave the frame, and so may single high ones.
    """
    held = held[np.isfinite(held)]
    if not len(loss):
        return [4.0, 12.0]
    low = min(GUIDE_BAND[0], float(smooth.min()), float(np.percentile(loss, 1)), float(held.min(initial=np.inf)))
    high = max(GUIDE_BAND[1] + 0.5, float(np.percentile(smooth, 97)), float(held.max(initial=-np.inf)))
    return [low - 0.35, high + 0.35]


def loss_alt(course: Course) -> str:
    """The loss in words: from where to where, where it stands against the band, and the chosen checkpoint."""
    loss = np.asarray(course.loss)[np.isfinite(course.loss)]
    if not len(loss):
        return "Loss curve: no points yet."
    smooth = smoothed(loss)
    low, high = GUIDE_BAND
    where = "above" if smooth[-1] > high else "below" if smooth[-1] < low else "inside"
    said = (
        f"Loss over {int(course.steps[-1]):,} steps: from {smooth[0]:.2f} to {smooth[-1]:.2f}, {where} the guide band "
        f"from {low:.0f} to {high:.0f}"
    )
    held = course.held_out.get("spectral_loss", EMPTY)
    held = held[np.isfinite(held)]
    if len(held):
        said += f"; on the held-out part {held[-1]:.2f}"
    if course.best_step is not None:
        said += f"; chosen: step {course.best_step:,}"
    return said + f"; {len(course.preview_steps)} previews."


def held_out_figure(course: Course, *, window: tuple[float, float] | None = None) -> go.Figure:
    """The held-out metrics and the steps per second, stacked over the steps, or over those of a window."""
    present = [name for name in METRICS if np.isfinite(course.held_out.get(name, EMPTY)).any()]
    n_rows = len(present) + 1
    result = make_subplots(rows=n_rows, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, name in enumerate(present, start=1):
        label, unit, digits = METRICS[name]
        result.add_scatter(
            x=course.held_out_steps,
            y=course.held_out[name],
            mode="lines+markers",
            connectgaps=True,
            name=label,
            line={"color": style.EXTRA, "width": 1.8},
            marker={"size": 5},
            row=row,
            col=1,
            hovertemplate=f"%{{y:.{digits}f}} {unit}",
        )
        result.update_yaxes(title_text=f"{label}<br>{unit}".removesuffix("<br>"), row=row, col=1)
    result.add_scatter(
        x=course.speed_steps,
        y=course.steps_per_s,
        mode="lines",
        name="steps/s",
        row=n_rows,
        col=1,
        line={"color": style.RESULT, "width": 1.8},
        hovertemplate="%{y:.2f}",
    )
    result.update_yaxes(title_text="steps/s", rangemode="tozero", row=n_rows, col=1)
    style.finish(result, height=90 + 110 * n_rows)
    if course.best_step is not None and present:
        result.add_vline(x=course.best_step, line={"color": style.ACCENT, "dash": "dot", "width": 1.5})
        result.add_annotation(
            x=course.best_step,
            y=1.0,
            yref="paper",
            text="chosen",
            showarrow=False,
            yanchor="bottom",
            font={"color": style.ACCENT, "size": 12},
        )
    result.update_xaxes(hoverformat=",d", tickformat=",d")
    result.update_xaxes(title_text="step", row=n_rows, col=1)
    result.update_xaxes(range=window or _step_range(course))
    result.update_layout(showlegend=False, margin={"l": 76, "t": 20})
    return result


def held_out_alt(course: Course) -> str:
    """The metrics in words: each one's first and last value, and the speed."""
    said = []
    for name, (label, unit, digits) in METRICS.items():
        values = course.held_out.get(name, EMPTY)
        values = values[np.isfinite(values)]
        if len(values):
            said.append(
                f"{label} {values[0]:.{digits}f} at first and {values[-1]:.{digits}f} {unit} now".replace("  ", " ")
            )
    if len(course.steps_per_s):
        said.append(f"{np.median(course.steps_per_s):.2f} steps per second")
    return "Held-out metrics over the steps: " + ("; ".join(said) or "none yet") + "."
