"""The edit of the chosen recording's pitch curve: kept for each recording and tracker, with what was undone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.errors import SettingsError
from ddsing.sound.curve.contour import Curve
from ddsing.sound.curve.edit import History, PitchEdit
from ddsing.ui.shell import caches, per_workspace, state, values

if TYPE_CHECKING:
    from ddsing.sound.curve.operations import Operation
    from ddsing.sound.features import Features
    from ddsing.sound.recording import Recording
    from ddsing.ui.shell.state import Desk

MAX_TEXT = 4_000_000
CURVES = 8
_HISTORY = "pitch.edit"
_ABOUT = "pitch.edit.about"  # the recording and the tracker that the history is of, in this run
_RESTORED = "pitch.edit.restored"  # what takes and files have brought back, by recording and tracker


def keep(sound: Recording | None, desk: Desk = state.TRANSFER) -> None:
    """Put the edit of a recording by the chosen tracker in place; in each run of the page that has one."""
    if sound is None:
        return
    tracker = st.session_state[desk.tracker]
    about = f"{sound.key}.{tracker}"
    values.keep(_HISTORY, "", about=about)
    st.session_state[_ABOUT] = (sound.key, tracker)
    restored = st.session_state.get(_RESTORED, {})
    if about in restored:
        edit = restored.pop(about)
        _hold(History(edit.steps, len(edit.steps)) if edit else History(history().steps, 0))


def history() -> History:
    """The steps with those that were undone."""
    return History.from_text(values.get(_HISTORY))


def edit(sound: Recording, tracker: str) -> PitchEdit | None:
    """The edit as it is now; None for none."""
    if st.session_state.get(_ABOUT) != (sound.key, tracker):
        return None
    return PitchEdit(sound.key, tracker, history().held) or None


def of_another_tracker(sound: Recording, tracker: str) -> str:
    """The tracker that the recording's edit belongs to, where the one given has none and another has; "" else."""
    others = (one for one in TRACKERS if one != tracker and not history().done)
    return next((one for one in others if _held_for(f"{sound.key}.{one}").done), "")


def _held_for(about: str) -> History:
    return History.from_text(values.held(_HISTORY, "", about=about))


def change(*steps: Operation) -> None:
    """Add steps; for callbacks."""
    recording, tracker = st.session_state[_ABOUT]
    made = history().and_then(*steps)
    PitchEdit(recording, tracker, made.held)  # which has a limit
    _hold(made)


def undo() -> None:
    """Undo the last step; for callbacks."""
    _hold(history().undone())


def redo() -> None:
    """Redo the step that was undone last; for callbacks."""
    _hold(history().redone())


def undo_all() -> None:
    """Undo all steps, which can be redone one by one; for callbacks."""
    _hold(History(history().steps, 0))


def restore(found: PitchEdit | None, recording: str, tracker: str) -> None:
    """Bring back what a take was made with, for when its recording and tracker are chosen; for callbacks.

    Where it was made without an edit, the one that there is counts as undone.
    """
    st.session_state[_RESTORED] = {**st.session_state.get(_RESTORED, {}), f"{recording}.{tracker}": found}


def _hold(made: History) -> None:
    text = made.to_text()
    if len(text) > MAX_TEXT:
        raise SettingsError("The pitch edit is too large. Undo an import that is not needed.")
    values.put(_HISTORY, text)


def curve(sound: Recording, tracker: str, features: Features) -> Curve:
    """The recording's curve with the edit."""
    return _curve(sound.key, tracker, digest(sound, tracker), features, edit(sound, tracker))


@per_workspace.resource(max_entries=CURVES, show_spinner=False)
def _curve(content: str, tracker: str, digest: str, _features: Features, _edit: PitchEdit | None) -> Curve:
    tracked = Curve.of(_features)
    return _edit.apply(tracked) if _edit else tracked


def tracked(features: Features) -> Curve:
    """The curve without the edit."""
    return Curve.of(features)


def edited(sound: Recording, features: Features) -> Features:
    """Features with the edited curve; the same object where nothing is edited."""
    if not edit(sound, features.tracker):
        return features
    made = curve(sound, features.tracker, features)
    return replace(features, f0_hz=made.f0_hz, f0_confidence=made.confidence)


def digest(sound: Recording, tracker: str) -> str:
    """What tells the edit from all others; "" for none."""
    found = edit(sound, tracker)
    return found.digest if found else ""


def features(sound: Recording, tracker: str, generation: int) -> Features:
    """The recording's features as they were tracked; it must be analysed."""
    return caches.features_of(sound.key, sound.audio, tracker, generation)
