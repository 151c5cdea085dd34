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


def position(midi: int, first: int) -> float:
    """Where the middle of a key lies, in white keys from the left edge of a keyboard that starts at `first`."""
    return _white_index(midi) - _white_index(first) + (0.0 if midi % 12 in _BLACK else 0.5)


def width(first: int, last: int) -> int:
    """White keys from `first` to `last`."""
    return _white_index(last) - _white_index(first) + 1


def shapes(first: int, last: int, *, inside: set[int], y0: float = 0.0, y1: float = 1.0) -> list[dict]:
    """The keys as plotly shapes between two heights; those `inside` are coloured."""
    found = []
    for black in (False, True):  # black keys lie on top
        for midi in range(first, last + 1):
            if (midi % 12 in _BLACK) != black:
                continue
            middle = position(midi, first)
            half, bottom = (0.3, y0 + 0.4 * (y1 - y0)) if black else (0.5, y0)
            plain, coloured = ("#3a4247", "#0d6a61") if black else ("#fbfaf6", "#7fd0c5")
            found.append(
                {
                    "type": "rect",
                    "layer": "below",
                    "x0": middle - half,
                    "x1": middle + half,
                    "y0": bottom,
                    "y1": y1,
                    "fillcolor": coloured if midi in inside else plain,
                    "line": {"color": "#8b959b", "width": 0.7},
                }
            )
    return found


def figure(pitch_range_midi: tuple[float, float], *, mean_midi: float | None = None) -> go.Figure:
    """The keyboard; keys whose note lies in the range are coloured, the mean pitch carries a dot."""
    first, last = span(pitch_range_midi)
    low, high = round(pitch_range_midi[0]), round(pitch_range_midi[1])
    result = go.Figure(layout={"shapes": shapes(first, last, inside=set(range(low, high + 1)))})
    if mean_midi is not None:
        nearest = round(mean_midi)
        y = 0.6 if nearest % 12 in _BLACK else 0.18
        result.add_scatter(
            x=[position(nearest, first)],
            y=[y],
            mode="markers",
            marker={"size": 7, "color": style.ACCENT},
            hoverinfo="skip",
        )
    octaves = list(range(math.ceil(first / 12) * 12, last + 1, 12))
    result.update_layout(
        height=78,
        margin={"l": 2, "r": 2, "t": 2, "b": 20},
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={
            "range": [-0.05, width(first, last) + 0.05],
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "tickvals": [position(midi, first) for midi in octaves],
            "ticktext": [note_name(midi) for midi in octaves],
            "tickfont": {"size": 11},
        },
        yaxis={"range": [-0.02, 1.02], "visible": False, "fixedrange": True},
    )
    return result


def alt_text(pitch_range_midi: tuple[float, float], *, mean_midi: float | None = None) -> str:
    """The keyboard in words."""
    said = f"Keyboard: the instrument sings from {note_name(pitch_range_midi[0])} to {note_name(pitch_range_midi[1])}"
    return said + (f", around {note_name(mean_midi)} on average." if mean_midi is not None else ".")
