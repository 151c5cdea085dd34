"""A small piano keyboard with a range of notes coloured in."""

import math

import plotly.graph_objects as go

from ddsing.plots import style
from ddsing.units import note_name

_BLACK = {1, 3, 6, 8, 10}
LOWEST, HIGHEST = 36, 84  # C2 to C6, widened when the range needs it


def _white_index(midi: int) -> int:
    octave, pitch_class = divmod(midi, 12)
    return octave * 7 + sum(1 for key in range(pitch_class) if key not in _BLACK)


def span(pitch_range_midi: tuple[float, float]) -> tuple[int, int]:
    """First and last key drawn: whole octaves around the range, at least C2 to C6."""
    low = min(LOWEST, math.floor(pitch_range_midi[0] / 12) * 12)
    high = max(HIGHEST, math.ceil(pitch_range_midi[1] / 12) * 12)
    return max(0, low), min(120, high)


def figure(pitch_range_midi: tuple[float, float], *, mean_midi: float | None = None) -> go.Figure:
    """The keyboard; keys whose note lies in the range are coloured, the mean pitch carries a dot."""
    first, last = span(pitch_range_midi)
    origin = _white_index(first)
    low, high = round(pitch_range_midi[0]), round(pitch_range_midi[1])
    shapes = []
    for black in (False, True):  # black keys lie on top
        for midi in range(first, last + 1):
            if (midi % 12 in _BLACK) != black:
                continue
            key = _white_index(midi) - origin
            inside = low <= midi <= high
            x0, x1, y0 = (key - 0.3, key + 0.3, 0.4) if black else (key, key + 1, 0.0)
            fill = ("#0d6a61" if inside else "#3a4247") if black else ("#7fd0c5" if inside else "#fbfaf6")
            shapes.append({
                "type": "rect", "layer": "below", "x0": x0, "x1": x1, "y0": y0, "y1": 1.0, "fillcolor": fill,
                "line": {"color": "#8b959b", "width": 0.7},
            })  # fmt: skip
    result = go.Figure(layout={"shapes": shapes})
    if mean_midi is not None:
        nearest = round(mean_midi)
        x = _white_index(nearest) - origin + (0.0 if nearest % 12 in _BLACK else 0.5)
        y = 0.6 if nearest % 12 in _BLACK else 0.18
        result.add_scatter(x=[x], y=[y], mode="markers", marker={"size": 7, "color": style.ACCENT}, hoverinfo="skip")
    octaves = list(range(math.ceil(first / 12) * 12, last + 1, 12))
    n_white = _white_index(last) - origin + 1
    result.update_layout(
        height=78, margin={"l": 2, "r": 2, "t": 2, "b": 20}, showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        xaxis={
            "range": [-0.05, n_white + 0.05], "fixedrange": True, "showgrid": False, "zeroline": False,
            "tickvals": [_white_index(midi) - origin + 0.5 for midi in octaves],
            "ticktext": [note_name(midi) for midi in octaves], "tickfont": {"size": 11},
        },
        yaxis={"range": [-0.02, 1.02], "visible": False, "fixedrange": True},
    )  # fmt: skip
    return result


def alt_text(pitch_range_midi: tuple[float, float], *, mean_midi: float | None = None) -> str:
    """The keyboard in words."""
    said = f"Keyboard: the instrument sings from {note_name(pitch_range_midi[0])} to {note_name(pitch_range_midi[1])}"
    return said + (f", around {note_name(mean_midi)} on average." if mean_midi is not None else ".")
