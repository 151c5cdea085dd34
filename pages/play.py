"""Play: an instrument under the fingers, in the browser."""

import streamlit as st

from ddsing.ui.play import manner, presets, recorded, stage
from ddsing.ui.shell import errors, router, work
from ddsing.ui.transfer import takes

router.require()
st.title("Play")

done = work.finished()
work.announce(done)
takes.announce(done)
entry = None
which, preset = st.columns([7, 2])
with which, errors.guard():
    entry = stage.pick()
if entry is not None:
    with errors.guard():
        keys = st.container()
        how = manner.pick(entry)
        with preset, st.container(key="beside-the-instrument"):
            presets.show(entry)
        with keys:
            stage.show(entry, how)
    with st.container():
        if work.current() is not None:
            work.show_progress()
    with errors.guard():
        recorded.show()
