"""The piano roll in which a score is edited: its notes, its pitch curve over them, and its loudness below.

What is done, undone and redone is the browser's; the edit as it is then comes a moment later. It is numbered, so that
the roll knows which of its edits the page has heard of: until then it keeps its own, over whatever the page draws anew.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ddsing.constants import FRAME_RATE, MAX_F0_MIDI, MAX_TRANSFER_S
from ddsing.ui.player import rolls
from ddsing.ui.player.players import text_of
from ddsing.units import hz_to_midi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ddsing.play.expression import Curves

JS = ("calls.js", "shared.js", "grid.js", "notes_edit.js", "notes_paint.js", "notes_pointer.js", "notes.js")
NOTES = f"""<div class="roll notes" role="group" aria-label="Score editor">
<div class="tools">
<div class="group" role="group" aria-label="Tool">
<button type="button" data-id="notes" data-tool="1" title="Choose, drag and stretch notes.">Notes</button>
<button type="button" data-id="pitch" data-tool="1" title="Draws the pitch over the notes.">Draw pitch</button>
<button type="button" data-id="loudness" data-tool="1" title="Draws in the strip at the bottom.">Draw loudness</button>
</div>
<div class="group" role="group" aria-label="Change">
<button type="button" data-id="add" aria-keyshortcuts="Enter">Add note</button>
<button type="button" data-id="delete" aria-keyshortcuts="Delete">Delete</button>
<button type="button" data-id="undraw" title="Removes what was drawn over the chosen notes, or everywhere: \
the pitch, or with Draw loudness the loudness, is as the style sings it.">Remove drawing</button>
</div>
<div class="group" role="group" aria-label="History">
<button type="button" data-id="undo" aria-keyshortcuts="Control+z">Undo</button>
<button type="button" data-id="redo" aria-keyshortcuts="Control+Shift+Z Control+y">Redo</button>
</div>
</div>
<div class="stage" tabindex="0" role="application" aria-roledescription="piano roll" aria-describedby="notes-help">
{rolls.DRAWN}
<div class="foot">
<label>Pitch <input data-column="2" type="text" maxlength="5" autocomplete="off" aria-label="Pitch of the note"></label>
<label>Velocity <input data-column="3" type="text" inputmode="decimal" aria-label="Velocity of the note, %"> %</label>
<label>From <input data-column="0" type="text" inputmode="decimal" aria-label="Start of the note, s"> s</label>
<label>to <input data-column="1" type="text" inputmode="decimal" aria-label="End of the note, s"> s</label>
{rolls.ZOOMS}
</div>
<div class="status" aria-live="polite"></div>
<div class="legend">
<span class="note">Note</span><span class="main">Pitch as it is sung</span><span class="mark">Drawn by you</span>
<span class="outside">Outside the instrument's range</span>
</div>
<div class="hint" id="notes-help">Drag a note to move it, its ends to stretch it; double-click to add one.
<span class="typing"><kbd>←</kbd> <kbd>→</kbd> choose a note, and move it with <kbd>Shift</kbd>; <kbd>↑</kbd>
<kbd>↓</kbd> change its pitch, by octaves with <kbd>Shift</kbd>; <kbd>Enter</kbd> adds a note, <kbd>Delete</kbd>
deletes; <kbd>Ctrl</kbd> and the wheel zoom.</span></div>
</div>"""

_LEVELS = 65_535
_notes = st.components.v2.component("ddsing_notes", html=NOTES, css=text_of("roll.css", "notes.css"), js=text_of(*JS))


def score_roll(
    notes: Sequence[Sequence[Any]],
    edit: Mapping[str, Any],
    styled: Curves,
    *,
    key: str,
    place: str,
    line: str,
    name: str,
    transpose: int = 0,
    range_midi: tuple[float, float] | None = None,
    answered: str = "",
    player: str = "",
    on_edit: Callable = lambda: None,
) -> None:
    """The roll.

    Parameters
    ----------
    notes : Sequence
        Start and end in seconds, MIDI number, velocity from 0 to 1, and whether a breath follows, of each of the
        score's notes.
    edit : Mapping
        The changes, as `ddsing.play.edit.ScoreEdit.to_json` writes them.
    styled : Curves
        As the style sings the changed notes, without what is drawn.
    place : str
        The same for as long as it is the same line of the same workspace, and tells that from all others.
    line : str
        The line's digest, which comes back with the changes.
    name : str
        What is shown, for those who can't see it.
    transpose : int
        Semitones by which it is sung higher than it is written.
    range_midi : tuple[float, float] or None
        What the instrument sings well.
    answered : str
        The id of the edit that the page has heard of last.
    player : str
        The key of a player whose position is shown.
    on_edit : callable
        Called after a change: ``st.session_state[key].edit`` has ``edit``, ``id`` and ``place``.
    """
    step, silence_db = rolls.step_of(len(styled.f0_hz)), styled.silence_db
    data = {
        "place": place,
        "name": name,
        "score": tuple(map(list, notes)),
        "line": line,
        "edit": dict(edit),
        "answered": answered,
        "duration_s": len(styled.f0_hz) / FRAME_RATE,
        "step_s": step / FRAME_RATE,
        "pitch": _text(256.0 * hz_to_midi(styled.f0_hz[::step])),
        "loudness": _text(_LEVELS * (1.0 - styled.loudness_db[::step] / silence_db)),
        "silence_db": silence_db,
        "transpose": transpose,
        "range": None if range_midi is None else tuple(map(float, range_midi)),
        "highest": MAX_F0_MIDI,
        "longest_s": max(MAX_TRANSFER_S, max(note[1] for note in notes)),
        "player": player,
    }
    _notes(key=key, data=data, on_edit_change=on_edit)


def _text(values: np.ndarray) -> str:
    """Values as unsigned 16 bits, little-endian, in base64."""
    return base64.b64encode(np.clip(np.round(values), 0, _LEVELS).astype("<u2").tobytes()).decode("ascii")
