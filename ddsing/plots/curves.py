"""Many trainings in one figure: loss or a held-out metric over the steps, colour by voice, dash by model family.

The curves come thinned, so that hundreds of them are drawn as SVG: sharp when saved as one, and without WebGL. The
figure is a plain dictionary, since plotly's own checks of so many curves take longer than drawing them; `as_figure`
makes a checked `go.Figure` of it, and `to_html` a page that stands for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ddsing.constants import GUIDE_BAND
from ddsing.plots import style
from ddsing.plots.training import BAND

COLOURS = ("#149384", "#cf7d16", "#9a63b8", "#3f87d6", "#d1495b", "#7d9a2b", "#c2679e", "#6a6fd8", "#a5793b", "#2fa5c0")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MEASURES = {  # label, unit, digits
    "loss": ("total loss", "", 3),
    "spectral_loss": ("held-out spectral loss", "", 3),
    "f0_cents": ("held-out pitch error", "cents", 0),
    "loudness_db": ("held-out loudness error", "dB", 2),
    "timbre_db": ("held-out timbre error", "dB", 2),
}
MAX_LEGEND = 24


@dataclass(frozen=True, eq=False)
class Line:
    """One run's curve.

    Attributes
    ----------
    name, family : str
    colour_by : str
        Lines of the same word have the same colour.
    steps, values : np.ndarray [shape=(n,)]
        Ready to draw.
    raw_steps, raw_values : np.ndarray [shape=(m,)] or None
        The same without smoothing, drawn faintly behind it.
    best_step : int or None
        Gets a star.
    """

    name: str
    family: str
    colour_by: str
    steps: np.ndarray
    values: np.ndarray
    raw_steps: np.ndarray | None = None
    raw_values: np.ndarray | None = None
    best_step: int | None = None


def figure(
    lines: Sequence[Line],
    *,
    measure: str = "loss",
    window: tuple[float, float] | None = None,
    at: int | None = None,
    height: int = 520,
) -> dict:
    """The curves; `window` is the range of steps to show, `at` a step to mark."""
    colours = _assigned([line.colour_by for line in lines], COLOURS)
    dashes = _assigned([line.family for line in lines], DASHES)
    legend = len(lines) <= MAX_LEGEND
    traces: list[dict] = []
    seen: set[tuple[str, str]] = set()
    for line in lines:
        if line.raw_values is not None and len(line.raw_values):
            traces.append(_raw(line, colours[line.colour_by]))
    for line in lines:
        group = (line.colour_by, line.family)
        first = group not in seen
        seen.add(group)
        label = line.name if legend else _group_name(line)
        traces.append(_trace(line, measure, colours[line.colour_by], dashes[line.family], label, shown=legend or first))
    traces += [_star(line, colours[line.colour_by]) for line in lines if _has_star(line)]
    layout = style.finish(go.Figure(), height=height).to_plotly_json()["layout"]
    label, unit, _ = MEASURES[measure]
    layout |= {
        "hovermode": "closest",
        "dragmode": "select",
        "selectdirection": "h",
        "uirevision": f"{measure} {window}",
        "legend": {"orientation": "h", "y": -0.16, "yanchor": "top", "x": 0, "font": {"size": 12}},
        "margin": {"l": 60, "r": 14, "t": 16, "b": 40},
        "shapes": _shapes(lines, measure, at),
    }
    layout["xaxis"] |= {"title": {"text": "step"}, "tickformat": ",d", "hoverformat": ",d"}
    layout["yaxis"] |= {"title": {"text": f"{label}, {unit}".removesuffix(", ")}, "range": _range(lines, measure)}
    if window is not None:
        layout["xaxis"]["range"] = list(window)
    if layout["yaxis"]["range"] is None:
        del layout["yaxis"]["range"]
    return {"data": traces, "layout": layout}


def _assigned(words: Sequence[str], marks: Sequence[str]) -> dict[str, str]:
    return {word: marks[place % len(marks)] for place, word in enumerate(dict.fromkeys(words))}


def _group_name(line: Line) -> str:
    return line.colour_by if line.family in ("", line.colour_by) else f"{line.colour_by}, {line.family}"


def _trace(line: Line, measure: str, colour: str, dash: str, label: str, *, shown: bool) -> dict:
    _, unit, digits = MEASURES[measure]
    few = len(line.values) <= 60
    return {
        "type": "scatter",
        "x": np.asarray(line.steps),
        "y": np.asarray(line.values, np.float32),
        "mode": "lines+markers" if few else "lines",
        "name": label,
        "meta": line.name,
        "legendgroup": f"{line.colour_by}/{line.family}" if label != line.name else line.name,
        "showlegend": shown,
        "line": {"color": colour, "dash": dash, "width": 2},
        "marker": {"size": 5, "color": colour},
        "hovertemplate": f"<b>%{{meta}}</b><br>{line.family}<br>step %{{x:,d}}: %{{y:.{digits}f}} {unit}"
        "<extra></extra>",
    }


def _raw(line: Line, colour: str) -> dict:
    return {
        "type": "scatter",
        "x": np.asarray(line.raw_steps),
        "y": np.asarray(line.raw_values, np.float32),
        "mode": "lines",
        "line": {"color": colour, "width": 1},
        "opacity": 0.22,
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": line.name,
    }


def _has_star(line: Line) -> bool:
    return line.best_step is not None and len(line.steps) > 0 and line.steps[0] <= line.best_step <= line.steps[-1]


def _star(line: Line, colour: str) -> dict:
    step = line.best_step or 0
    return {
        "type": "scatter",
        "x": [step],
        "y": [float(np.interp(step, line.steps, line.values))],
        "mode": "markers",
        "showlegend": False,
        "legendgroup": line.name,
        "meta": line.name,
        "marker": {"symbol": "star", "size": 13, "color": colour, "line": {"width": 1, "color": "#ffffff"}},
        "hovertemplate": "<b>%{meta}</b><br>best checkpoint, step %{x:,d}<extra></extra>",
    }


def _shapes(lines: Sequence[Line], measure: str, at: int | None) -> list[dict]:
    shapes = []
    if measure == "loss":
        shapes.append(
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": GUIDE_BAND[0],
                "y1": GUIDE_BAND[1],
                "fillcolor": BAND,
                "line": {"width": 0},
                "layer": "below",
            }
        )
    if at is not None:
        shapes.append(
            {
                "type": "line",
                "yref": "paper",
                "x0": at,
                "x1": at,
                "y0": 0,
                "y1": 1,
                "line": {"color": style.ACCENT, "dash": "dot", "width": 1.5},
            }
        )
    return shapes


def _range(lines: Sequence[Line], measure: str) -> list[float] | None:
    """Room for every curve but for the first hundredth of each, which would flatten the rest."""
    values = [np.asarray(line.values)[len(line.values) // 100 :] for line in lines if len(line.values)]
    values = [column[np.isfinite(column)] for column in values]
    values = [column for column in values if len(column)]
    if not values:
        return None
    low, high = min(float(column.min()) for column in values), max(float(column.max()) for column in values)
    room = 0.06 * (high - low) or 0.5
    return [low - room, high + room]


def shows_the_band(document: dict) -> bool:
    """Whether the guide band is in a figure, and in view."""
    low, high = document["layout"]["yaxis"].get("range") or GUIDE_BAND
    bands = [shape for shape in document["layout"].get("shapes", []) if shape["type"] == "rect"]
    return any(band["y0"] < high and band["y1"] > low for band in bands)


def shows_a_star(lines: Sequence[Line]) -> bool:
    """Whether any run's best checkpoint is marked."""
    return any(map(_has_star, lines))


def as_figure(document: dict) -> go.Figure:
    """A `go.Figure` of what `figure` gives."""
    return go.Figure(document)


def to_html(document: dict, title: str) -> str:
    """A page with the figure that stands for itself: plotly is inside, nothing is fetched."""
    made = as_figure(document)
    made.update_layout(
        template="plotly_white",
        title={"text": title},
        height=None,
        autosize=True,
        dragmode="zoom",
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        margin={"t": 60},
    )
    return made.to_html(
        include_plotlyjs=True, full_html=True, default_height="92vh", config=style.CONFIG | {"responsive": True}
    )


def alt_text(lines: Sequence[Line], measure: str) -> str:
    """The figure in words: how many runs, and the lowest end."""
    label, unit, digits = MEASURES[measure]
    ends = {line.name: float(line.values[-1]) for line in lines if len(line.values)}
    said = f"{label} of {len(lines)} runs by step"
    if not ends:
        return f"{said}; nothing measured yet."
    lowest = min(ends, key=ends.__getitem__)
    return f"{said}; lowest at its end is {lowest} with {ends[lowest]:.{digits}f} {unit}".rstrip() + "."
