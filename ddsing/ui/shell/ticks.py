"""Tables in which rows are ticked: a table begins anew where it shows other rows, or rows were ticked elsewhere."""

import streamlit as st


def key(name: str, shown: tuple[str, ...]) -> str:
    """The key of a table's widget, by the rows that it shows; it is a new one whenever the table has to begin anew."""
    before, number = st.session_state.get(_place(name), ((), 0))
    if before != shown:
        number += 1
        st.session_state[_place(name)] = (shown, number)
    return f"{name}.{number}"


def elsewhere(name: str) -> None:
    """Have the table take up ticks that were not set in it."""
    st.session_state[_place(name)] = ((), st.session_state.get(_place(name), ((), 0))[1])


def _place(name: str) -> str:
    return f"{name}.shown"
