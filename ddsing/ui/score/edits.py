"""The edit of the notes that are sung: kept for each line, shown in a sentence, saved to a file, discarded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import ScoreError
from ddsing.files import safe_name
from ddsing.play.edit import ScoreEdit, line_digest
from ddsing.ui.shell import errors, values

if TYPE_CHECKING:
    from ddsing.play.score import Line

_EDIT = "score.edit"
MAX_TEXT = 4_000_000


def of(line: Line) -> ScoreEdit | None:
    """The edit of a line; None for none. In each run of the page that has one."""
    digest = line_digest(line)
    values.keep(_EDIT, "", about=digest)
    text = st.session_state[_EDIT]
    if not text:
        return None
    try:
        edit = ScoreEdit.from_text(text)
    except ScoreError:  # the file may be of another version
        return None
    return edit if edit and edit.line == digest else None


def put(line: Line, edit: ScoreEdit | None) -> None:
    """Make it the edit of a line, whatever is shown; raises `ScoreError` for one of other notes; for callbacks."""
    if edit:
        edit.notes_of(line)
    text = edit.to_text() if edit else ""
    if len(text) > MAX_TEXT:
        raise ScoreError("The edit is too large to be kept. Draw it with fewer points.")
    values.hold(_EDIT, text, "", about=line_digest(line))


def show(line: Line, edit: ScoreEdit | None) -> None:
    """What is edited, with what can be done with it; nothing where nothing is."""
    if not edit:
        return
    with st.container(border=True, key="score.edited"):
        st.markdown(f":material/edit_note: **Edited** · {said(edit)}")
        st.button(
            "Sing as written",
            key="score.edit.discard",
            icon=":material/undo:",
            on_click=_discard,
            args=(line,),
            help="Discards the edit. Takes that were sung with it keep it.",
        )


def save(line: Line, edit: ScoreEdit | None) -> None:
    """The button that saves an edit to a file."""
    stem = Path(line.score).stem
    st.download_button(
        "Save the edit",
        data=edit.to_text().encode() if edit else b"",
        file_name=f"{safe_name(stem)} edit.json",
        mime="application/json",
        key="score.edit.save",
        on_click="ignore",
        icon=":material/download:",
        disabled=not edit,
        help="As a file, to load it here again, or for `ddsing sing --edit`." if edit else "Nothing is edited yet.",
    )


def said(edit: ScoreEdit) -> str:
    """What an edit changes, in words."""
    counts = (("changed", len(edit.changed)), ("added", len(edit.added)), ("removed", len(edit.removed)))
    notes = [f"{n} {what}" for what, n in counts if n]
    parts = [f"notes: {', '.join(notes)}"] if notes else []
    parts += [f"{name} drawn" for name in ("pitch", "loudness") if getattr(edit, name)]
    return " · ".join(parts)


@errors.callback
def _discard(line: Line) -> None:
    put(line, None)
