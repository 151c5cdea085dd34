"""Forms that edit what is on disk: their fields hold what was typed, and all others what is there now.

`fields` is called before the widgets, which are drawn with the keys that it is given and without a value of their own.
`changed` tells what was typed, so that what somebody else has edited meanwhile is not written over; `saved` ends the
draft.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st


def fields(form: str, now: Mapping[str, Any]) -> None:
    """Put the values on disk, by the keys of their widgets, into a form's fields that nothing else was typed into."""
    before = _drawn(form)
    for key, value in now.items():
        typed = key in st.session_state and (key not in before or st.session_state[key] != before[key])
        if not typed and (key not in st.session_state or st.session_state[key] != value):
            st.session_state[key] = value
    st.session_state[_key(form)] = dict(now)


def changed(form: str) -> dict[str, Any]:
    """What was typed, by the keys of the fields that are other than they were drawn."""
    return {key: st.session_state[key] for key, value in _drawn(form).items() if st.session_state[key] != value}


def saved(form: str) -> None:
    """Let the fields show what is on disk from now on."""
    for key in (*_drawn(form), _key(form)):
        st.session_state.pop(key, None)


def _drawn(form: str) -> Mapping[str, Any]:
    return st.session_state.get(_key(form), {})


def _key(form: str) -> str:
    return f"draft.{form}"
