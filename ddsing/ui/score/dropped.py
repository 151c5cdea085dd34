"""The file of a take that was sung from a score, dropped back onto the page: notes, edit and controls are as they were.

A file's recipe has no room for the notes, so they come from the take that is kept here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.score import panel
from ddsing.ui.shell import caches, opened, state
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ddsing.transfer.take import Take


def bring_back(recipe: Mapping) -> None:
    """Set the controls as a sung take's recipe says, and choose its notes; for callbacks. What is missing is said."""
    from ddsing.names import find

    take = _kept(recipe)
    if take is None:
        source = recipe.get("source")
        called = source.get("name") if isinstance(source, dict) else None
        st.toast(
            f"This take was sung from {plain(str(called or 'a score'))}, and no take here has its notes. Choose the "
            "score itself, under *Score*.",
            icon=":material/info:",
            duration="long",
        )
        return
    panel.use(take)
    state.apply(
        take.settings, tracker=None, instrument=find(take.instrument, [one.name for one in caches.instruments()])
    )
    st.toast("The notes of this take, its edit and all controls are restored.", icon=":material/check:")


def _kept(recipe: Mapping) -> Take | None:
    """The take itself, or another one that was sung alike."""
    alike = [take for take in opened.takes().list() if take.sung and _said(take.recipe()) == _said(recipe)]
    return next((take for take in alike if take.id == recipe.get("take")), alike[0] if alike else None)


def _said(recipe: Mapping) -> list:
    return [recipe.get(name) for name in ("instrument", "settings", "score")]
