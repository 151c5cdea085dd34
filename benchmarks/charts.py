"""Small line charts as SVG, side by side, with confidence intervals; text only, the same bytes each time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

COLOURS = ("#0d746b", "#b8650b", "#8a4fa3", "#2f6fb0", "#a33b4c", "#6b6f1f")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 330, 300, 52, 14, 44, 84  # of a chart, in pixels, margins among them
N_TICKS, LEGEND_ROW = 5, 18
ROUND = [digit * 10.0**power for power in range(-2, 6) for digit in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5)]  # ends of axes
_FONT = 'font-family="sans-serif" font-size="11" fill="#0f1517"'


@dataclass(frozen=True)
class Line:
    """Points from left to right: x, y, and half the width of the interval of y; dashed, if it is to be told apart."""

    label: str
    points: tuple[tuple[float, float, float], ...]
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines in one pair of axes, from zero to `x_most` and `y_most`; what is above is cut off.

    With `x_least` and `y_least` both axes are logarithmic, from there on, with a tick at each power of ten.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    x_most: float
    y_most: float
    x_least: float = 0.0
    y_least: float = 0.0


def svg(charts: Sequence[Chart], description: str) -> str:
    """The charts in a row, as the text of a file."""
    width = WIDTH * len(charts)
    rows = max((len(chart.lines) + 1) // 2 for chart in charts)
    height = HEIGHT + LEGEND_ROW * max(0, rows - 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img">',
        f"<title>{escape(description)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fdfcf9"/>',
    ]
    for number, chart in enumerate(charts):
        clip = (
            f'<clipPath id="c{number}"><rect x="{LEFT}" y="{TOP}" width="{_inner_width()}" height="{_inner_height()}"/>'
        )
        parts += [f'<g transform="translate({WIDTH * number} 0)">', clip + "</clipPath>", *_axes(chart)]
        for place, line in enumerate(chart.lines):
            parts += _line(chart, line, COLOURS[place % len(COLOURS)], place, f"c{number}")
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _inner_width() -> int:
    return WIDTH - LEFT - RIGHT


def _inner_height() -> int:
    return HEIGHT - TOP - BOTTOM


def _x(chart: Chart, x: float) -> float:
    return LEFT + _inner_width() * _share(x, chart.x_least, chart.x_most)


def _y(chart: Chart, y: float) -> float:
    return TOP + _inner_height() * (1.0 - _share(y, chart.y_least, chart.y_most))


def _share(value: float, least: float, most: float) -> float:
    """Where a value is on an axis, 0 to 1; on a logarithmic one what is below its beginning stands there."""
    return math.log(max(value, least) / least) / math.log(most / least) if least else value / most


def _ticks(least: float, most: float) -> list[float]:
    if not least:
        return [most * tick / N_TICKS for tick in range(N_TICKS + 1)]
    powers = range(math.ceil(math.log10(least) - 1e-9), math.floor(math.log10(most) + 1e-9) + 1)
    return [10.0**power for power in powers]


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {_FONT} {more}>{escape(words)}</text>'


def _axes(chart: Chart) -> list[str]:
    middle, bottom = 'text-anchor="middle"', HEIGHT - BOTTOM
    parts = [_text(LEFT, 18, chart.title, 'font-weight="600"'), _text(LEFT, 34, chart.y_label)]
    parts.append(_text(LEFT + _inner_width() / 2, bottom + 32, chart.x_label, middle))
    ticks = zip_longest(_ticks(chart.x_least, chart.x_most), _ticks(chart.y_least, chart.y_most))
    for x_value, y_value in ticks:
        if y_value is not None:
            y = _y(chart, y_value)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d9d5ca" fill="none"/>')
            parts.append(_text(LEFT - 6, y + 4, f"{y_value:g}", 'text-anchor="end"'))
        if x_value is not None:
            parts.append(_text(_x(chart, x_value), bottom + 16, f"{x_value:g}", middle))
    return parts


def _line(chart: Chart, line: Line, colour: str, place: int, clip: str) -> list[str]:
    at = [(_x(chart, x), y, margin) for x, y, margin in line.points]
    path = "M" + "L".join(f"{x:.1f} {_y(chart, y):.1f}" for x, y, _ in at)
    bars = "".join(f"M{x:.1f} {_y(chart, max(0.0, y - m)):.1f}V{_y(chart, y + m):.1f}" for x, y, m in at)
    stroke = f'stroke="{colour}" fill="none" stroke-width="2"' + (' stroke-dasharray="5 4"' if line.dashed else "")
    legend_x, legend_y = LEFT + (place % 2) * _inner_width() / 2, HEIGHT - BOTTOM + 52 + LEGEND_ROW * (place // 2)
    return [
        f'<g clip-path="url(#{clip})"><path d="{path}" {stroke}/><path d="{bars}" stroke="{colour}" fill="none"/></g>',
        f'<path d="M{legend_x:.1f} {legend_y - 4:.1f}h20" {stroke}/>',
        _text(legend_x + 26, legend_y, line.label),
    ]
