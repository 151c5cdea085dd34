"""The way of a recording into a voice: what was recorded here, or uploaded, becomes one of the voice's recordings."""

from __future__ import annotations

import datetime
from pathlib import Path

import streamlit as st

from ddsing.errors import DdsingError
from ddsing.files import safe_name
from ddsing.ui.shell import allowed, drafts, errors, opened, values, voice_picker
from ddsing.ui.shell.formatting import plain

NEW = "New voice"
_PANEL, _VOICE, _NAME, _CALLED = (f"add_to_voice.{name}" for name in ("panel", "voice", "new", "called"))
_REFUSED, _ABOUT = "add_to_voice.refused", "add_to_voice.about"  # why it was; what the recording is called at first


def show(content: bytes, name: str) -> None:
    """The button that opens the choice of a voice."""
    panel = st.popover("Add to a voice", icon=":material/library_add:", key=_PANEL, on_change="rerun")
    if panel.open:
        with panel, errors.guard():
            _form(content, name)


def _form(content: bytes, name: str) -> None:
    found = voice_picker.names()
    options = [*found, NEW]
    key = values.among(_VOICE, options)
    chosen = st.selectbox("Voice", options, key=key, help="The recording is added to this voice.")
    if chosen == NEW:
        st.text_input(
            "Name of the new voice",
            key=drafts.field(_NAME, ""),
            max_chars=80,
            placeholder="Alto",
            help="Also the name of its folder.",
        )
    about = f"{name}, {len(content)} B"
    if st.session_state.get(_ABOUT, ("", ""))[0] != about:
        st.session_state[_ABOUT] = (about, _stem(name))
    key = drafts.field(_CALLED, st.session_state[_ABOUT][1], about=about)
    st.text_input("Name of the recording", key=key, max_chars=80, help="Its file name in the voice.")
    why = st.session_state.get(_REFUSED)
    if why:
        st.error(why, icon=":material/error:")
    st.button(
        "Add it",
        key="add_to_voice.add",
        type="primary",
        icon=":material/add:",
        on_click=_add,
        args=(content, Path(name).suffix),
        help="Copies the original recording into the voice.",
    )


def _stem(name: str) -> str:
    """What a recording is called at first: an upload as its file, a recording by the day and the time."""
    stem = Path(name).stem
    return stem if stem != "microphone" else f"Microphone {datetime.datetime.now():%Y-%m-%d %H.%M}"


@errors.callback
def _add(content: bytes, suffix: str) -> None:
    st.session_state[_REFUSED] = ""
    try:
        said = _added(content, suffix)
    except DdsingError as error:
        st.session_state[_REFUSED] = errors.sentence(error)  # beside the fields, which keep what was written
        return
    st.session_state[_PANEL] = False
    st.session_state.pop(_ABOUT, None)
    drafts.drop([_NAME, _CALLED])
    st.toast(said, icon=":material/library_add_check:")


def _added(content: bytes, suffix: str) -> str:
    from ddsing.dataset import adding, voices
    from ddsing.errors import DatasetError

    allowed.count("uploads")
    workspace, name = opened.workspace(), st.session_state[_VOICE]
    if name == NEW:
        name = voices.create(workspace, str(st.session_state.get(_NAME, "")).strip()).name
        st.session_state[_VOICE] = name
    called = safe_name(str(st.session_state[_CALLED])) + suffix
    voice = voices.get(workspace, name)
    with allowed.adding() as room:
        done = adding.add(voice, [(called, content)], room=room)
    if done.refused:
        raise DatasetError(done.refused[0][1])
    voice_picker.choose(name)
    if done.duplicates:
        return f"**{plain(name)}** already has it, as {plain(done.duplicates[0][1])}."
    return (
        f"{plain(called)} was added to the voice **{plain(name)}**. Listen to it and prepare it on the Datasets page."
    )
