"""Training: from a voice's dataset to its instrument, in the background, heard while it forms."""

import streamlit as st

from ddsing.ui import (
    device_tile,
    errors,
    jobs,
    router,
    training_board,
    training_cache,
    training_ending,
    training_export,
    training_live,
    training_queue,
    training_sanity,
    training_start,
    transfer,
    tutorial,
    voice_picker,
    work,
)

router.require()
training_export.follow()
st.title("Training")
st.write("A model listens to a voice's recordings until it can sing like them. It runs in the background; come and go.")

transfer.announce(work.finished())
with st.container(), errors.guard():  # a container each, so that what comes and goes above does not move what is below
    tutorial.show()
voice = job = history = None
with errors.guard():
    voice = voice_picker.pick(cells=True)
    job = jobs.of(voice.name, "train") if voice is not None else None
    with st.container():
        training_queue.show(besides=job.id if job is not None else None)
    if voice is None:
        st.info("No voices yet. Make one on the Datasets page, and add its recordings.", icon=":material/mic:")
        st.page_link("pages/datasets.py", label="Go to Datasets", icon=":material/library_music:")
with st.container():
    if work.current() is not None:
        work.show_progress()
if voice is not None:
    with st.container(), errors.guard():
        training_live.show(voice, job)
    with st.container(), errors.guard():
        history = training_cache.history(voice)
        training_export.show(voice, history)
        training_sanity.show(voice, history)
        training_start.show(voice, history, busy=job is not None and job.live,
                            learning_rate=training_ending.lower_rate(voice, job))  # fmt: skip
with st.container(), errors.guard():
    training_board.show()
st.subheader("This computer")
device_tile.show(busy=jobs.any_live())
training_queue.ended()
