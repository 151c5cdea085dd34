"""The piano roll: curves and notes over a grid of pitch and time, in which a stretch is selected and acted upon.

A small component of the page itself, as the players are. What a curve is and what is done to it, is its page's affair.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ddsing.ui.player.players import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_POINTS = 40_000  # of a curve; more than a screen has, and ten minutes at 60 points per second
DRAWN = """<canvas class="drawn" aria-hidden="true"></canvas><canvas class="over" aria-hidden="true"></canvas>
</div>
<label class="scroller" hidden><input class="scroll" type="range" min="0" aria-label="Time shown"></label>"""
ZOOMS = """<div class="zooms" role="group" aria-label="Zoom">
<button type="button" value="in" aria-label="Zoom in">+</button>
<button type="button" value="out" aria-label="Zoom out">−</button>
<button type="button" value="selection">Selection</button>
<button type="button" value="all">All</button>
</div>"""
ROLL = f"""<div class="roll" role="group" aria-label="Piano roll">
<div class="tools"></div>
<div class="stage" tabindex="0" role="application" aria-roledescription="piano roll">
{DRAWN}
<div class="foot">
<label>From
<input class="from" type="number" min="0" step="0.05" inputmode="decimal" aria-label="Selection from, s"></label>
<label>to
<input class="to" type="number" min="0" step="0.05" inputmode="decimal" aria-label="Selection to, s"> s</label>
<span class="status" aria-live="polite"></span>
{ZOOMS}
</div>
<div class="legend"></div>
<div class="hint">Drag to select, or <kbd>←</kbd> <kbd>→</kbd> with <kbd>Shift</kbd>; <kbd>↑</kbd> <kbd>↓</kbd> move the
selection by semitones, with <kbd>Shift</kbd> by octaves; <kbd>Ctrl</kbd> and the wheel zoom.</div>
</div>"""

_roll = st.components.v2.component(
    "ddsing_roll", html=ROLL, css=text_of("roll.css"), js=text_of("calls.js", "shared.js", "grid.js", "roll.js")
)


def step_of(n_points: int) -> int:
    """Every how many points of a curve are sent to the browser."""
    return max(1, -(-n_points // MOST_POINTS))


def curve(name: str, midi: np.ndarray, shown: np.ndarray, *, look: str = "main") -> dict:
    """A curve of `roll`.

    Parameters
    ----------
    midi : np.ndarray [shape=(n_points,), float]
    shown : np.ndarray [shape=(n_points,), bool]
        Where there is a curve.
    look : str
        ``main``, ``faint`` or ``before``.
    """
    values = np.where(shown, np.clip(np.round(np.asarray(midi) * 256), 1, 65_535), 0).astype("<u2")
    return {"name": name, "look": look, "values": _text(values[:: step_of(len(values))])}


def loudness(loudness_db: np.ndarray, *, range_db: float = 60.0) -> str:
    """Loudness as `roll` takes it: the largest of each of its steps, from `range_db` below the loudest point."""
    step = step_of(len(loudness_db)) * 4
    padded = np.pad(loudness_db, (0, -len(loudness_db) % step), mode="edge").reshape(-1, step).max(axis=1)
    return _text(np.clip(255 * (1 + (padded - padded.max()) / range_db), 0, 255).astype(np.uint8))


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def roll(
    curves: Sequence[dict],
    *,
    key: str,
    place: str,
    name: str,
    duration_s: float,
    step_s: float,
    actions: Sequence[dict] = (),
    loudness: str = "",
    notes: Sequence[tuple[float, float, float]] = (),
    marks: Sequence[tuple[float, float]] = (),
    marked: str = "",
    player: str = "",
    on_action: Callable = lambda: None,
) -> None:
    """A piano roll.

    Parameters
    ----------
    curves : Sequence of dict
        From `curve`.
    place : str
        The same for as long as it shows the same thing: what is shown and selected is kept.
    name : str
        What is shown, for those who can't see it.
    step_s : float
        Between two points of a curve.
    actions : Sequence of dict
        The buttons: ``id``, ``label``, ``group``, and perhaps ``title``, ``keys``, ``needs`` (a selection), ``off``.
        The action ``draw`` is the roll's own: a line that is drawn comes as the action ``line``, with ``points`` of
        time and MIDI number.
    notes, marks : Sequence of tuple
        Start and end in seconds; of notes also the MIDI number. A click on a mark selects it.
    marked : str
        What the marks are, in the legend.
    player : str
        The key of a player whose position is shown.
    on_action : callable
        Called for an action: ``st.session_state[key].action`` has ``id`` and, if it needs a selection, ``from`` and
        ``to`` in seconds.
    """
    data = {
        "place": place,
        "name": name,
        "duration_s": duration_s,
        "step_s": step_s,
        "curves": tuple(curves),
        "loudness": loudness,
        "notes": tuple(map(list, notes)),
        "marks": tuple(map(list, marks)),
        "marked": marked,
        "actions": tuple(actions),
        "player": player,
    }
    _roll(key=key, data=data, on_action_change=on_action)
