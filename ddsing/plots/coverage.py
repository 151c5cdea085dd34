"""Every window of a dataset as a cell in a strip per recording: press a cell, or draw a box over several.

Recordings longer than a line are folded into several, as text is. A cell is as wide as the distance between two
windows' starts; its window reaches four seconds from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ddsing.plots import style

STATES = {  # of a window: label, colour
    "train": ("trained on", style.RESULT),
    "held_out": ("held out for testing", style.EXTRA),
    "guard": ("left out: overlaps a held-out window", style.SOURCE),
    "excluded": ("excluded by you", "#cf543c"),
}
LEGEND = {"train": "trained on", "held_out": "held out", "guard": "next to held out", "excluded": "excluded"}
MEASURES = {  # of a window: label, whether a high value is a good one
    "confidence": ("confidence of the pitch", True),
    "silence": ("share of silence", False),
    "clipping": ("share of clipped samples", False),
}
LINE_S = 300.0  # a recording's line is folded here
ROW_PX = 22
GOOD_BAD = ["#cf543c", "#e3b04b", "#149384"]  # bad to good


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of a dataset, all [shape=(n_windows,)].

    Attributes
    ----------
    ids : sequence of int
        What a selection returns.
    file : sequence of str
        Recording of each window.
    start_s : np.ndarray
        Where it starts there.
    state : sequence of str
        A key of `STATES`.
    confidence, silence, clipping : np.ndarray
        0 to 1; NaN where unknown.
    hop_s : float
        Between the starts of neighbouring windows.
    """

    ids: Sequence[int]
    file: Sequence[str]
    start_s: np.ndarray
    state: Sequence[str]
    confidence: np.ndarray
    silence: np.ndarray
    clipping: np.ndarray
    hop_s: float = 1.0


def figure(
    windows: Windows, *, colour: str = "state", current: int | None = None, boxed: Sequence[int] = ()
) -> go.Figure:
    """The strips, coloured by ``state`` or by one of `MEASURES`.

    The window with id `current` is framed; where the ids of some are `boxed`, the others step back.
    """
    labels, rows, offsets = _lines(windows)
    result = go.Figure()
    states, in_box = np.asarray(windows.state), np.isin(windows.ids, boxed)
    groups = [(name, states == name) for name in STATES] if colour == "state" else [("", np.ones(len(states), bool))]
    for name, chosen in groups:
        if chosen.any():
            marker, legend = _marker(windows, colour, name, chosen)
            result.add_bar(
                orientation="h",
                base=offsets[chosen],
                x=np.full(chosen.sum(), windows.hop_s),
                y=rows[chosen],
                width=0.82,
                marker=marker,
                customdata=_hover(windows, chosen),
                name=legend,
                showlegend=colour == "state",
                hovertemplate="%{customdata[1]}, %{customdata[2]}<br>%{customdata[3]}<br>confidence %{customdata[4]}, "
                "silent %{customdata[5]}, clipped %{customdata[6]}<extra></extra>",
                selected={"marker": {"opacity": 1.0}},
                unselected={"marker": {"opacity": 0.35 if boxed else 1.0}},
                selectedpoints=np.flatnonzero(in_box[chosen]) if boxed else None,
            )
    _frame(result, windows, rows, offsets, current)
    style.finish(result, height=max(150, (96 if colour == "state" else 108) + ROW_PX * len(labels)))
    result.update_layout(
        barmode="overlay",
        hovermode="closest",
        dragmode="select",
        bargap=0.1,
        margin={"l": 10, "r": 12, "t": 46 if colour == "state" else 58},
        legend={"traceorder": "normal"},
    )
    result.update_xaxes(
        title_text="time, s", range=[0, float((offsets + windows.hop_s).max(initial=10.0))], showgrid=False
    )
    result.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=labels,
        automargin=True,
        showgrid=False,
        range=[len(labels) - 0.4, -0.6],
        fixedrange=True,
    )
    return result


