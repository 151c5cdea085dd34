"""The voice at the microphone: by how many octaves an instrument that follows it sounds above or below."""

import streamlit as st

from ddsing.ui.shell import values

OCTAVES = "play.octaves"
_MOST = 2


def pick(name: str, *, drawn: bool) -> None:
    """The control, which each instrument has for itself; not drawn, its value is kept."""
    key = values.keep(OCTAVES, 0, about=name)
    if drawn:
        st.slider(
            "Microphone octave",
            -_MOST,
            _MOST,
            key=key,
            format="%+d",
            help="Moves what you sing into the microphone by whole octaves, into the range of the instrument.",
            persist_state="session",
        )


def octaves() -> int:
    """How it stands; once it was drawn."""
    return int(values.get(OCTAVES))
