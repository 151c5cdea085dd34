"""The controls of a transfer: tracker with its cost, and the settings in the groups Pitch, Loudness and Timbre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell import state, trackers
from ddsing.ui.transfer import loudness_controls, pitch_controls, timbre_controls, widgets

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

NO_STATISTICS = "This instrument has no statistics."
NO_TOP = "This instrument sings up to 8 kHz. The Instruments page can give it a top."
FULL_OUTPUT = "Also shows spectrograms and the curves behind the result with each take."


def tracker(duration_s: float | None, analysed: set[str]) -> str:
    """The tracker choice, with what each costs for this recording."""
    chosen = trackers.choose(state.TRACKER, "How the pitch of the recording is found.")
    if duration_s is not None:
        trackers.show_times(duration_s, of="this recording", known=analysed)
    return chosen


def settings(instrument: Entry | None) -> None:
    """All settings, group by group; each group stands in a module of its own."""
    reasons = state.settings().disabled()
    if instrument is not None and instrument.statistics is None:
        reasons = reasons | {"use_statistics": NO_STATISTICS}
    if instrument is None or instrument.top is None:
        reasons = reasons | {"full_band": NO_TOP}
    pitch, loudness = st.columns(2, gap="medium")
    with pitch:
        pitch_controls.show(reasons)
    with loudness:
        loudness_controls.show(reasons)
    timbre_controls.show(instrument, reasons)
    widgets.toggle("show_full_output", "Show full output", help_text=FULL_OUTPUT, reasons=reasons)
