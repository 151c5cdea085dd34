"""The coach: what the curves mean, in plain words, each with its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from ddsing.training.history import History

LOOKS = {
    "good": (st.success, ":material/thumb_up:"),
    "info": (st.info, ":material/lightbulb:"),
    "warning": (st.warning, ":material/warning:"),
    "error": (st.error, ":material/error:"),
}


def show(history: History) -> None:
    """The advice that holds now."""
    from ddsing.training import coach

    for advice in coach.advice(history):
        element, icon = LOOKS.get(advice.level, LOOKS["info"])
        element(f"{plain(advice.sentence)}  \n:small[{plain(advice.evidence)}]", icon=icon)
