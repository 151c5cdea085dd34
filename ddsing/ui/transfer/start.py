"""The main button: from the choices on the page to a new take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import DdsingError
from ddsing.ui.shell import allowed, caches, errors, opened, sources, state, values, work
from ddsing.ui.shell.formatting import plain
from ddsing.ui.transfer import first_readings, pitch_edits, play_at_once

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.sound.recording import Recording

SHORTCUT = "Mod+Enter"
_REFUSED = "transfer.refused"  # why the last press led to nothing, and with which recording


def prepare() -> None:
    """Start values of the page's choices."""
    state.prepare()
    values.among(state.SOURCE_KIND, list(sources.KINDS), "examples" if sources.examples() else "upload")


def show(instrument: Entry | None, sound: Recording | None) -> None:
    """The primary button, or in its place how far the tab's work is and how long it will still take."""
    if not work.busy():
        with st.container(horizontal=True, vertical_alignment="center"):
            _button(instrument, sound)
            play_at_once.show()
        _refused(sound)
    if work.current() is not None:
        work.show_progress()


def _button(instrument: Entry | None, sound: Recording | None) -> None:
    """Disabled, with the reason as its help, while something is missing."""
    reason = _missing(instrument, sound)
    st.button(
        "Transfer timbre",
        type="primary",
        key="transfer.start",
        icon=":material/graphic_eq:",
        shortcut=SHORTCUT,
        width="stretch",
        disabled=reason is not None,
        on_click=_start,
        args=(instrument, sound),
        help=reason or "Sings the recording with the instrument's voice. The result is added to the takes below.",
    )


def _refused(sound: Recording | None) -> None:
    """Why the last press led to nothing."""
    key, why = st.session_state.get(_REFUSED, ("", ""))
    if why and sound is not None and sound.key == key:
        st.error(why, icon=":material/block:")  # here it outlasts the runs in which the page fills up


def _missing(instrument: Entry | None, sound: Recording | None) -> str | None:
    if instrument is None:
        return "Import an instrument first, on the Instruments page."
    if sound is None:
        return "Choose, upload or record something to transfer first."
    return None


@errors.callback
def _start(instrument: Entry, sound: Recording) -> None:
    from ddsing.jobs import paces
    from ddsing.sound import pitch
    from ddsing.transfer import band, first_sound
    from ddsing.work import order_options
    from ddsing.work.kinds import AtHand

    st.session_state.pop(_REFUSED, None)
    settings, tracker = state.settings(), st.session_state[state.TRACKER]
    rate_hz = band.planned_rate_hz(settings, [instrument])
    try:
        allowed.require_transfer(sound.duration_s, rate_hz)
    except DdsingError as error:
        st.session_state[_REFUSED] = (sound.key, errors.sentence(error))
        return
    loaded = caches.instrument(instrument)
    found = first_readings.known(sound, tracker)
    analysed = tracker in caches.analysed(sound.key)
    to_analyse_s = 0.0 if analysed else sound.duration_s if found is None else found.left_s

    def parts(known: Paces) -> list[Part]:
        from ddsing.transfer import expected

        return expected.parts(
            known,
            [loaded.config],
            tracker=tracker,
            sound_s=sound.duration_s,
            to_analyse_s=to_analyse_s,
            rate_hz=rate_hz,
        )

    singing_s = parts(paces.of(opened.workspace()))[-1].expected_s
    timbre = sources.path_of(settings.z_recording) if settings.z_from == "other" else None
    options = order_options.transfer(
        [loaded],
        settings,
        tracker,
        owners=[opened.owner(instrument.path)],
        z_source=timbre,
        first=first_sound.planned(
            sound.duration_s,
            singing_s=singing_s,
            tracker=tracker,
            to_analyse_s=to_analyse_s,
            at_once=play_at_once.wanted(),
            rate_hz=rate_hz,
        ),
        edit=pitch_edits.edit(sound, tracker),
    )

    def at_hand() -> AtHand:
        """What the page has read already; what a tab changes meanwhile does not matter."""
        begun = first_readings.known(sound, tracker) or first_readings.known(sound, pitch.INSTANT)
        others = {} if timbre is None else {str(timbre): caches.recording(timbre)}
        return AtHand(caches.models(), {loaded.digest: loaded}, begun, recordings=others)

    play_at_once.press()
    work.order("transfer", f"Transferring {plain(sound.name)}", options, sound=sound, at_hand=at_hand, parts=parts)
