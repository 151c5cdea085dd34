"""Presets of all controls of a transfer: what `ddsing.ui.shell.presets` needs to know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.transfer.settings import Settings, shown, text, words
from ddsing.ui.shell import errors, opened, presets, sources, state, trackers
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.transfer.presets import Preset, Presets


def show(instrument: Entry | None) -> None:
    """The button that opens the panel, and the preset that the controls are at."""
    _PANEL.show(None if instrument is None else instrument.name)


def outdated() -> bool:
    """Whether the controls are at another preset than the page says; for controls that run alone."""
    return _PANEL.outdated()


@errors.callback
def instrument_chosen() -> None:
    """Load the preset that is the default of the instrument that was just chosen, if it has one; for its control."""
    _PANEL.instrument_chosen(str(st.session_state[state.INSTRUMENT]))


def _store() -> Presets:
    from ddsing.transfer.presets import Presets

    return Presets(opened.workspace())


def _now(name: str) -> Preset:
    from ddsing.transfer.presets import Preset

    return Preset(name, state.settings(), st.session_state[state.TRACKER])


def _alike(preset: Preset) -> bool:
    return (preset.settings, preset.tracker) == (state.settings(), st.session_state.get(state.TRACKER))


def _said(preset: Preset) -> str:
    """What it sets otherwise than by default, in a line."""
    default = Settings()
    changed = [name for name in shown(preset.settings) if getattr(preset.settings, name) != getattr(default, name)]
    said = [f"{words(name).label} {text(name, getattr(preset.settings, name))}" for name in changed]
    return " · ".join([f"tracker {trackers.label(preset.tracker)}", *said])


def _apply(preset: Preset) -> str:
    state.apply(preset.settings, tracker=preset.tracker)
    if preset.settings.z_from == "other" and sources.path_of(preset.settings.z_recording) is None:
        return f"The recording for its timbre, {plain(preset.settings.z_recording)}, is not among the examples."
    return ""


_PANEL = presets.Panel(
    prefix="preset",
    kind="presets",
    fold=state.TRANSFER.part("more.presets"),
    store=_store,
    now=_now,
    apply=_apply,
    alike=_alike,
    said=_said,
    about="All controls below under a name: load, save and share them.",
    loads="Sets the tracker and all controls. Instrument and recording stay.",
    file_name="ddsing presets.json",
)
