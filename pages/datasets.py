"""Datasets: from a folder of recordings to what an instrument is trained on."""

import streamlit as st

from ddsing.ui.dataset import advice, prepare, recordings, report, windows
from ddsing.ui.shell import errors, router, voice_picker, work

router.require()
st.title("Datasets")
st.write("A voice is a folder of recordings. Its dataset is what an instrument is trained on.")

work.announce(work.finished())
voice = None
with errors.guard():
    voice = voice_picker.pick(may_make=True)
with st.container():
    if work.current() is not None:
        work.show_progress()
if voice is not None:
    with st.container(), errors.guard():
        recordings.show(voice)
    with st.container(), errors.guard():
        report.show(voice)
    with st.container(), errors.guard():
        prepare.show(voice)
    with st.container(), errors.guard():
        windows.show(voice)
advice.show(voice)
