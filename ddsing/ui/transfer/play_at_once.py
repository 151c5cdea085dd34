"""Whether a take plays by itself: a switch beside the main button, and the press that a player answers.

What is pressed on a page that was left meanwhile, or comes so late that something else is looked at, is silent until
somebody plays it; so are other tabs, and this one after a reload. What plays already is not interrupted.
"""

from __future__ import annotations

import secrets
import time

import streamlit as st

from ddsing.ui.shell import links, values

WITHIN_S = 10.0  # after a press, something may begin to sound
_KEY = "transfer.play_at_once"
_PRESSED = "transfer.pressed"  # the name of the press, on which visit to the page it was, and when


def show() -> None:
    """The switch."""
    st.toggle(
        "Play at once",
        key=values.keep(_KEY, True),
        persist_state="session",
        help="A new take plays automatically as soon as there is something of it to hear, while the rest is rendered. "
        "What is playing already is left alone.",
    )


def press() -> None:
    """Note that the main button was pressed."""
    st.session_state[_PRESSED] = (secrets.token_hex(8), links.visit(), time.monotonic())


def wanted() -> bool:
    """Whether the switch is on."""
    return bool(values.get(_KEY))


def occasion() -> str:
    """The name of the press that a player answers which is drawn now, see `players.switcher`; "" for none."""
    name, visit, at_s = st.session_state.get(_PRESSED, ("", 0, 0.0))
    return name if visit == links.visit() and time.monotonic() - at_s < WITHIN_S and wanted() else ""
