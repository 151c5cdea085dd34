"""What was deleted last of a kind, and the offer to bring it back."""

from collections.abc import Callable

import streamlit as st

from ddsing.ui.shell import errors
from ddsing.ui.shell.formatting import plain


def remember(kind: str, name: str, token: object) -> None:
    """Remember a deletion, by what the store takes to undo it; for callbacks."""
    st.session_state[f"{kind}.deleted"] = (name, token)


def offer(kind: str, bring_back: Callable, *, what: str = "", gone: str = "was deleted") -> None:
    """A line with a button, if something was deleted, such as ``The set **Octaves** was ungrouped``."""
    held = st.session_state.get(f"{kind}.deleted")
    if held is not None:
        text, button = st.columns([5, 1], vertical_alignment="center")
        text.markdown(f":material/delete: {what} **{plain(held[0])}** {gone}.")
        button.button(
            "Undo",
            key=f"{kind}.undo",
            icon=":material/undo:",
            on_click=_undo,
            args=(kind, bring_back),
            width="stretch",
            help="Brings it back.",
        )


@errors.callback
def _undo(kind: str, bring_back: Callable) -> None:
    _, token = st.session_state.pop(f"{kind}.deleted")
    bring_back(token)
