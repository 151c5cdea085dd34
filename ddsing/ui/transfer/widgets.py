"""What the controls of a transfer are made of: titled groups with a fold for what is rarely used, sliders, switches.

A control is the widget of one field of `Settings` on a desk: kept under its key, with its help, and disabled with the
reason where it does nothing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.transfer.settings import RANGES, text
from ddsing.ui.shell import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

    from ddsing.ui.shell.state import Desk


def title(label: str) -> None:
    """A group's title."""
    st.markdown(f"**{label}**")


def more(desk: Desk, label: str, key: str) -> ExpanderContainer:
    """The fold for a group's rarely used controls, as it was left; a group draws what it holds while it is ``open``."""
    key = values.keep(desk.part(f"more.{key}"), False)
    return st.expander(label, icon=":material/tune:", key=key, on_change="rerun")


def slider(desk: Desk, field: str, label: str, help_text: str, *, step: float, told: bool = True) -> None:
    """A slider over a setting's range, written to the digit that it moves by; `told`: why it does nothing, below it.

    Parameters
    ----------
    step : int or float
        Of the type of the setting's range.
    """
    low, high = RANGES[field]
    st.slider(
        label,
        low,
        high,
        step=step,
        format="%d" if isinstance(step, int) else "%.0f" if step >= 1 else "%.1f",
        key=desk.key(field),
        help=help_text,
        disabled=field in desk.reasons,
        persist_state="session",
    )
    if told:
        reason(desk, field)


def steps(desk: Desk, field: str, label: str, help_text: str, *, options: Sequence[Any]) -> None:
    """A slider with steps that are written as the setting's words are; a value between them gets a step of its own."""
    value = st.session_state[desk.key(field)]
    if value not in options:
        numbers = sorted(one for one in (*options, value) if one is not None)
        options = [*([None] if None in options else []), *numbers]
    st.select_slider(
        label,
        options,
        format_func=functools.partial(text, field),
        key=desk.key(field),
        help=help_text,
        disabled=field in desk.reasons,
        persist_state="session",
    )
    reason(desk, field)


def toggle(desk: Desk, field: str, label: str, help_text: str) -> None:
    """A switch."""
    st.toggle(label, key=desk.key(field), help=help_text, disabled=field in desk.reasons, persist_state="session")
    reason(desk, field)


def reason(desk: Desk, field: str) -> None:
    """Why a control does nothing, below it."""
    if field in desk.reasons:
        st.caption(f":material/info: {desk.reasons[field]}")
