"""What makes a good dataset, for who has not recorded one yet; and the way on to training for who has."""

import streamlit as st

from ddsing.dataset.voices import Voice

ADVICE = """
- **Ten to twenty minutes of one voice**, one note at a time: no chords, no accompaniment, little reverb.
- **The whole range**: low and high, soft and loud. An instrument can only sing what it was trained on.
- **One place, one microphone, one distance.** Silence at the ends is fine: it is detected.
- **Any format**: stereo, 48 kHz, one long file or many short ones, under any name.
"""


def show(voice: Voice | None) -> None:
    """The advice where there are no recordings, else the link to the Training page."""
    if voice is None or not (voice.recordings() or voice.prepared):
        st.header("What makes a good dataset")
        st.markdown(ADVICE)
    elif voice.prepared:
        st.page_link("pages/training.py", label="Continue to Training", icon=":material/model_training:")
