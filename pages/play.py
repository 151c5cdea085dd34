"""Play: an instrument under the fingers, in the browser."""

import streamlit as st

from ddsing.ui.play import manner, stage
from ddsing.ui.shell import errors, router, work

router.require()
st.title("Play")

work.announce(work.finished())
entry = None
with errors.guard():
    entry = stage.pick()
if entry is not None:
    with errors.guard():
        keys = st.container()
        how = manner.pick(entry.name, n_directions=stage.n_directions(entry))
        with keys:
            stage.show(entry, how)
