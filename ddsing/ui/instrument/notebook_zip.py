"""The 2021 notebooks' zip of an instrument: made in the background by a process of its own, then offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.instrument.notebook import NO_TOP
from ddsing.jobs import paces
from ddsing.jobs.time_left import around
from ddsing.ui.dataset import cache
from ddsing.ui.shell import caches, errors, opened, per_workspace, work
from ddsing.ui.shell.formatting import format_range, plain

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part

WRITING = "loading TensorFlow, writing the checkpoint"
LABEL = "The 2021 notebooks' format"
ZIPS = 2
_ASKED = "notebook.asked"  # whose zip is being made, or was made last, in this tab
_HELP = "Checkpoint, gin and statistics, for the Colab notebooks."


@per_workspace.resource(max_entries=1, show_spinner=False)
def _made() -> cache.Kept:
    return cache.Kept(ZIPS)


def show(entry: Entry) -> None:
    """The button that makes it, or, once it is made, the download."""
    if entry.top is not None:
        st.caption(f":material/info: {NO_TOP}")
    made = _made().get(caches.stamp(entry.path))
    if made is None:
        st.button(
            f"Make {LABEL[0].lower()}{LABEL[1:]}",
            key=f"make_notebook.{entry.name}",
            icon=":material/inventory_2:",
            on_click=_start,
            args=(entry,),
            disabled=work.busy(),
            help=f"{_HELP} Takes {format_range(*around(_part(paces.of(opened.workspace())).expected_s))}.",
        )
        return
    _download(entry, made, key=f"notebook.{entry.name}")


def at_work() -> bool:
    """Whether the tab's work is such a zip, whose progress is shown where it was asked for."""
    current = work.current()
    return current is not None and st.session_state.get(_ASKED, ("", None))[1] is current


def progress(entry: Entry) -> None:
    """How far the zip is, and the zip once it is there; nothing for instruments of which none was asked for."""
    if st.session_state.get(_ASKED, ("", None))[0] != entry.name:
        return
    if at_work():
        work.show_progress()
        return
    made = _made().get(caches.stamp(entry.path))
    if made is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="notebook.ready"):
            st.markdown(":material/check: The zip for the 2021 notebooks is ready.")
            _download(entry, made, key=f"notebook_ready.{entry.name}")


def _download(entry: Entry, made: bytes, *, key: str) -> None:
    st.download_button(
        LABEL,
        data=made,
        key=key,
        file_name=f"{entry.name}_notebook.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        help=_HELP,
    )


def _part(known: Paces) -> Part:
    """Nearly all of it is loading TensorFlow, so that the instrument's size does not matter."""
    return known.part(WRITING, 1, "instrument/notebook zip", guess_s=20.0, turn=0)


@errors.callback
def _start(entry: Entry) -> None:
    from ddsing.instrument import notebook

    loaded, kept, about = caches.instrument(entry), _made(), caches.stamp(entry.path)

    def make(report: work.Report) -> None:
        zipped = notebook.notebook_bytes_from_child(loaded, progress=lambda stage, share: report(WRITING, None))
        kept.put(about, zipped)
        report(WRITING, 1.0)

    work.start(f"Writing {plain(entry.name)} for the notebooks", make, parts=lambda known: [_part(known)])
    st.session_state[_ASKED] = (entry.name, work.current())
