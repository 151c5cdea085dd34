"""Training: from a voice's dataset to its instrument, in the background, heard while it forms."""

import streamlit as st

from ddsing.ui.shell import errors, jobs, router, voice_picker, work
from ddsing.ui.training import board, cache, device_tile, ending, export, live, queue, sanity, start, tutorial

router.require()
export.follow()
st.title("Training")
st.write("A model learns to sing like a voice's recordings. Training runs in the background: you can leave the page.")

work.announce(work.finished())
with st.container(), errors.guard():  # a container each, so that what comes and goes above does not move what is below
    tutorial.show()
voice = job = history = None
with errors.guard():
    voice = voice_picker.pick(cells=True)
    job = jobs.of(voice.name, "train") if voice is not None else None
    with st.container():
        queue.show(besides=job.id if job is not None else None)
    if voice is None:
        st.info("No voices yet. Create one on the Datasets page and add its recordings.", icon=":material/mic:")
        st.page_link("pages/datasets.py", label="Go to Datasets", icon=":material/library_music:")
with st.container():
    if work.current() is not None:
        work.show_progress()
if voice is not None:
    with st.container(), errors.guard():
        live.show(voice, job)
    with st.container(), errors.guard():
        history, ended_early = cache.history(voice), ending.offers(voice, job)
        export.show(voice, history, quiet=ended_early)
        sanity.show(voice, history)
        lower = ending.lower_rate(voice, job)
        start.show(voice, history, busy=job is not None and job.live, learning_rate=lower, instead=ended_early)
with st.container(), errors.guard():
    board.show()
st.header("This computer")
device_tile.show(busy=jobs.any_live())
queue.ended()
