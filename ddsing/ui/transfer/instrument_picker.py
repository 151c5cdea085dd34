"""Choosing the instrument of a transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell import caches, router, sources, state, values
from ddsing.ui.shell.formatting import loudness_range, pitch_range, plain
from ddsing.ui.transfer import presets_panel

if TYPE_CHECKING:
    from collections.abc import Callable

    from ddsing.instrument.library import Entry


HELP = "The voice that sings the recording. Listen to each one on the Instruments page."


def pick(
    *,
    key: str = state.INSTRUMENT,
    first: str | None = None,
    about: str = HELP,
    on_change: Callable[[], None] = presets_panel.instrument_chosen,
):
    """The select box with a line about the instrument; None where there is none to pick.

    Parameters
    ----------
    key : str
        Of the box, which a page has for itself.
    first : str, optional
        What is chosen until something else is, if it is there.
    about : str
        The box's help.
    on_change : callable
        What else is done when another is chosen, such as setting its preset.
    """
    entries = {entry.name: entry for entry in caches.instruments() if not entry.error}
    if not entries:
        st.info("No instruments yet. Import one on the Instruments page.", icon=":material/piano:")
        router.link("pages/instruments.py", label="Go to Instruments", icon=":material/piano:")
        return None
    name = st.selectbox(
        "Instrument",
        list(entries),
        key=values.among(key, list(entries), first if first in entries else None),
        persist_state="session",
        on_change=on_change,
        format_func=lambda name: sources.marked(name, entries[name].path) if name in entries else name,
        help=about,
    )
    entry = entries[name]
    st.caption(_about(entry), help=_loudness(entry))
    return entry


def _about(entry: Entry) -> str:
    parts = [plain(entry.provenance.voice)] if entry.provenance.voice else []
    if entry.provenance.step is not None:
        parts.append(f"{entry.provenance.step:,} steps")
    if entry.statistics is not None:
        parts += [pitch_range(entry.statistics.pitch_range_midi), loudness_range(entry.statistics.loudness_range_db)]
    return " · ".join(parts)


def _loudness(entry: Entry) -> str:
    of_2021 = entry.config is not None and entry.config.generation == 1
    return (
        f"Loudness is measured as ddsp {'1.x' if of_2021 else '3.x'} does, with which this instrument was trained: "
        "figures in dB are comparable among instruments of one kind."
    )
