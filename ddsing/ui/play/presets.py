"""Presets of how an instrument is played: what `ddsing.ui.shell.presets` needs to know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ddsing.ui.play import learnt, manner
from ddsing.ui.play.manner import Manner
from ddsing.ui.shell import caches, errors, opened, presets

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.play.presets import PlayPreset, PlayPresets


def show(entry: Entry) -> None:
    """The button that opens the panel, and the preset that the controls are at."""
    _panel(entry).show(entry.name)


@errors.callback
def instrument_chosen(name: str) -> None:
    """Load the preset that is the default of the instrument that was just chosen, if it has one; for controls."""
    entry = next((one for one in caches.instruments() if one.name == name and not one.error), None)
    if entry is not None:
        _panel(entry).instrument_chosen(name)


def _panel(entry: Entry) -> presets.Panel:
    def apply(preset: PlayPreset) -> str:
        manner.put(entry, _manner(preset))
        return ""

    return presets.Panel(
        prefix="play.preset",
        kind="play.presets",
        fold="play.more.presets",
        store=_store,
        now=lambda name: _preset(name, manner.standing(entry)),
        apply=apply,
        alike=lambda preset: manner.alike(_manner(preset), manner.standing(entry)),
        said=_said,
        about="Style, sliders and timbre under a name: load, save and share them.",
        loads="Sets the style, all sliders and the timbre of this instrument.",
        file_name="ddsing play presets.json",
    )


def _store() -> PlayPresets:
    from ddsing.play.presets import PlayPresets

    return PlayPresets(opened.workspace())


def _preset(name: str, stands: Manner) -> PlayPreset:
    from ddsing.play.presets import PlayPreset

    return PlayPreset(name, stands.style, stands.style_name, stands.breath_db, stands.timbre_shift)


def _manner(preset: PlayPreset) -> Manner:
    return Manner(preset.style, preset.style_name, preset.breath_db, preset.timbre)


def _said(preset: PlayPreset) -> str:
    """What it sets, in a line."""
    return " · ".join([learnt.called_whole(preset.style_name), *manner.said(_manner(preset))])
