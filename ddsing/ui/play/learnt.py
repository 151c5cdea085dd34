"""The style of an instrument's own voice, learnt from its dataset, beside the three that all have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset import voices
from ddsing.errors import DdsingError
from ddsing.formats import tfrecord
from ddsing.play.style import STYLES, VOICE, Style
from ddsing.ui.shell import caches, errors, opened, per_workspace
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.play.learning import Learnt

DEFAULT = "classical"
ABOUT = " *Own* is learnt from the recordings of the instrument's voice."
KEPT = 8


def option(entry: Entry) -> str | None:
    """The choice of the style of an instrument's voice; None where that is not here, or has no dataset."""
    name = entry.provenance.voice
    voice = voices.find(opened.workspace(), name) if name else None
    return f"{VOICE}{voice.name}" if voice is not None and voice.prepared else None


def called(name: str) -> str:
    """What a style is called in a choice."""
    return "Own" if name.startswith(VOICE) else name.capitalize()


def called_whole(name: str) -> str:
    """The same in a line, where it does not stand beside its instrument."""
    return f"style of {name.removeprefix(VOICE)}" if name.startswith(VOICE) else f"style {name}"


def style(name: str) -> tuple[str, Style]:
    """A style by its choice, and its name; the default where it can't be learnt, see `tell`."""
    if name in STYLES:
        return name, STYLES[name]
    try:
        found = _learnt(name)
    except DdsingError:
        return DEFAULT, STYLES[DEFAULT]
    return f"{VOICE}{found.voice}", found.style


def tell(name: str) -> None:
    """Say what a style is learnt from, and what could not be learnt."""
    if name in STYLES:
        return
    try:
        found = _learnt(name)
    except DdsingError as error:
        st.warning(f"{errors.sentence(error)} The style is *{DEFAULT}*.", icon=":material/info:")
        return
    missing = "  \n".join(map(plain, found.warnings)) or None
    told = f"Learnt from the recordings of {plain(found.voice)}" + (", but not all of it." if missing else ".")
    st.caption(told, help=missing)


def _learnt(name: str) -> Learnt:
    voice = voices.get(opened.workspace(), name.removeprefix(VOICE))
    return _learn(tuple(map(caches.stamp, tfrecord.shards(voice.dataset_folder))), voice.name)


@per_workspace.data(max_entries=KEPT, show_spinner="Learning how the voice sings")
def _learn(stamps: tuple, name: str) -> Learnt:
    from ddsing.play import learning

    return learning.learn(opened.workspace(), name)