def _lines(windows: Windows) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Label of each line, and of each window its line and its offset in seconds there."""
    files, start_s = np.asarray(windows.file), np.asarray(windows.start_s, float)
    fold = np.floor(start_s / LINE_S).astype(int)
    labels: list[str] = []
    rows = np.zeros(len(start_s), int)
    for file in dict.fromkeys(windows.file):
        for part in np.unique(fold[files == file]):
            rows[(files == file) & (fold == part)] = len(labels)
            labels.append(_short(file) if part == 0 else f"… from {int(part * LINE_S) // 60} min")
    return labels, rows, start_s - fold * LINE_S


def _short(name: str, most: int = 26) -> str:
    return name if len(name) <= most else f"{name[: most - 9]}…{name[-8:]}"


def _marker(windows: Windows, colour: str, name: str, chosen: np.ndarray) -> tuple[dict, str]:
    if colour == "state":
        return {"color": STATES[name][1], "line": {"width": 0}}, f"{LEGEND[name]} ({int(chosen.sum()):,})"
    label, high_is_good = MEASURES[colour]
    values = np.asarray(getattr(windows, colour), float)
    scale = GOOD_BAD if high_is_good else GOOD_BAD[::-1]
    top = 1.0 if high_is_good or colour == "silence" else max(0.01, float(np.nanmax(values, initial=0.0)))
    excluded = np.asarray(windows.state) == "excluded"
    return {
        "color": np.nan_to_num(values, nan=0.0),
        "colorscale": scale,
        "cmin": 0.0,
        "cmax": top,
        "line": {"width": 0},
        "opacity": np.where(excluded, 0.25, 1.0),
        "showscale": True,
        "colorbar": {
            "orientation": "h",
            "thickness": 10,
            "len": 0.5,
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "title": {"text": label, "side": "top"},
            "nticks": 4,
            "tickformat": ".0%" if colour != "confidence" else ".1f",
        },
    }, label


def _hover(windows: Windows, chosen: np.ndarray) -> list[list]:
    said = []
    for index in map(int, np.flatnonzero(chosen)):
        start = float(windows.start_s[index])
        measures = [_number(windows.confidence[index]), _share(windows.silence[index]), _share(windows.clipping[index])]
        label = STATES.get(windows.state[index], (windows.state[index], ""))[0]
        said.append([int(windows.ids[index]), windows.file[index], f"from {start:.0f} s", label, *measures])
    return said


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "unknown"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if np.isfinite(value) else "unknown"


def _frame(result: go.Figure, windows: Windows, rows: np.ndarray, offsets: np.ndarray, current: int | None) -> None:
    if current is None:
        return
    for index in np.flatnonzero(np.asarray(windows.ids) == current):
        result.add_shape(
            type="rect",
            x0=offsets[index],
            x1=offsets[index] + windows.hop_s,
            y0=rows[index] - 0.5,
            y1=rows[index] + 0.5,
            line={"color": style.ACCENT, "width": 2.5},
            layer="above",
        )


def boxed(event: Mapping[str, Any] | None) -> tuple[int, ...]:
    """The ids in a box, in a selection as `st.plotly_chart` returns it, each once, in order."""
    return _ids(event) if _has_box(event) else ()


def pressed(event: Mapping[str, Any] | None) -> int | None:
    """The id of the one cell that was pressed, or None."""
    ids = _ids(event)
    return ids[0] if len(ids) == 1 and not _has_box(event) else None


def _has_box(event: Mapping[str, Any] | None) -> bool:
    return bool((event or {}).get("selection", {}).get("box"))


def _ids(event: Mapping[str, Any] | None) -> tuple[int, ...]:
    points = (event or {}).get("selection", {}).get("points", [])
    return tuple(sorted({int(point["customdata"][0]) for point in points if point.get("customdata")}))


def alt_text(windows: Windows) -> str:
    """The strips in words: how many windows of how many recordings, and how many in each state."""
    states = np.asarray(windows.state)
    counts = [f"{int((states == name).sum())} {label}" for name, (label, _) in STATES.items() if (states == name).any()]
    n_files = len(set(windows.file))
    said = f"{len(states)} windows of {n_files} recording{'' if n_files == 1 else 's'}: {', '.join(counts) or 'none'}"
    confidence = np.asarray(windows.confidence, float)
    if np.isfinite(confidence).any():
        said += f"; mean confidence {np.nanmean(confidence):.2f}, lowest {np.nanmin(confidence):.2f}"
    return said + "."
