"""Timbre transfer: an instrument, a recording or a score, and the takes made from them."""

import streamlit as st

from ddsing.ui.score import dropped, humming, panel
from ddsing.ui.shell import errors, router, sources, work
from ddsing.ui.transfer import (
    at_hand,
    controls,
    first_version,
    fit_panel,
    instrument_picker,
    many,
    pitch_editor,
    pitch_edits,
    presets_panel,
    recording,
    start,
    takes,
    tutorial_hint,
)

router.require()
st.title("Timbre transfer")

tutorial_hint.show()
start.prepare()
done = work.finished()
work.announce(done)
takes.announce(done)
instrument = sound = None
above, below = st.container(), st.container()
with below:
    heading, growing = takes.places()
with above:
    left, right = st.columns([5, 6], gap="large")
    with left:
        with errors.guard():
            instrument = instrument_picker.pick()
        with errors.guard():
            sound = recording.pick(dropped.bring_back)
    if sources.of_score():
        panel.show(left, right, growing, instrument)
    else:
        with right, errors.guard():
            start.show(instrument, sound)  # first, so that it stays where it is whatever is said below
            first_version.show(growing)  # right after the button that asks for it; the rest can wait
            recording.tracker(sound)
            with errors.guard():
                presets_panel.show(instrument)
            controls.settings(instrument)
        with errors.guard():
            pitch_edits.keep(sound)
        with left, errors.guard():
            fit_panel.show(instrument, sound)  # after the controls, which need not wait for what it reads
            humming.offer(sound)
        with errors.guard():
            pitch_editor.show(sound)
        with errors.guard():
            many.show(instrument)
with below, errors.guard():
    takes.show(heading, panel.use)
at_hand.fetch(instrument)
