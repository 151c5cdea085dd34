"""The views of the page, and the switch between them."""

from __future__ import annotations

import importlib

import streamlit as st

from ddsing.ui.admin import desk
from ddsing.ui.shell import errors, router, values

VIEWS = {  # what is chosen: what people read, icon, module with a `show()`
    "overview": ("Overview", ":material/monitoring:", "ddsing.ui.admin.overview"),
    "people": ("People", ":material/group:", "ddsing.ui.admin.people"),
    "jobs": ("Jobs", ":material/format_list_numbered:", "ddsing.ui.admin.jobs"),
    "log": ("Log", ":material/history:", "ddsing.ui.admin.log"),
}
VIEW = "admin.view"


def require() -> None:
    """Go on for admins only; all others are where a page that does not exist leads."""
    try:
        desk.site()
    except desk.NoPage:
        st.switch_page(router.FIRST)


def pick() -> str:
    """The switch; the chosen view's name."""
    chosen = st.segmented_control(
        "View",
        list(VIEWS),
        key=values.among(VIEW, list(VIEWS)),
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: f"{VIEWS[name][1]} {VIEWS[name][0]}",
    )
    return chosen or next(iter(VIEWS))


def show(name: str) -> None:
    """The view; no other is imported, or reads anything."""
    with errors.guard():
        importlib.import_module(VIEWS[name][2]).show()
