"""The latent space as a map: stretches of a voice's dataset along two principal directions, to be selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ddsing.plots import style
from ddsing.plots.curves import COLOURS
from ddsing.units import format_number, hz_to_midi, note_name

PITCH_SCALE = [[0.0, "#3f5fb0"], [0.5, "#149384"], [1.0, "#e0953f"]]
MAX_FILES = len(COLOURS)
COLOUR_BY = ("pitch", "loudness", "file")


def figure(
    places: np.ndarray,
    *,
    directions: tuple[int, int],
    explained: Sequence[float] | np.ndarray,
    colour_by: str,
    f0_hz: np.ndarray,
    loudness_db: np.ndarray,
    file: Sequence[str],
    marks: Sequence[tuple[str, np.ndarray]] = (),
    height: int = 500,
) -> go.Figure:
    """The map; points carry their number as ``customdata``.

    Parameters
    ----------
    places : np.ndarray [shape=(n_points, n_directions), float]
        In standard deviations, see `LatentSpace.project`.
    directions : (int, int)
        Of the axes, counted from 0.
    f0_hz, loudness_db, file
        One for each point.
    marks : sequence of (str, np.ndarray [shape=(n_directions,)])
        Where A, B and the sliders are.
    """
    result = go.Figure()
    x, y = directions
    numbers = np.arange(len(places))
    for name, chosen, marker in _groups(colour_by, f0_hz, loudness_db, file):
        result.add_scatter(
            x=places[chosen, x],
            y=places[chosen, y],
            mode="markers",
            name=name,
            marker=marker | {"size": 8},
            showlegend=bool(name),
            customdata=_about(numbers[chosen], f0_hz, loudness_db, file),
            hovertemplate="%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
            selected={"marker": {"opacity": 1.0, "size": 11}},
            unselected={"marker": {"opacity": 0.35}},
        )
    for label, place in marks:
        result.add_scatter(
            x=[place[x]],
            y=[place[y]],
            mode="markers+text",
            text=[label],
            textposition="top center",
            showlegend=False,
            textfont={"size": 15, "color": style.ACCENT},
            hoverinfo="skip",
            marker={"symbol": "diamond", "size": 13, "color": style.ACCENT, "line": {"width": 1.5, "color": "#ffffff"}},
        )
    style.finish(result, height=height)
    result.update_layout(hovermode="closest", dragmode="lasso", margin={"l": 60, "t": 34, "b": 50})
    for update, number in ((result.update_xaxes, x), (result.update_yaxes, y)):
        share = f"{100 * explained[number]:.0f} % of the variance"
        update(title_text=f"direction {number + 1} ({share}), standard deviations", hoverformat=".1f")
    return result


def _groups(
    colour_by: str, f0_hz: np.ndarray, loudness_db: np.ndarray, file: Sequence[str] | np.ndarray
) -> list[tuple[str, np.ndarray, dict]]:
    """(name in the legend, which points, how they look)."""
    everything = np.ones(len(f0_hz), bool)
    if colour_by == "file":
        names = list(dict.fromkeys(map(str, file)))
        shown, rest = names[: MAX_FILES - 1], set(names[MAX_FILES - 1 :])
        groups = [
            (name or "recording unknown", np.array([entry == name for entry in file]), {"color": COLOURS[number]})
            for number, name in enumerate(shown)
        ]
        others = np.array([entry in rest for entry in file])
        return groups + ([(f"{len(rest)} others", others, {"color": style.SOURCE})] if rest else [])
    bar: dict[str, Any] = {"thickness": 10, "outlinewidth": 0}
    if colour_by == "loudness":
        return [
            (
                "",
                everything,
                {
                    "color": loudness_db,
                    "colorscale": PITCH_SCALE,
                    "showscale": True,
                    "colorbar": bar | {"title": {"text": "loudness, dB", "side": "right"}},
                },
            )
        ]
    voiced = np.isfinite(f0_hz)
    midi = hz_to_midi(np.where(voiced, f0_hz, 1.0))
    low, high = (float(midi[voiced].min()), float(midi[voiced].max())) if voiced.any() else (50.0, 70.0)
    ticks = np.unique(np.linspace(low, high, 5).round())
    bar |= {"title": {"text": "pitch", "side": "right"}, "tickvals": ticks, "ticktext": [note_name(t) for t in ticks]}
    marker = {"color": midi[voiced], "colorscale": PITCH_SCALE, "showscale": True, "colorbar": bar}
    unvoiced = [("no clear pitch", ~voiced, {"color": style.SOURCE})] if (~voiced).any() else []
    return [("", voiced, marker), *unvoiced]


def _about(
    numbers: np.ndarray, f0_hz: np.ndarray, loudness_db: np.ndarray, file: Sequence[str] | np.ndarray
) -> list[list]:
    about = []
    for number in map(int, numbers):
        note = note_name(float(hz_to_midi(f0_hz[number]))) if np.isfinite(f0_hz[number]) else "no clear pitch"
        about.append(
            [number, str(file[number]) or "recording unknown", f"{note}, {format_number(loudness_db[number])} dB"]
        )
    return about


def selected(event: Mapping[str, Any] | None) -> tuple[int, ...]:
    """The numbers of the points in a selection as `st.plotly_chart` returns it, each once, in order."""
    points = (event or {}).get("selection", {}).get("points", [])
    return tuple(sorted({int(point["customdata"][0]) for point in points if point.get("customdata")}))


def alt_text(n_points: int, n_files: int, explained: Sequence[float] | np.ndarray, directions: tuple[int, int]) -> str:
    """The map in words."""
    share = 100 * sum(explained[number] for number in directions)
    of = f"{n_files} recording" + ("" if n_files == 1 else "s")
    first, second = (number + 1 for number in directions)
    return (
        f"{n_points} stretches of {of} by their timbre, along the directions {first} and {second}, which explain "
        f"{share:.0f} % of the variance."
    )
