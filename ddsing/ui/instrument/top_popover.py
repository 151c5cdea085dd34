"""Giving an instrument a top from the page: which voice's recordings it is made from, and how far it is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset import voices
from ddsing.names import find
from ddsing.ui.shell import allowed, caches, errors, opened, values, voice_picker, work
from ddsing.ui.shell.formatting import format_duration, plain

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

_ASKED = "top.asked"  # the instrument whose top is being made, or was made last, in this tab, with the work
_HELP = "Lets it sing up to 24 kHz, at 48 kHz, from recordings that go up so far. Below 8 kHz it sounds the same."


def show(entry: Entry) -> None:
    """The popover of an instrument of the visitor's own; what it takes to know is read once it is open."""
    label = "Give a top" if entry.top is None else "Top to 24 kHz"
    panel = st.popover(
        label, icon=":material/vertical_align_top:", help=_HELP, key=f"top.{entry.name}", on_change="rerun"
    )
    if panel.open:
        with panel:
            _opened(entry)


def _opened(entry: Entry) -> None:
    if entry.top is not None:
        length = format_duration(60.0 * entry.top["minutes"])
        st.markdown(f"Sings up to 24 kHz. Its top was made from {length} of recordings.")
    else:
        st.markdown("Sings up to 8 kHz. Recordings at 44.1 or 48 kHz give it a top,  \nunless they were an MP3 once.")
    names = voice_picker.names()
    if not names:
        st.caption(":material/info: Add recordings on the Datasets page first.")
        return
    key = values.among(f"top_voice.{entry.name}", names, _suggested(entry, names))
    voice = st.selectbox("Voice", names, key=key, help="Whose recordings the top is made from. Best is its own voice.")
    reason = _why_not(voice)
    if reason:
        st.caption(f":material/info: {plain(reason)}")
    st.button(
        "Make the top" if entry.top is None else "Make it again",
        key=f"make_top.{entry.name}",
        icon=":material/vertical_align_top:",
        on_click=_start,
        args=(entry, key),
        disabled=work.busy() or bool(reason),
        help="Takes seconds where the voice's dataset is prepared, else as long as finding the pitch.",
    )
    if entry.top is not None:
        st.button(
            "Remove the top",
            key=f"remove_top.{entry.name}",
            icon=":material/vertical_align_bottom:",
            on_click=_remove,
            args=(entry,),
            help="It sings up to 8 kHz again. The file as it was is moved to the trash.",
        )


def _suggested(entry: Entry, names: list[str]) -> str:
    """Its own voice where that may give a top; else one that can, or may; else its own, which says why not."""
    from ddsing.training import top

    own = find(entry.provenance.voice, names) or find(entry.name, names)
    if own is not None and not _why_not(own):
        return own
    workspace = opened.workspace()
    can = (name for name in names if top.can(voices.get(workspace, name)))
    may = (name for name in names if not _why_not(name))
    return next(itertools.chain(can, may), own or names[0])


def _why_not(name: str) -> str:
    """Why a voice's recordings give no top, as far as they were read."""
    from ddsing.training import top

    return top.why_not(voices.get(opened.workspace(), name))


def progress(entry: Entry) -> None:
    """How far the top is, below the card of the instrument that it is made for, and what came of it."""
    name, current = st.session_state.get(_ASKED, ("", None))
    if name != entry.name or current is None:
        return
    if work.current() is current:
        work.show_progress()
    elif entry.top is not None:
        st.markdown(f":material/check: {plain(entry.name)} sings up to 24 kHz. Listen to its audition.")


@errors.callback
def _start(entry: Entry, key: str) -> None:
    from ddsing.work import order_options

    allowed.require_bytes("The top", entry.n_bytes)  # the file as it was stays in the trash
    loaded, voice = caches.instrument(entry), st.session_state[key]
    work.order("top", f"Making the top of {plain(entry.name)}", order_options.top(loaded, voice))
    st.session_state[_ASKED] = (entry.name, work.current())


@errors.callback
def _remove(entry: Entry) -> None:
    opened.library().put_top(entry.name, None, seen=entry)
    st.session_state.pop(_ASKED, None)
