"""The end of the tutorial, on the Timbre transfer page: what to press, and that it was done.

By itself, since the first page should not wait for what training needs.
"""

import streamlit as st

from ddsing.ui.shell import opened, state
from ddsing.ui.shell.formatting import plain

LEADS = "tutorial.leads"  # whether the tutorial has led this tab here


def show() -> None:
    """The hint, where the tutorial has led here; once something was sung, what comes next."""
    if LEADS not in st.session_state:
        return
    name = st.session_state.get(state.INSTRUMENT, "")
    if any(take.instrument == name for take in opened.takes().list()):
        st.session_state.pop(LEADS)
        st.success(
            f"That is {plain(name)}, the voice you trained. Your take is kept below. Move the controls and try again.",
            icon=":material/school:",
        )
    else:
        st.info(
            f"Tutorial, last step: {plain(name)} is the instrument, and below is a recording for her to "
            "sing. Press **Transfer timbre**.",
            icon=":material/school:",
        )
