"""Training: what this computer can do, and what is coming."""

import streamlit as st

from ddsing.ui import errors, machine, router

router.require()
st.title("Training")
st.write("Instruments are trained from a voice's dataset, in the background, on this computer.")

with errors.guard():
    machine.show()

st.subheader("What to expect")
st.markdown(
    """
| | steps | on 2 cores, measured |
|---|---|---|
| a small instrument: 128 units, 2-second windows, 8 at a time | 900 | 14 minutes, loss from 9.8 to 7.0 |
| the full one: 512 units, 4-second windows, 4 at a time | 40,000 | about 33 hours |

A loss above 6 leaves room to improve; below 5 the instrument starts to learn its recordings by heart.
"""
)
st.info(
    "Starting, watching, stopping and resuming trainings here comes with a later release. Until then, import "
    "instruments that the 2021 notebooks trained on the Instruments page.",
    icon=":material/upcoming:",
)
