"""Datasets: from a folder of recordings to what an instrument is trained on."""

import streamlit as st

from ddsing.ui import (
    dataset_advice,
    dataset_prepare,
    dataset_recordings,
    dataset_report,
    dataset_windows,
    errors,
    router,
    transfer,
    voice_picker,
    work,
)

router.require()
st.title("Datasets")
st.write("A voice is a folder of recordings. Its dataset is what an instrument is trained on.")

transfer.announce(work.finished())
voice = None
with errors.guard():
    voice = voice_picker.pick(may_make=True)
with st.container():
    if work.current() is not None:
        work.show_progress()
if voice is not None:
    with st.container(), errors.guard():
        dataset_recordings.show(voice)
    with st.container(), errors.guard():
        dataset_report.show(voice)
    with st.container(), errors.guard():
        dataset_prepare.show(voice)
    with st.container(), errors.guard():
        dataset_windows.show(voice)
dataset_advice.show(voice)
