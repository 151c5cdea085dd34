"""The 2021 notebooks' zip of an instrument: made in the background by a process of its own, then offered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.dataset import cache
from ddsing.ui.shell import caches, errors, work
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

LABEL = "The 2021 notebooks' format"
ZIPS = 2
_HELP = "Checkpoint, gin and statistics, as the Colab notebooks read them."


@st.cache_resource(max_entries=1, show_spinner=False)
def _made() -> cache.Kept:
    return cache.Kept(ZIPS)


def show(entry: Entry) -> None:
    """The button that makes it, or, once it is made, the download."""
    made = _made().get(caches.stamp(entry.path))
    if made is None:
        st.button(
            f"Make {LABEL[0].lower()}{LABEL[1:]}",
            key=f"make_notebook.{entry.name}",
            icon=":material/inventory_2:",
            on_click=_start,
            args=(entry,),
            disabled=work.busy(),
            help=f"{_HELP} Takes about half a minute.",
        )
        return
    st.download_button(
        LABEL,
        data=made,
        key=f"notebook.{entry.name}",
        file_name=f"{entry.name}_notebook.zip",
        mime="application/zip",
        on_click="ignore",
        help=_HELP,
    )


@errors.callback
def _start(entry: Entry) -> None:
    from ddsing.instrument import notebook

    loaded, kept, about = caches.instrument(entry), _made(), caches.stamp(entry.path)

    def make(report: Callable[[str, float], None]) -> None:
        kept.put(about, notebook.notebook_bytes_from_child(loaded, progress=report))

    work.start(f"Writing {plain(entry.name)} for the notebooks", make)
