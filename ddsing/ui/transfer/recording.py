"""The chosen recording: decoded, described, played; and the settings that a file of ours brings back."""

from collections.abc import Mapping

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.names import find
from ddsing.sound.recording import Recording
from ddsing.transfer.takes import read_recipe
from ddsing.ui.shell import caches, errors, sources, state
from ddsing.ui.shell.formatting import format_duration, plain
from ddsing.ui.transfer import controls


def show(recording: Recording | None) -> Recording | None:
    """The chosen recording, with a player and a line about it; None while nothing is chosen."""
    if recording is None:
        return None
    info = recording.info
    channels = {1: "mono", 2: "stereo"}.get(info.n_channels, f"{info.n_channels} channels")
    st.audio(recording.wav, format="audio/wav", alt=f"the recording {recording.name}")
    st.caption(
        f"{plain(recording.name)} · {format_duration(recording.duration_s)} · {plain(info.format)}, "
        f"{info.sample_rate_hz / 1000:g} kHz, {channels}"
    )
    for remark in recording.remarks:
        st.caption(f":material/info: {plain(remark)}")
    if recording.recipe is not None:
        _offer(recording.recipe)
    return recording


def tracker(recording: Recording | None) -> str:
    """The tracker choice for this recording."""
    analysed = caches.analysed(recording.key) if recording else set()
    return controls.tracker(recording.duration_s if recording else None, analysed)


def _offer(recipe: dict) -> None:
    with st.container(border=True):
        st.markdown(":material/restore: This file was made by ddsing and carries its recipe.")
        st.button(
            "Restore its settings",
            key="source.restore",
            on_click=_restore,
            args=(recipe,),
            icon=":material/settings_backup_restore:",
            help="Puts every control, the tracker and the instrument as they were for this take.",
        )
        if recipe.get("morph") is not None:
            _offer_morph(recipe)


def _offer_morph(recipe: dict) -> None:
    from ddsing.ui.shell import morph_link

    asked = morph_link.query(recipe)
    if asked:
        st.page_link(
            "pages/experiments.py",
            label="It is a morph: open its mixture",
            icon=":material/blur_on:",
            query_params=asked,
        )


@errors.callback
def _restore(recipe: dict) -> None:
    settings, used_tracker, instrument = read_recipe(recipe)
    found = find(instrument, [entry.name for entry in caches.instruments()])
    state.apply(
        settings,
        tracker=used_tracker if used_tracker in TRACKERS else None,
        instrument=found,
    )
    if found is None:
        st.toast(f"The instrument {plain(instrument)} is not here; all else is restored.", icon=":material/info:")
    else:
        st.toast("Every control is as it was for this take.", icon=":material/check:")
    timbre = recipe.get("timbre")
    sources.tell_if_replaced(settings, str(timbre.get("hash", "")) if isinstance(timbre, Mapping) else "")
