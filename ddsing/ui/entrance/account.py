"""Who is signed in, in the sidebar of a hosted dashboard, and the way out."""

from __future__ import annotations

import time

import streamlit as st

from ddsing.ui.entrance import door
from ddsing.ui.shell import errors, visitor
from ddsing.ui.shell.formatting import format_duration, plain

_SOON_S = 30 * 60.0


def show() -> None:
    """The name, how long is left where that is little, and the button; nothing on a local dashboard."""
    found = visitor.current()
    if not found.hosted:
        return
    with st.sidebar:
        icon = {"admin": "shield_person", "guest": "waving_hand"}.get(found.kind, "person")
        role = " · admin" if found.kind == "admin" else ""
        st.markdown(f":material/{icon}: {plain(found.called)}{role}")
        left_s = (found.ends_s or 0.0) - time.time()
        if found.is_guest:
            st.caption(f"What you make is deleted in {format_duration(max(60.0, left_s))}.")
        elif left_s < _SOON_S:
            st.caption(f"Your session ends in {format_duration(max(60.0, left_s))}.")
        if found.notice:
            st.warning(plain(found.notice), icon=":material/event_busy:")
        st.button(
            "Leave" if found.is_guest else "Sign out",
            key="account.leave",
            icon=":material/logout:",
            type="tertiary",
            on_click=errors.callback(door.leave),
            help="Deletes your takes and recordings here."
            if found.is_guest
            else "Signs you out here and in every other tab and browser.",
        )
