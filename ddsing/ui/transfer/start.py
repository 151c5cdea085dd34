"""The main button: from the choices on the page to a new take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.hosting import counted
from ddsing.ui.shell import caches, errors, opened, sources, state, values, work
from ddsing.ui.shell.formatting import plain
from ddsing.ui.transfer import first_readings

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.sound.recording import Recording
    from ddsing.transfer.settings import Settings
    from ddsing.transfer.take import Take

SHORTCUT = "Mod+Enter"


def prepare() -> None:
    """Start values of the page's choices."""
    state.prepare()
    values.among(state.SOURCE_KIND, list(sources.KINDS), "examples" if sources.examples() else "upload")


def show(instrument: Entry | None, sound: Recording | None) -> None:
    """The primary button, or in its place how far the tab's work is and how long it will still take."""
    if not work.busy():
        _button(instrument, sound)
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


def _missing(instrument: Entry | None, sound: Recording | None) -> str | None:
    if instrument is None:
        return "Import an instrument first, on the Instruments page."
    if sound is None:
        return "Choose, upload or record something to transfer first."
    return None


@errors.callback
def _start(instrument: Entry, sound: Recording) -> None:
    settings, tracker = state.settings(), st.session_state[state.TRACKER]
    found = first_readings.known(sound, tracker)
    analysed = tracker in caches.analysed(sound.key)
    to_analyse_s = 0.0 if analysed else sound.duration_s if found is None else found.left_s

    def parts(known: Paces) -> list[Part]:
        from ddsing.transfer import expected

        config = caches.instrument(instrument).config
        return expected.parts(known, [config], tracker=tracker, sound_s=sound.duration_s, to_analyse_s=to_analyse_s)

    work.start(f"Transferring {plain(sound.name)}", _work(instrument, sound, settings, tracker), parts=parts)


def _work(entry: Entry, sound: Recording, settings: Settings, tracker: str) -> Callable:
    """What makes a take; it takes along all it needs, so nothing that a tab changes meanwhile matters."""
    from ddsing.transfer import pipeline, stages

    instrument, workspace, models = caches.instrument(entry), opened.workspace(), caches.models()
    begun = first_readings.known(sound, tracker)

    def work(report: Callable[[str, float], None]) -> Take:
        from ddsing.experiments.comparison import heard

        first_readings.to_the_end(begun, functools.partial(report, stages.doing("features")))
        with counted.transfer():
            take = pipeline.run(
                workspace,
                sound,
                instrument,
                settings,
                source_name=sound.name,
                tracker=tracker,
                models=models,
                progress=lambda stage, done: report(stages.doing(stage), done),
            )
        heard.remember(workspace.cache, take)  # so that the page need not
        return take

    return work
