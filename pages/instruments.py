"""Instruments: what there is to sing with."""

import streamlit as st

from ddsing.ui import errors, instrument_cards, instrument_import, router

router.require()
st.title("Instruments")

instrument_import.show()
with errors.guard():
    instrument_cards.show()
