"""A sweep as a heat map: a measure over two parameters, each cell to be pressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ddsing.plots import style

SCALE = [[0.0, "#0b5f57"], [0.35, "#4fa093"], [0.7, "#d9d2a6"], [1.0, "#e0953f"]]  # low is good
CELL_PX = 84


@dataclass(frozen=True, eq=False)
class Map:
    """What is to be drawn.

    Attributes
    ----------
    rows, columns : (str, tuple of str)
        What the parameter is called, and its values as text; the first row is drawn at the bottom.
    values : np.ndarray [shape=(n_rows, n_columns), float64]
        NaN where there is nothing.
    names : list of list of str
        The cells' names, "" where there is none.
    measure : str
        What the values are, for people.
    digits : int
        After the point; -1 for thousands.
    """

    rows: tuple[str, Sequence[str]]
    columns: tuple[str, Sequence[str]]
    values: np.ndarray
    names: list[list[str]]
    measure: str
    digits: int = 2

    def text(self, row: int, column: int) -> str:
        """A cell's value as written in it."""
        value = self.values[row, column]
        if not np.isfinite(value):
            return "" if not self.names[row][column] else "…"
        if self.digits < 0:
            return f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value / 1e3:,.0f} k"
        return f"{value:.{self.digits}f}"


def figure(drawn: Map, *, chosen: str = "") -> go.Figure:
    """The heat map; the cell named `chosen` is framed. A press selects a point whose ``customdata`` is its name."""
    n_rows, n_columns = drawn.values.shape
    texts = [[drawn.text(row, column) for column in range(n_columns)] for row in range(n_rows)]
    result = go.Figure()
    result.add_heatmap(
        z=drawn.values,
        x=list(range(n_columns)),
        y=list(range(n_rows)),
        text=texts,
        texttemplate="%{text}",
        colorscale=SCALE,
        xgap=4,
        ygap=4,
        hoverinfo="skip",
        textfont={"size": 15},
        colorbar={"title": {"text": drawn.measure, "side": "right"}, "thickness": 10, "outlinewidth": 0},
    )
    places = [(row, column) for row in range(n_rows) for column in range(n_columns) if drawn.names[row][column]]
    result.add_scatter(  # a heat map can't be selected from: these can
        x=[column for _, column in places],
        y=[row for row, _ in places],
        mode="markers",
        showlegend=False,
        customdata=[[drawn.names[row][column]] for row, column in places],
        text=[f"{drawn.measure} {texts[row][column]}" for row, column in places],
        hovertemplate="<b>%{customdata[0]}</b><br>%{text}<br>click to listen<extra></extra>",
        marker={"symbol": "square", "size": 0.7 * CELL_PX, "opacity": 0.0, "color": "#ffffff"},
        selected={"marker": {"opacity": 0.0}},
        unselected={"marker": {"opacity": 0.0}},
    )
    for row, column in places:
        if drawn.names[row][column] == chosen:
            result.add_shape(
                type="rect",
                x0=column - 0.48,
                x1=column + 0.48,
                y0=row - 0.48,
                y1=row + 0.48,
                line={"color": style.EXTRA, "width": 3.5},
            )
    style.finish(result, height=126 + CELL_PX * n_rows)
    result.update_layout(hovermode="closest", dragmode=False, margin={"l": 70, "t": 30, "b": 56})
    for update, (label, values) in ((result.update_xaxes, drawn.columns), (result.update_yaxes, drawn.rows)):
        update(
            title_text=label,
            tickvals=list(range(len(values))),
            ticktext=list(values),
            showgrid=False,
            fixedrange=True,
            range=[-0.5, len(values) - 0.5],
        )
    return result


def pressed(event: Mapping[str, Any] | None) -> str | None:
    """The name of the cell in a selection as `st.plotly_chart` returns it."""
    points = (event or {}).get("selection", {}).get("points", [])
    names = [point["customdata"][0] for point in points if point.get("customdata")]
    return str(names[-1]) if names else None


def alt_text(drawn: Map) -> str:
    """The map in words: its size, and which cell is lowest."""
    known = np.isfinite(drawn.values)
    said = f"{drawn.measure} over {drawn.rows[0] or 'one row'} and {drawn.columns[0] or 'one column'}, "
    said += f"{int(known.sum())} cells"
    if known.any():
        row, column = np.unravel_index(np.nanargmin(drawn.values), drawn.values.shape)
        said += f"; lowest is {drawn.names[row][column]} with {drawn.text(int(row), int(column))}"
    return said + "."
