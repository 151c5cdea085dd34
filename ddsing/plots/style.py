"""What all figures share: colours, margins, time axes, thinning of long curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ddsing.constants import FRAME_RATE
from ddsing.units import note_name

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import ArrayLike

RESULT = "#149384"  # what ddsing made
SOURCE = "#8b959b"  # what came in
ACCENT = "#cf7d16"  # thresholds and targets
EXTRA = "#9a63b8"
OUTSIDE = "rgba(207, 84, 60, 0.16)"  # passages outside the instrument's range
MASK = "rgba(20, 147, 132, 0.16)"  # passages detected as notes
GRID = "rgba(128, 138, 144, 0.22)"
MAX_POINTS = 1500  # per curve; longer ones are thinned

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "ddsing"},
}


def seconds(n_frames: int) -> np.ndarray:
    """Times of feature frames in seconds, float64 [shape=(n_frames,)]."""
    return np.arange(n_frames) / FRAME_RATE


def thin(values: ArrayLike, max_points: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Every k-th frame of a curve, few enough to draw.

    Curves of the same length get the same times, so that one cursor reads them all, and gaps (NaN) stay gaps.

    Parameters
    ----------
    values : array_like [shape=(n_frames,), float]
        A curve at 250 frames/s.

    Returns
    -------
    (np.ndarray, np.ndarray) [shape=(n_points,)]
        Times in seconds, and the values there; ``n_points`` ≤ `max_points`.
    """
    values = np.asarray(values)
    step = max(1, -(-len(values) // max_points))
    return seconds(len(values))[::step], values[::step]


def thin_to_extremes(
    steps: np.ndarray, values: np.ndarray, *, first: float, last: float, n_points: int
) -> tuple[np.ndarray, np.ndarray]:
    """What is worth drawing of a curve between two steps: all of it, or the lowest and highest of each stretch.

    Unlike `thin` it loses no single high value, and each curve gets points of its own.

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


def runs(mask: ArrayLike) -> list[tuple[int, int]]:
    """Start and end frame (exclusive) of each run of True in a boolean array [shape=(n_frames,)]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(mask, np.int8), [0]])))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def merged_runs(mask: ArrayLike, *, gap_frames: int = 25, most: int = 200) -> list[tuple[int, int]]:
    """`runs` with gaps up to `gap_frames` closed, widening the gap until at most `most` runs are left."""
    found = runs(mask)
    while True:
        merged: list[tuple[int, int]] = []
        for start, end in found:
            if merged and start - merged[-1][1] <= gap_frames:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        if len(merged) <= most:
            return merged
        gap_frames *= 2


def shade(figure: go.Figure, mask: ArrayLike, colour: str, *, row: int | None = None) -> None:
    """Shade the passages where `mask` [shape=(n_frames,), bool] holds, in one row of a new figure being built."""
    place: dict[str, int] = {} if row is None else {"row": row, "col": 1}
    for start, end in merged_runs(mask):
        figure.add_vrect(
            x0=start / FRAME_RATE, x1=end / FRAME_RATE, fillcolor=colour, line_width=0, layer="below", **place
        )


def note_ticks(low_midi: float, high_midi: float) -> dict:
    """Axis settings that label MIDI notes by name: every semitone, the white keys, C E G, or C, as room allows."""
    room = ((8, range(12)), (17, (0, 2, 4, 5, 7, 9, 11)), (30, (0, 4, 7)))
    shown = next((pitch_classes for span, pitch_classes in room if high_midi - low_midi <= span), (0,))
    ticks = [midi for midi in range(int(np.ceil(low_midi)), int(high_midi) + 1) if midi % 12 in shown]
    return {"tickvals": ticks, "ticktext": [note_name(tick) for tick in ticks], "range": [low_midi, high_midi]}


def finish(figure: go.Figure, *, height: int) -> go.Figure:
    """The common layout: no background, quiet grid, a legend on top, one cursor across the rows."""
    figure.update_layout(
        height=height,
        margin={"l": 56, "r": 12, "t": 34, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        dragmode="zoom",
    )
    figure.update_xaxes(showgrid=True, gridcolor=GRID, zeroline=False, hoverformat=".2f")
    figure.update_yaxes(showgrid=True, gridcolor=GRID, zeroline=False, title_font={"size": 12})
    return figure
