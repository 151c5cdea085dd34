"""Datasets: the recordings of each voice that the workspace holds."""

import streamlit as st

from ddsing.ui import errors, router, voices
from ddsing.ui.formatting import format_bytes, plain

router.require()
st.title("Datasets")
st.write("A voice is a folder of recordings. Instruments are trained from it.")

with errors.guard():
    folder, found = voices.audio_folder(), voices.scan()
    if not found:
        st.info(
            f"No voices yet. Make a folder per voice in {plain(folder)} for its recordings: wav, flac, ogg or mp3.",
            icon=":material/library_music:",
        )
    else:
        voices.table(found)
        total = sum(voice.n_bytes for voice in found)
        st.caption(f"{len(found)} voices, {format_bytes(total)}, in {plain(folder)}")

st.subheader("What makes a good dataset")
st.markdown(
    """
- **Ten to twenty minutes of one voice**, one note at a time: no chords, no accompaniment, little reverb.
- **The whole range**: low and high, soft and loud, since an instrument only knows what it has heard.
- **One place, one microphone, one distance.** Silence at the ends is fine; it is recognised.
"""
)
st.info(
    "Preparing datasets here (a report on what is in them, pitch and loudness, training windows) comes with the next "
    "release. Folders prepared with the 2021 notebooks are listed already and stay as they are.",
    icon=":material/upcoming:",
)
