"""Presets of the controls: a popover to load, keep, rename, delete and pass them on, and what an instrument sets.

The workspace's files are the truth, so that two tabs see the same; this page holds which one is chosen.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.transfer.settings import Settings, shown, text, words
from ddsing.ui.shell import allowed, drafts, errors, opened, sources, state, trackers, undo, values
from ddsing.ui.shell.formatting import plain
from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.transfer.presets import Preset, Presets

_PANEL, _CHOSEN, _NAME, _RENAME, _FILE = (f"preset.{name}" for name in ("panel", "chosen", "name", "rename", "file"))
_DEFAULT = "preset.default"
_REFUSED = "preset.refused"  # why something was not done, beside what it is about
_BYTES = 4000  # of one, at most
_TO_SAVE = "The name that these controls are kept under. One of that name is replaced."


def show(instrument: Entry | None) -> None:
    """The button that opens the panel, and the preset that the controls are at."""
    found = {one.name: one for one in _store().list()}
    with st.container(horizontal=True, vertical_alignment="center"):
        panel = st.popover(
            "Presets",
            icon=":material/bookmarks:",
            key=_PANEL,
            on_change="rerun",
            help="All controls below under a name: load, save and share them.",
        )
        now = _standing(found)
        if now is not None:
            st.markdown(f":gray[Set to] **{plain(now)}**")
    if panel.open:
        with panel, errors.guard():
            _panel(found, instrument)


def _store() -> Presets:
    from ddsing.transfer.presets import Presets

    return Presets(opened.workspace())


def _standing(found: dict[str, Preset]) -> str | None:
    """The preset that the controls are at, the chosen one first if several are alike."""
    settings, tracker = state.settings(), st.session_state.get(state.TRACKER)
    alike = [name for name, one in found.items() if (one.settings, one.tracker) == (settings, tracker)]
    chosen = st.session_state.get(_CHOSEN)
    return chosen if chosen in alike else next(iter(alike), None)


def _panel(found: dict[str, Preset], instrument: Entry | None) -> None:
    if found:
        name = st.selectbox(
            "Preset",
            list(found),
            key=values.among(_CHOSEN, list(found)),
            help="What was saved here or imported, for all instruments.",
        )
        st.caption(plain(_said(found[name])))
        _buttons(name)
        if instrument is not None:
            _default(found[name], instrument.name)
    else:
        st.caption("No presets yet. Save the controls as they are now.")
    errors.show_told(_REFUSED, "preset")
    undo.offer("presets", lambda token: _store().undo(str(token)), what="The preset")
    drafts.form("preset.save", _name, "Save", _save, fields=[_NAME], icon=":material/save:", cancel=_forget)
    errors.show_told(_REFUSED, "name")
    with widgets.more(state.TRANSFER, "Rename, import, export", "presets"):
        _more(found)


def _said(preset: Preset) -> str:
    """What it sets otherwise than by default, in a line."""
    default = Settings()
    changed = [name for name in shown(preset.settings) if getattr(preset.settings, name) != getattr(default, name)]
    said = [f"{words(name).label} {text(name, getattr(preset.settings, name))}" for name in changed]
    return " · ".join([f"tracker {trackers.label(preset.tracker)}", *said])


def _buttons(name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Load",
            key="preset.load",
            type="primary",
            icon=":material/download_done:",
            on_click=_load,
            args=(name,),
            help="Sets the tracker and all controls. Instrument and recording stay.",
        )
        st.button(
            "Update",
            key="preset.update",
            icon=":material/sync:",
            on_click=_keep,
            args=(name,),
            help="Saves the controls as they are now under this name.",
        )
        st.button(
            "",
            key="preset.delete",
            icon=":material/delete:",
            type="tertiary",
            on_click=_delete,
            args=(name,),
            help="Delete this preset. Can be undone.",
        )


def _default(preset: Preset, instrument: str) -> None:
    st.session_state[_DEFAULT] = instrument in preset.default_for  # the file is the truth
    st.toggle(
        f"Default of {plain(instrument)}",
        key=_DEFAULT,
        on_change=_set_default,
        args=(preset.name, instrument),
        help="Loaded whenever this instrument is chosen.",
    )


def _name() -> None:
    st.text_input(
        "Save the controls as",
        key=drafts.field(_NAME, ""),
        max_chars=80,
        placeholder="Dark and close",
        help=_TO_SAVE,
    )


def _more(found: dict[str, Preset]) -> None:
    from ddsing.transfer.presets import to_file

    chosen = st.session_state.get(_CHOSEN)
    if chosen in found:
        draw, fields = functools.partial(_new_name, chosen), [_RENAME]
        drafts.form("preset.rename", draw, "Rename", _rename, fields=fields, args=(chosen,), cancel=_forget)
        errors.show_told(_REFUSED, "rename")
        st.download_button(
            "Export all presets",
            data=to_file(found.values()),
            file_name="ddsing presets.json",
            mime="application/json",
            key="preset.export",
            on_click="ignore",
            icon=":material/download:",
            help="One JSON file, for another computer or another person.",
        )
    st.file_uploader(
        "Import presets",
        type=["json"],
        key=_FILE,
        on_change=_imported,
        help="A file that was exported here. Presets whose names are taken get new ones.",
    )
    errors.show_told(_REFUSED, "import")


def _new_name(chosen: str) -> None:
    st.text_input("New name", key=drafts.field(_RENAME, chosen, about=chosen), max_chars=80, help="Of this preset.")


def _forget() -> None:
    st.session_state.pop(_REFUSED, None)


def _now(name: str) -> Preset:
    from ddsing.transfer.presets import Preset

    return Preset(name, state.settings(), st.session_state[state.TRACKER])


@errors.callback
def _save() -> None:
    with errors.told(_REFUSED, "name"):  # the field keeps what was typed
        allowed.require_bytes("The preset", _BYTES)
        st.session_state[_CHOSEN] = _store().save(_now(str(values.get(_NAME)))).name
        drafts.drop([_NAME])


@errors.callback
def _keep(name: str) -> None:
    with errors.told(_REFUSED, "preset"):
        _store().save(_now(name))
        st.toast(f"**{plain(name)}** is now as the controls are.", icon=":material/check:")


@errors.callback
def _load(name: str) -> None:
    with errors.told(_REFUSED, "preset"):
        _apply(_store().get(name))


def _apply(preset: Preset) -> None:
    state.apply(preset.settings, tracker=preset.tracker)
    said, missing = f"**{plain(preset.name)}** is loaded.", ""
    if preset.settings.z_from == "other" and sources.path_of(preset.settings.z_recording) is None:
        missing = f" The recording for its timbre, {plain(preset.settings.z_recording)}, is not among the examples."
    st.toast(said + missing, icon=":material/bookmarks:")


@errors.callback
def instrument_chosen() -> None:
    """Load the preset that is the default of the instrument that was just chosen, if it has one; for its control."""
    preset = _store().default_of(str(st.session_state[state.INSTRUMENT]))
    if preset is not None:
        st.session_state[_CHOSEN] = preset.name
        _apply(preset)


@errors.callback
def _set_default(name: str, instrument: str) -> None:
    with errors.told(_REFUSED, "preset"):
        _store().set_default(instrument, name if st.session_state[_DEFAULT] else None)


@errors.callback
def _rename(name: str) -> None:
    with errors.told(_REFUSED, "rename"):
        st.session_state[_CHOSEN] = _store().rename(name, str(values.get(_RENAME))).name
        drafts.drop([_RENAME])


@errors.callback
def _delete(name: str) -> None:
    with errors.told(_REFUSED, "preset"):
        undo.remember("presets", name, _store().delete(name))


@errors.callback
def _imported() -> None:
    file = st.session_state.get(_FILE)
    with errors.told(_REFUSED, "import"):
        if file is None:
            return
        allowed.require_bytes("The file", file.size)
        kept = _store().take_over(file.getvalue())
        st.session_state[_CHOSEN] = kept[0].name
        st.toast(f"Imported: {plain(', '.join(one.name for one in kept[:8]))}.", icon=":material/check:")
