"""The six pages, the admins' own, and the router's one trap.

On a hosted dashboard, who has not come in sees none of them: at every address there is the entrance.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ddsing.ui.player import players
from ddsing.ui.shell import ahead, drafts, links, visitor

ICON = Path(__file__).parent / "icon.png"  # a file, since the browser fetches a material icon's from the internet
STYLE = Path(__file__).parent / "page.css"
_routed = False
_script = st.components.v2.component(
    "ddsing_page",
    html="<span hidden></span>",
    js=f"{links.ENTRIES_JS}{drafts.ENTER_JS}{ahead.ahead_js()}export default function () {{}}\n",
)


FIRST = "pages/timbre_transfer.py"
PAGES = (  # file, title, icon, help
    (
        FIRST,
        "Timbre transfer",
        ":material/graphic_eq:",
        "Sing a recording with another voice: choose both, listen, compare takes.",
    ),
    (
        "pages/play.py",
        "Play",
        ":material/music_note:",
        "An instrument under your fingers: on screen or with the computer's keys, heard at once.",
    ),
    (
        "pages/datasets.py",
        "Datasets",
        ":material/library_music:",
        "The recordings of each voice that instruments are trained on.",
    ),
    ("pages/training.py", "Training", ":material/model_training:", "Train a voice, and see what is running."),
    (
        "pages/instruments.py",
        "Instruments",
        ":material/piano:",
        "All instruments: their range and origin. Listen, import, export, repair.",
    ),
    (
        "pages/experiments.py",
        "Experiments",
        ":material/science:",
        "Compare takes, instruments and training runs.",
    ),
)
FOR_GUESTS = (FIRST,)
ADMIN = (  # for admins of a hosted dashboard; for all others there is no such page
    "pages/admin.py",
    "Admin",
    ":material/shield_person:",
    "People, jobs, devices and the log of this site.",
)


def navigation():
    """The page that the address asks for; a guest's other pages say that they are for members."""
    global _routed
    st.set_page_config(page_title="ddsing", page_icon=ICON, layout="wide")  # before the pages' own icons are sent
    page = st.navigation(
        [
            st.Page(file, title=title, icon=icon, default=file == FIRST, help=about)
            if may_open(file)
            else st.Page(_members_only, title=title, icon=icon, url_path=Path(file).stem, visibility="hidden")
            for file, title, icon, about in (*PAGES, ADMIN)
            if file != ADMIN[0] or visitor.current().kind == "admin"
        ]
    )
    st.set_page_config(page_title=f"{page.title} · ddsing")  # of several tabs, and in the history, which is which
    _routed = True
    return page


def entrance(show: Callable[[], None], title: str):
    """The same page at every address, without a menu."""
    global _routed
    st.set_page_config(page_title=f"{title} · ddsing", page_icon=ICON, layout="centered")
    page = st.navigation(
        [
            st.Page(show, title=title, default=file == FIRST, url_path="" if file == FIRST else Path(file).stem)
            for file, *_ in PAGES
        ],
        position="hidden",
    )
    _routed = True
    return page


def may_open(file: str) -> bool:
    """Whether the visitor has this page."""
    return file in FOR_GUESTS or not visitor.current().is_guest


def link(file: str, **options: Any) -> None:
    """`st.page_link` to a page that the visitor has; else nothing."""
    if may_open(file):
        st.page_link(file, **options)


def require() -> None:
    """Go through the router; each page starts with it.

    Until `st.navigation` was called once in the process, Streamlit takes a ``pages`` folder for its older kind of app
    and runs a page that is opened by its own address without ``app.py``, unless the server says otherwise when it
    begins, as ours does (`ddsing.ui.entrance.early`).
    """
    if not _routed:
        try:
            navigation()
        except visitor.Outside:
            entrance(_nothing, "Sign in")  # app.py, which is next, shows what there is to show
        st.rerun()
    st.html(STYLE)
    with st.container(key="page-scripts"):  # takes no room, by page.css
        players.one_at_a_time()
        _script(key="page.script")


def _members_only() -> None:
    st.title("For members")
    st.info(visitor.MEMBERS_ONLY, icon=":material/lock:")
    st.page_link(FIRST, label="Go to Timbre transfer", icon=":material/graphic_eq:")


def _nothing() -> None:
    """Nothing."""
