"""All takes as a table."""

import streamlit as st

from ddsing.ui import caches
from ddsing.ui.formatting import format_duration, octaves, signed, when


def show() -> None:
    """One row per take, newest first."""
    takes = caches.takes().list()
    if not takes:
        st.info("No takes yet. Make the first one on the Timbre transfer page.", icon=":material/graphic_eq:")
        st.page_link("pages/timbre_transfer.py", label="Go to Timbre transfer", icon=":material/graphic_eq:")
        return
    st.dataframe(
        {
            "Take": [take.name for take in takes],
            "Recording": [take.source for take in takes],
            "Instrument": [take.instrument for take in takes],
            "Made": [when(take.created) for take in takes],
            "Tracker": [take.tracker for take in takes],
            "Octave shift": [octaves(take.settings.octave_shift) for take in takes],
            "Loudness": [signed(take.settings.loudness_shift_db, "dB") for take in takes],
            "Autotune": [take.settings.autotune for take in takes],
            "Statistics": [take.settings.use_statistics for take in takes],
            "Time": [format_duration(sum(take.seconds.values())) for take in takes],
            "Note": [take.note for take in takes],
        },
        hide_index=True,
        column_config={
            "Tracker": st.column_config.TextColumn(width=60),
            "Octave shift": st.column_config.TextColumn(width=85),
            "Loudness": st.column_config.TextColumn(width=70, help="The loudness shift."),
            "Autotune": st.column_config.NumberColumn(width=70),
            "Statistics": st.column_config.CheckboxColumn(width=75, help="Loudness matched to the instrument's own."),
            "Time": st.column_config.TextColumn(width=55, help="What making it took."),
        },
    )
    st.caption("Listen to them, rename them and take their settings up again on the Timbre transfer page.")
