"""Experiments: all takes side by side."""

import streamlit as st

from ddsing.ui import errors, router, takes_table

router.require()
st.title("Experiments")
st.write("Every take of this workspace, with what made it.")

with errors.guard():
    takes_table.show()

st.info("Voice space and parameter space, maps on which takes and instruments are compared, come with a later release.",
        icon=":material/upcoming:")  # fmt: skip
