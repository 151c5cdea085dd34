"""From the chosen recording to its notes, which are sung as a score is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.ui.score import source
from ddsing.ui.shell import caches, errors, state
from ddsing.ui.transfer import pitch_edits

if TYPE_CHECKING:
    from ddsing.sound.recording import Recording

_GENERATION = 3  # of the loudness, of which only the order counts


def offer(sound: Recording | None) -> None:
    """The button that makes a score of a recording."""
    if sound is None:
        return
    tracker = _tracker(sound)
    st.button(
        "Sing its notes as a score",
        key="score.hum",
        icon=":material/queue_music:",
        type="tertiary",
        disabled=tracker is None,
        on_click=_hum,
        args=(sound, tracker),
        help="The notes that are sung or hummed here become a score: the instrument sings them in its own style, in "
        "tune."
        if tracker
        else "Ready as soon as the pitch of the recording is found.",
    )


def _tracker(sound: Recording) -> str | None:
    """The chosen tracker if it has found the pitch, else the best that has."""
    known = caches.analysed(sound.key)
    chosen = st.session_state[state.TRACKER]
    return chosen if chosen in known else next((name for name in TRACKERS if name in known), None)


@errors.callback
def _hum(sound: Recording, tracker: str) -> None:
    from ddsing.play import hummed

    features = pitch_edits.edited(sound, pitch_edits.features(sound, tracker, _GENERATION))
    source.hold(hummed.line(features, sound.name, sound.key), sound.name)
