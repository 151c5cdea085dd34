"""The players in the page: one that switches between takes in place, one for blind tests, and the button for a link.

They are small components of the page itself (``player/``): no frame, no network. A sound goes to the browser as a file
of the running dashboard, named by its content, like that of any other player.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent
PLAY = (
    '<svg class="starting" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 4v16l13-8z"/></svg>'
    '<svg class="pausing" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg>'
)
TRANSPORT = f"""<div class="transport">
<button type="button" class="play" aria-label="Play">{PLAY}</button>
<div class="scrub"><canvas class="wave" aria-hidden="true"></canvas>
<input class="seek" type="range" min="0" max="1" step="0.01" value="0" aria-label="Position"></div>
<span class="time"></span>
</div>"""
SWITCHER = f"""<div class="player" role="group" aria-label="Takes, switched in place">
{TRANSPORT}
<div class="tracks" role="radiogroup" aria-label="Heard now"></div>
<div class="options">
<label><input type="checkbox" class="matched"> Equal loudness</label>
<label><input type="checkbox" class="loop"> Loop</label>
<span class="keys"><kbd>space</kbd> plays · <kbd>1</kbd>–<kbd>9</kbd> switch · <kbd>m</kbd> loudness</span>
</div>
<div class="status" aria-live="polite"></div>
</div>"""

TRIAL = f"""<div class="player" role="group" aria-label="Blind test">
{TRANSPORT}
<div class="trial" style="display: flex; flex-direction: column; gap: 0.6rem"></div>
<div class="options">
<label><input type="checkbox" class="loop"> Loop</label>
<span class="ahead" aria-live="polite"></span>
<span class="keys"></span>
</div>
<div class="status" aria-live="polite"></div>
</div>"""

MATRIX = """<div class="matrix" role="group" aria-label="Voice matrix">
<div class="grid" tabindex="-1"></div>
<div class="status" aria-live="polite"></div>
</div>"""


def _text(*names: str) -> str:
    return "\n".join((FOLDER / name).read_text("utf-8") for name in names)


_switcher = st.components.v2.component(
    "ddsing_switcher", html=SWITCHER, css=_text("player.css"), js=_text("mixer.js", "switcher.js")
)

_trial = st.components.v2.component(
    "ddsing_blind_trial", html=TRIAL, css=_text("player.css"), js=_text("mixer.js", "listening.js")
)

_matrix = st.components.v2.component(
    "ddsing_matrix", html=MATRIX, css=_text("matrix.css"), js=_text("mixer.js", "matrix.js")
)


def address(sound: bytes, place: str, *, mime: str = "audio/wav") -> str:
    """Where the browser finds a sound for as long as it is on the page; `place` names the spot that it takes."""
    from streamlit import runtime

    if not runtime.exists():
        return ""
    return runtime.get_instance().media_file_mgr.add(sound, mime, f"ddsing.{place}")


def switcher(tracks: Sequence[dict], *, common_db: float, matched: bool, key: str, on_matched: Callable) -> None:
    """The player for several takes.

    Parameters
    ----------
    tracks : Sequence of dict
        ``key``, on the keyboard; ``name``; ``detail``; ``url``; ``matched_db``, the gain for equal loudness.
    common_db : float
        The gain of all where loudness is not matched.
    matched : bool
        Whether it is.
    on_matched : callable
        Called when it is switched; the new value is ``st.session_state[key].matched``.
    """
    data = {"tracks": list(tracks), "common_db": common_db, "matched": matched}
    _switcher(key=key, data=data, on_matched_change=on_matched)


def trial(kind: str, number: int, slots: Sequence[dict], *, key: str, on_answer: Callable) -> None:
    """A trial of a blind test.

    Parameters
    ----------
    kind : str
        ``abx`` or ``rating``.
    number : int
        From 0.
    slots : Sequence of dict
        ``slot``, what it is called, and ``url``.
    on_answer : callable
        Called once it is answered: ``st.session_state[key].answer`` has ``trial``, ``answer``, ``seconds``, ``plays``.
    """
    data = {"kind": kind, "trial": number, "slots": list(slots)}
    _trial(key=key, data=data, on_answer_change=on_answer)


def matrix(columns: Sequence[dict], rows: Sequence[dict], *, key: str, on_compare: Callable) -> None:
    """A table of players, in which a click within a row switches in place.

    Parameters
    ----------
    columns : Sequence of dict
        ``name`` and ``detail`` of each instrument.
    rows : Sequence of dict
        ``name`` and ``detail`` of each recording, and its ``cells``: ``said``; ``url``, ``gain_db`` and ``lines``
        where there is something to play, else ``state`` and ``why``.
    on_compare : callable
        Called for a row that is to be compared: ``st.session_state[key].compare`` is its number.
    """
    _matrix(key=key, data={"columns": list(columns), "rows": list(rows)}, on_compare_change=on_compare)
