"""Choosing the voice that the Datasets and the Training page are about, and making a new one."""

from __future__ import annotations

import functools

import streamlit as st

from ddsing.dataset import voices
from ddsing.errors import DdsingError
from ddsing.ui.shell import drafts, errors, looks, opened, values, visitor
from ddsing.ui.shell.formatting import plain

VOICE = "voice.name"  # permanent, shared by both pages
CELL = "voice.cell"  # the training of a sweep that is looked at, "" for the voice's own
_NEW = "voice.new"
_REFUSED = "voice.refused"  # the name that can't be, and why
_POPOVER = "voice.new_popover"


def names() -> list[str]:
    """All voices of the workspace, by name; the cells of sweeps are not among them."""
    return list(_by_voice())


def _by_voice() -> dict[str, dict[str, dict[str, float]]]:
    from ddsing.experiments.sweep import results

    return looks.once(("by voice", opened.key()), lambda: results.by_voice(_listed()))


def _listed() -> list[voices.Voice]:
    return looks.once(("voices", opened.key()), functools.partial(voices.list_voices, opened.workspace()))


def pick(*, may_make: bool = False, cells: bool = False) -> voices.Voice | None:
    """The select box, beside it the way to make a voice; None where there is no voice yet.

    With `cells`, a voice that was swept has a second box: its own training, or one of the sweep's.
    """
    found = _by_voice()
    if may_make:
        _say_astray()
    if not found:
        if may_make:
            _make_first()
        return None
    values.among(VOICE, list(found))
    cells = cells and bool(found[st.session_state[VOICE]])
    widths = [4, 1] if may_make else [3, 2] if cells else [1]
    box, *beside = st.columns(widths, vertical_alignment="bottom")
    with box:
        name = st.selectbox(
            "Voice",
            list(found),
            key=VOICE,
            persist_state="session",
            help="A folder of recordings of one voice, in the workspace's audio folder.",
        )
    if may_make:
        with (
            beside[0],
            st.popover("New voice", icon=":material/add:", width="stretch", key=_POPOVER, on_change="rerun"),
        ):
            _form()
    if cells:
        with beside[0]:
            name = _cell(found[name]) or name
    return next(voice for voice in _listed() if voice.name == name)


def _say_astray() -> None:
    """Recordings that belong to no voice, and folders that can't be read: nothing is passed over in silence."""
    said = [plain(sentence) for sentence in voices.astray(opened.workspace())]
    if said:
        st.warning("\n".join(f"- {sentence}" for sentence in said), icon=":material/wrong_location:")


def _cell(cells: dict[str, dict[str, float]]) -> str:
    """The choice among the trainings of a voice that was swept; "" for its own."""
    from ddsing.experiments.sweep import results

    return st.selectbox(
        "Run",
        ["", *cells],
        key=values.among(CELL, ["", *cells]),
        persist_state="session",
        format_func=lambda name: results.said(cells[name]) if name else "The voice's own",
        help=f"The voice's own run, or one of the {len(cells)} runs of its sweeps.",
    )


@errors.callback
def choose(name: str) -> None:
    """Choose a voice, or a cell of a sweep, from code; for callbacks."""
    base = next((voice for voice, cells in _by_voice().items() if name in cells), name)
    st.session_state[VOICE] = base
    st.session_state[CELL] = name if name != base else ""


def _make_first() -> None:
    or_put = "" if visitor.current().hosted else f", or put a folder of them into {plain(opened.workspace().audio)}"
    st.info(
        f"No voices yet. Name the first one and add its recordings{or_put}.",
        icon=":material/library_music:",
    )
    with st.container(border=True):
        _form()


def _form() -> None:
    drafts.form("voice.new", _name, "Create", _make, fields=[_NEW], icon=":material/add:", cancel=_close)


def _name() -> None:
    name = st.text_input(
        "Name of the voice",
        key=drafts.field(_NEW, ""),
        max_chars=80,
        live=True,
        placeholder="Alto",
        help="Also the name of its folder and of its instrument.",
    )
    refused, why = st.session_state.get(_REFUSED, (None, ""))
    if refused == name:
        st.error(why, icon=":material/error:")


def _close() -> None:
    st.session_state[_POPOVER] = False


@errors.callback
def _make() -> None:
    name = str(st.session_state.get(_NEW, ""))
    st.session_state.pop(_REFUSED, None)
    try:
        made = voices.create(opened.workspace(), name.strip())
    except DdsingError as error:
        st.session_state[_REFUSED] = (name, errors.sentence(error))  # said beside the field, which keeps the name
        return
    choose(made.name)
    drafts.drop([_NEW])
    _close()
