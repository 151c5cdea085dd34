"""The panel *Edit the notes*: the score as a piano roll, whose changes are part of the next take."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.play.edit import ScoreEdit, line_digest
from ddsing.ui.player import score_roll
from ddsing.ui.score import edits
from ddsing.ui.shell import errors, opened, values
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from ddsing.play.placing import Placed
    from ddsing.play.score import Line

KEY, UPLOADER = "score.roll", "score.edit.load"
_ANSWERED = "score.roll.answered"  # the id of the edit that came last
_REFUSED = "score.edit.refused"


def show(line: Line, placed: Placed, edit: ScoreEdit | None, range_midi: tuple[float, float] | None) -> None:
    """The panel, folded at first.

    Parameters
    ----------
    line : Line
        As the score has it.
    placed : Placed
        As it is sung, with the edit.
    range_midi : tuple[float, float] or None
        What the instrument sings well.
    """
    panel = st.expander(
        "Edit the notes", icon=":material/piano:", key=values.keep("score.more.roll", False), on_change="rerun"
    )
    if panel.open:
        with panel:
            _roll(line, placed, edit, range_midi)
            with st.container(horizontal=True):
                edits.save(line, edit)
                _load(line)
            errors.show_told(_REFUSED, line_digest(line))


def _roll(line: Line, placed: Placed, edit: ScoreEdit | None, range_midi: tuple[float, float] | None) -> None:
    digest = line_digest(line)
    place = hashlib.sha256(f"{opened.workspace().root} {digest}".encode()).hexdigest()[:32]
    score_roll.score_roll(
        [(note.start_s, note.end_s, note.midi, note.velocity, note.breath) for note in line.notes],
        edit.to_json() if edit else {},
        placed.styled,
        key=KEY,
        place=place,
        line=digest,
        name=line.score,
        transpose=placed.transpose,
        range_midi=range_midi,
        answered=st.session_state.get(_ANSWERED, ""),
        on_edit=lambda: _edited(line, place),
    )


@errors.callback
def _edited(line: Line, place: str) -> None:
    sent = st.session_state[KEY].edit
    if not isinstance(sent, Mapping) or sent.get("place") != place:
        return
    st.session_state[_ANSWERED] = str(sent.get("id"))[:40]  # also where it is refused: then the roll shows what is kept
    edits.put(line, ScoreEdit.from_json(sent.get("edit")))


def _load(line: Line) -> None:
    """An edit from a file takes the place of the one that is shown."""
    with st.popover("Load an edit", icon=":material/upload:", help="An edit that was saved before, for these notes"):
        st.file_uploader(
            "Edit",
            type=["json"],
            key=UPLOADER,
            on_change=_loaded,
            args=(line,),
            help="As *Save the edit* wrote it. Undo restores what was there.",
        )


@errors.callback
def _loaded(line: Line) -> None:
    file = st.session_state.get(UPLOADER)
    if file is None:
        return
    with errors.told(_REFUSED, line_digest(line)):
        edits.put(line, ScoreEdit.from_text(file.getvalue()))
    if _REFUSED not in st.session_state:
        st.toast(f"{plain(file.name)} is now the edit. Undo restores what was there.", icon=":material/check:")
