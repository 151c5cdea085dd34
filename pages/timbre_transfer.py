"""Timbre transfer: an instrument, a recording, and the takes made from them."""

import streamlit as st

from ddsing.ui import (
    errors,
    fit_panel,
    instrument_picker,
    latent_controls,
    recording,
    router,
    sources,
    takes,
    transfer,
    transfer_controls,
    tutorial_hint,
    work,
)

router.require()
st.title("Timbre transfer")

tutorial_hint.show()
transfer.prepare()
transfer.announce(work.finished())
instrument = sound = None
left, right = st.columns([5, 6], gap="large")
with left:
    with errors.guard():
        instrument = instrument_picker.pick()
    with errors.guard():
        sound = recording.load(sources.pick())
    with errors.guard():
        fit_panel.show(instrument, sound)
with right, errors.guard():
    recording.tracker(sound)
    transfer_controls.settings(has_statistics=instrument is None or instrument.statistics is not None)
    latent_controls.show(instrument)
    transfer.button(instrument, sound)
if work.current() is not None:
    work.show_progress()
with errors.guard():
    takes.show()
