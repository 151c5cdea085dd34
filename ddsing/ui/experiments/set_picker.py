"""Opening a set of takes: it becomes what is compared."""

import streamlit as st

from ddsing.ui.experiments import chosen_takes
from ddsing.ui.shell import errors, opened


def sets():
    """The workspace's sets of takes."""
    from ddsing.experiments.comparison.sets import SetStore

    return SetStore(opened.workspace())


def show() -> None:
    """A choice of the sets that there are, which ticks a set's takes."""
    known = {one.id: one for one in sets().list()}
    if not known:
        return
    st.selectbox(
        "Set",
        list(known),
        index=None,
        key="set.pick",
        placeholder="Open a set",
        label_visibility="collapsed",
        format_func=lambda key: f"{'★ ' if known[key].star else ''}{known[key].title} ({len(known[key].takes)})",
        on_change=_open,
    )


@errors.callback
def _open() -> None:
    if st.session_state["set.pick"]:
        chosen_takes.put(list(sets().get(st.session_state["set.pick"]).takes))
