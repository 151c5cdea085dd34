"""Presets of a page's controls: a popover to load, keep, rename, delete and pass them on, and what an instrument sets.

The workspace's files are the truth, so that two tabs see the same; the page holds which one is chosen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.ui.shell import allowed, drafts, errors, undo, values
from ddsing.ui.shell.formatting import plain, spoken, unseen

if TYPE_CHECKING:
    from ddsing.transfer.presets import Store

_BYTES = 4000  # of one, at most
_TO_SAVE = "The name that these controls are kept under. One of that name is replaced."


@dataclass(frozen=True)
class Panel:
    """The presets of one page.

    Attributes
    ----------
    prefix, kind, fold : str
        What the keys of its widgets begin with, the kind of what is deleted, and the key of the fold of what is rare.
    store : callable
        Gives the presets of the workspace.
    now : callable
        Given a name, the preset that the controls are at.
    apply : callable
        Puts a preset onto the controls, in callbacks; returns a sentence about what of it can't be, or "".
    alike : callable
        Whether the controls are at a preset.
    said : callable
        What a preset sets, in a line.
    about, loads, file_name : str
        The helps of the panel's button and of *Load*, and what a file of presets is called.
    """

    prefix: str
    kind: str
    fold: str
    store: Callable[[], Store[Any]]
    now: Callable[[str], Any]
    apply: Callable[[Any], str]
    alike: Callable[[Any], bool]
    said: Callable[[Any], str]
    about: str
    loads: str
    file_name: str

    def key(self, name: str) -> str:
        """The session key of one of its widgets."""
        return f"{self.prefix}.{name}"

    def show(self, instrument: str | None) -> None:
        """The button that opens the panel, and the preset that the controls are at."""
        found = self._found()
        with st.container(horizontal=True, vertical_alignment="center"):
            panel = st.popover(
                "Presets", icon=":material/bookmarks:", key=self.key("panel"), on_change="rerun", help=self.about
            )
            now = st.session_state[self.key("told")] = self._standing(found)
            if now is not None:
                st.markdown(f":gray[Set to] **{plain(now)}**")
        if panel.open:
            with panel, errors.guard():
                self._panel(found, instrument)

    def outdated(self) -> bool:
        """Whether the controls are at another preset than the page says; for what runs alone."""
        return self._standing(self._found()) != st.session_state.get(self.key("told"))

    def _found(self) -> dict[str, Any]:
        return {one.name: one for one in self.store().list()}

    def _standing(self, found: dict[str, Any]) -> str | None:
        """The preset that the controls are at, the chosen one first if several are alike."""
        alike = [name for name, one in found.items() if self.alike(one)]
        chosen = st.session_state.get(self.key("chosen"))
        return chosen if chosen in alike else next(iter(alike), None)

    def _panel(self, found: dict[str, Any], instrument: str | None) -> None:
        if found:
            name = st.selectbox(
                "Preset",
                list(found),
                key=values.among(self.key("chosen"), list(found)),
                help="What was saved here or imported, for all instruments.",
            )
            st.caption(plain(self.said(found[name])))
            self._buttons(name)
            if instrument is not None:
                self._default(found[name], instrument)
        else:
            st.caption("No presets yet. Save the controls as they are now.")
        refused = self.key("refused")  # why something was not done, beside what it is about
        errors.show_told(refused, "preset")
        undo.offer(self.kind, lambda token: self.store().undo(str(token)), what="The preset")
        fields = [self.key("name")]
        icon = ":material/save:"
        drafts.form(self.key("save"), self._name, "Save", self._save, fields=fields, icon=icon, cancel=self._forget)
        errors.show_told(refused, "name")
        more = values.keep(self.fold, False)
        with st.expander("Rename, import, export", icon=":material/tune:", key=more, on_change="rerun"):
            self._more(found)

    def _buttons(self, name: str) -> None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Load",
                key=self.key("load"),
                type="primary",
                icon=":material/download_done:",
                on_click=self._load,
                args=(name,),
                help=self.loads,
            )
            st.button(
                "Update",
                key=self.key("update"),
                icon=":material/sync:",
                on_click=self._keep,
                args=(name,),
                help="Saves the controls as they are now under this name.",
            )
            st.button(
                unseen(f"Delete the preset {plain(name)}"),
                key=self.key("delete"),
                icon=":material/delete:",
                type="tertiary",
                on_click=self._delete,
                args=(name,),
                help="Delete this preset. Can be undone.",
            )

    def _default(self, preset: Any, instrument: str) -> None:
        st.session_state[self.key("default")] = instrument in preset.default_for  # the file is the truth
        st.toggle(
            f"Default of {spoken(instrument)}",
            key=self.key("default"),
            on_change=self._set_default,
            args=(preset.name, instrument),
            help="Loaded whenever this instrument is chosen.",
        )

    def _name(self) -> None:
        st.text_input(
            "Save the controls as",
            key=drafts.field(self.key("name"), ""),
            max_chars=80,
            placeholder="Dark and close",
            help=_TO_SAVE,
        )

    def _more(self, found: dict[str, Any]) -> None:
        from ddsing.transfer.presets import to_file

        refused, chosen = self.key("refused"), st.session_state.get(self.key("chosen"))
        if chosen in found:
            draw, fields = functools.partial(self._new_name, chosen), [self.key("rename")]
            name, args = self.key("rename"), (chosen,)
            drafts.form(name, draw, "Rename", self._rename, fields=fields, args=args, cancel=self._forget)
            errors.show_told(refused, "rename")
            st.download_button(
                "Export all presets",
                data=to_file(found.values(), self.store().kind),
                file_name=self.file_name,
                mime="application/json",
                key=self.key("export"),
                on_click="ignore",
                icon=":material/download:",
                help="One JSON file, for another computer or another person.",
            )
        st.file_uploader(
            "Import presets",
            type=["json"],
            key=self.key("file"),
            on_change=self._imported,
            help="A file that was exported here. Presets whose names are taken get new ones.",
        )
        errors.show_told(refused, "import")

    def _new_name(self, chosen: str) -> None:
        key = drafts.field(self.key("rename"), chosen, about=chosen)
        st.text_input("New name", key=key, max_chars=80, help="Of this preset.")

    def _forget(self) -> None:
        st.session_state.pop(self.key("refused"), None)

    @errors.callback
    def _save(self) -> None:
        with errors.told(self.key("refused"), "name"):  # the field keeps what was typed
            allowed.require_bytes("The preset", _BYTES)
            name = str(values.get(self.key("name")))
            st.session_state[self.key("chosen")] = self.store().save(self.now(name)).name
            drafts.drop([self.key("name")])

    @errors.callback
    def _keep(self, name: str) -> None:
        with errors.told(self.key("refused"), "preset"):
            self.store().save(self.now(name))
            st.toast(f"**{plain(name)}** is now as the controls are.", icon=":material/check:")

    @errors.callback
    def _load(self, name: str) -> None:
        with errors.told(self.key("refused"), "preset"):
            self._apply(self.store().get(name))

    def _apply(self, preset: Any) -> None:
        missing = self.apply(preset)
        st.toast(" ".join(filter(None, [f"**{plain(preset.name)}** is loaded.", missing])), icon=":material/bookmarks:")

    @errors.callback
    def instrument_chosen(self, instrument: str) -> None:
        """Load the preset that is the default of an instrument that was just chosen, if it has one; for callbacks."""
        preset = self.store().default_of(instrument)
        if preset is not None:
            st.session_state[self.key("chosen")] = preset.name
            self._apply(preset)

    @errors.callback
    def _set_default(self, name: str, instrument: str) -> None:
        with errors.told(self.key("refused"), "preset"):
            self.store().set_default(instrument, name if st.session_state[self.key("default")] else None)

    @errors.callback
    def _rename(self, name: str) -> None:
        with errors.told(self.key("refused"), "rename"):
            new = str(values.get(self.key("rename")))
            st.session_state[self.key("chosen")] = self.store().rename(name, new).name
            drafts.drop([self.key("rename")])

    @errors.callback
    def _delete(self, name: str) -> None:
        with errors.told(self.key("refused"), "preset"):
            undo.remember(self.kind, name, self.store().delete(name))

    @errors.callback
    def _imported(self) -> None:
        file = st.session_state.get(self.key("file"))
        with errors.told(self.key("refused"), "import"):
            if file is None:
                return
            allowed.require_bytes("The file", file.size)
            kept = self.store().take_over(file.getvalue())
            st.session_state[self.key("chosen")] = kept[0].name
            st.toast(f"Imported: {plain(', '.join(one.name for one in kept[:8]))}.", icon=":material/check:")
