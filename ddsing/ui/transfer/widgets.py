"""What the controls of a transfer are made of: titled groups with a fold for what is rarely used, sliders, switches.

A control is the widget of one field of `Settings`: kept under its key, with its help, and disabled with the reason
where it does nothing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.transfer.settings import text
from ddsing.ui.shell import state, values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlit.delta_generator import DeltaGenerator


def title(label: str) -> None:
    """A group's title."""
    st.markdown(f"**{label}**")


def more(label: str, key: str) -> DeltaGenerator:
    """The fold for a group's rarely used controls, as it was left; what it holds is drawn while it is folded too."""
    return st.expander(label, icon=":material/tune:", key=values.keep(f"more.{key}", False), on_change="rerun")


def slider(
    field: str,
    label: str,
    low: float,
    high: float,
    step: float,
    number: str,
    *,
    help_text: str,
    reasons: Mapping[str, str],
    told: bool = True,
) -> None:
    """A slider for a number, written as `number` says; with `told`, why it does nothing is said below it."""
    st.slider(
        label,
        low,
        high,
        step=step,
        format=number,
        key=state.key(field),
        help=help_text,
        disabled=field in reasons,
        persist_state="session",
    )
    if told:
        reason(field, reasons)


def steps(field: str, label: str, options: Sequence[Any], *, help_text: str, reasons: Mapping[str, str]) -> None:
    """A slider with steps that are written as the setting's words are; a value between them gets a step of its own."""
    value = st.session_state[state.key(field)]
    if value not in options:
        numbers = sorted(one for one in (*options, value) if one is not None)
        options = [*([None] if None in options else []), *numbers]
    st.select_slider(
        label,
        options,
        format_func=functools.partial(text, field),
        key=state.key(field),
        help=help_text,
        disabled=field in reasons,
        persist_state="session",
    )
    reason(field, reasons)


def toggle(field: str, label: str, *, help_text: str, reasons: Mapping[str, str]) -> None:
    """A switch."""
    st.toggle(label, key=state.key(field), help=help_text, disabled=field in reasons, persist_state="session")
    reason(field, reasons)


def reason(field: str, reasons: Mapping[str, str]) -> None:
    """Why a control does nothing, below it."""
    if field in reasons:
        st.caption(f":material/info: {reasons[field]}")
