"""The five pages, and the router's one trap."""

from pathlib import Path

import streamlit as st

from ddsing.ui.player import players
from ddsing.ui.shell import drafts, links

ICON = Path(__file__).parent / "icon.png"  # a file, since the browser fetches a material icon's from the internet
STYLE = Path(__file__).parent / "page.css"
_routed = False
_script = st.components.v2.component(
    "ddsing_page",
    html="<span hidden></span>",
    js=f"{links.ENTRIES_JS}{drafts.ENTER_JS}export default function () {{}}\n",
)


def navigation():
    """The page that the address asks for."""
    global _routed
    st.set_page_config(page_title="ddsing", page_icon=ICON, layout="wide")  # before the pages' own icons are sent
    page = st.navigation(
        [
            st.Page(
                "pages/timbre_transfer.py",
                title="Timbre transfer",
                icon=":material/graphic_eq:",
                default=True,
                help="Sing a recording with another voice: choose both, listen, compare takes.",
            ),
            st.Page(
                "pages/datasets.py",
                title="Datasets",
                icon=":material/library_music:",
                help="The recordings of each voice that instruments are trained on.",
            ),
            st.Page(
                "pages/training.py",
                title="Training",
                icon=":material/model_training:",
                help="Train a voice, and see what is running.",
            ),
            st.Page(
                "pages/instruments.py",
                title="Instruments",
                icon=":material/piano:",
                help="All instruments: their range and origin. Listen, import, export, repair.",
            ),
            st.Page(
                "pages/experiments.py",
                title="Experiments",
                icon=":material/science:",
                help="Compare takes, instruments and training runs.",
            ),
        ]
    )
    st.set_page_config(page_title=f"{page.title} · ddsing")  # of several tabs, and in the history, which is which
    _routed = True
    return page


def require() -> None:
    """Go through the router; each page starts with it.

    Until `st.navigation` was called once in the process, Streamlit takes a ``pages`` folder for its older kind of app
    and runs a page that is opened by its own address without ``app.py``.
    """
    if not _routed:
        navigation()
        st.rerun()
    st.html(STYLE)
    players.one_at_a_time()
    with st.container(key="page-script"):
        _script(key="page.script")
    st.html("<style>:has(> .st-key-page-script) { display: none; }</style>")
