"""Instruments: what there is to sing with."""

import streamlit as st

from ddsing.ui.instrument import cards, importing
from ddsing.ui.shell import errors, router

router.require()
st.title("Instruments")

importing.show()
with errors.guard():
    cards.show()
