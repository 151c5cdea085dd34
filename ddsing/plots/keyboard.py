"""A small piano keyboard with a range of notes coloured in."""

import math

from ddsing.plots import style
from ddsing.units import note_name

_BLACK = {1, 3, 6, 8, 10}
LOWEST, HIGHEST = 36, 84  # C2 to C6, widened when the range needs it
_HEIGHT_PX = 54  # of the keys; their names are below


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


def html(pitch_range_midi: tuple[float, float], *, mean_midi: float | None = None) -> str:
    """The keyboard, as wide as its place; keys whose note lies in the range are coloured, the mean pitch has a dot.

    Nothing of it can be used, so it is no figure, for which the browser would read five megabytes of scripts.
    """
    first, last = span(pitch_range_midi)
    low, high = round(pitch_range_midi[0]), round(pitch_range_midi[1])
    n_keys = width(first, last)
    parts = [_key(shape, n_keys) for shape in shapes(first, last, inside=set(range(low, high + 1)))]
    if mean_midi is not None:
        nearest = round(mean_midi)
        look = f"width: 7px; height: 7px; border-radius: 50%; background: {style.ACCENT}"
        parts.append(_at(position(nearest, first), n_keys, 0.6 if nearest % 12 in _BLACK else 0.18, look))
    for midi in range(math.ceil(first / 12) * 12, last + 1, 12):
        parts.append(_at(position(midi, first), n_keys, -0.2, "font-size: 11px", note_name(midi)))
    said = alt_text(pitch_range_midi, mean_midi=mean_midi)
    look = f"position: relative; height: {_HEIGHT_PX}px; margin: 2px 2px 20px"
    return f'<div role="img" aria-label="{said}" style="{look}">{"".join(parts)}</div>'


def _key(shape: dict, n_keys: int) -> str:
    across = f"left: {_percent(shape['x0'] / n_keys)}; width: {_percent((shape['x1'] - shape['x0']) / n_keys)}"
    down = f"top: {_percent(1 - shape['y1'])}; bottom: {_percent(shape['y0'])}"
    look = f"background: {shape['fillcolor']}; outline: {shape['line']['width']}px solid {shape['line']['color']}"
    return f'<b style="position: absolute; {across}; {down}; {look}"></b>'


def _at(x: float, n_keys: int, y: float, look: str, text: str = "") -> str:
    """Something whose middle is at so many white keys from the left, and at a part of their height."""
    place = f"left: {_percent(x / n_keys)}; top: {_percent(1 - y)}; transform: translate(-50%, -50%)"
    return f'<i style="position: absolute; font-style: normal; {place}; {look}">{text}</i>'


def _percent(share: float) -> str:
    return f"{100 * share:.5g}%"


def alt_text(pitch_range_midi: tuple[float, float], *, mean_midi: float | None = None) -> str:
    """The keyboard in words."""
    said = f"Keyboard: the instrument sings from {note_name(pitch_range_midi[0])} to {note_name(pitch_range_midi[1])}"
    return said + (f", around {note_name(mean_midi)} on average." if mean_midi is not None else ".")
