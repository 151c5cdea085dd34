"""A sweep's audio examples as one HTML page that stands for itself: a table of players, the sounds inside."""

import base64
import html
from collections.abc import Callable, Sequence

from ddsing.experiments.sweep.grid import PARAMETERS
from ddsing.experiments.sweep.results import Result

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #20282b;
  background: #fdfcf9; }
h1 { font-family: Georgia, serif; font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #d9d5ca; padding: 0.6rem; text-align: left; font-weight: 500; }
audio { width: 100%; min-width: 10rem; }
small { color: #566067; }
"""


def examples(
    voice: str,
    rows: tuple[str, Sequence[float]],
    columns: tuple[str, Sequence[float]],
    cells: Sequence[Sequence[Result | None]],
    *,
    phrase: str,
    sound: Callable[[Result], tuple[bytes, int]],
) -> str:
    """The page.

    Parameters
    ----------
    rows, columns : (str, sequence of float)
        As in `ddsing.experiments.sweep.results.matrix`, which also gives `cells`.
    phrase : str
        What is sung, for people.
    sound : callable
        A cell's FLAC, and the step at which it sounded so.
    """
    head = "".join(f"<th scope='col'>{_label(columns[0], value)}</th>" for value in columns[1])
    lines = []
    for number in reversed(range(len(rows[1]))):  # as in the map, the lowest value at the bottom
        line = "".join(f"<td>{_player(cell, sound)}</td>" for cell in cells[number])
        lines.append(f"<tr><th scope='row'>{_label(rows[0], rows[1][number])}</th>{line}</tr>")
    title = f"{html.escape(voice)}: audio examples"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"<p>{html.escape(phrase)}, sung by each model.</p>"
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></html>\n"
    )


def _label(name: str, value: float) -> str:
    return html.escape(f"{value:g} {PARAMETERS[name][1]}") if name else ""


def _player(cell: Result | None, sound: Callable[[Result], tuple[bytes, int]]) -> str:
    if cell is None:
        return ""
    content, step = sound(cell)
    address = f"data:audio/flac;base64,{base64.b64encode(content).decode()}"
    about = html.escape(f"{cell.name}, step {step:,}")
    return f"<audio controls preload='none' aria-label='{about}' src='{address}'></audio><br><small>{about}</small>"
