"""Instruments: what there is to sing with."""

import streamlit as st

from ddsing.ui.instrument import cards, importing, made_files
from ddsing.ui.shell import errors, router, work

router.require()
st.title("Instruments")

work.announce(work.finished())
with st.container():
    if work.current() is not None and not made_files.at_work():
        work.show_progress()
importing.show()
with errors.guard():
    cards.show()
