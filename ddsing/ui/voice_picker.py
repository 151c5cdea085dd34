"""Choosing the voice that the Datasets and the Training page are about, and making a new one."""

from __future__ import annotations

import streamlit as st

from ddsing.dataset import voices
from ddsing.ui import caches, errors
from ddsing.ui.formatting import plain

VOICE = "voice.name"  # permanent, shared by both pages
_NEW = "voice.new"


def names() -> list[str]:
    """All voices of the workspace, by name."""
    return [voice.name for voice in voices.list_voices(caches.workspace())]


def chosen() -> voices.Voice | None:
    """The chosen voice without a widget; None where there is none."""
    found = names()
    if not found:
        return None
    if st.session_state.get(VOICE) not in found:
        st.session_state[VOICE] = found[0]
    return voices.get(caches.workspace(), st.session_state[VOICE])


def pick(*, may_make: bool = False) -> voices.Voice | None:
    """The select box, beside it a line of what there is of the voice; None where there is no voice yet."""
    found = names()
    if not found:
        if may_make:
            _make_first()
        return None
    if st.session_state.get(VOICE) not in found:
        st.session_state[VOICE] = found[0]
    box, button = st.columns([4, 1], vertical_alignment="bottom") if may_make else (st.container(), None)
    with box:
        name = st.selectbox("Voice", found, key=VOICE, persist_state="session",
                            help="A folder of recordings of one voice, in the workspace's audio folder.")  # fmt: skip
    if button is not None:
        with button, st.popover("New voice", icon=":material/add:", width="stretch", key="voice.new_popover"):
            _form()
    return voices.get(caches.workspace(), name)


def choose(name: str) -> None:
    """Choose a voice from code; for callbacks."""
    st.session_state[VOICE] = name


def _make_first() -> None:
    st.info(
        "No voices yet. Name the first one and add its recordings, or put a folder of them into "
        f"{plain(caches.workspace().audio)}.",
        icon=":material/library_music:",
    )
    with st.container(border=True):
        _form()


def _form() -> None:
    with st.form("voice.new_form", border=False, clear_on_submit=True):
        st.text_input("Name of the voice", key=_NEW, max_chars=80, placeholder="Alto",
                      help="Also the name of its folder, and of the instrument that is trained from it.")  # fmt: skip
        st.form_submit_button("Make it", type="primary", icon=":material/add:", on_click=_make)


@errors.callback
def _make() -> None:
    name = str(st.session_state.get(_NEW, "")).strip()
    made = voices.create(caches.workspace(), name)
    choose(made.name)
