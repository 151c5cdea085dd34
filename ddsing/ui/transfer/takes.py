"""The list of takes, newest first: settings, players, plots, downloads, and what can be done with each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.files import safe_name
from ddsing.transfer import settings, stages
from ddsing.ui.shell import caches, errors, opened, sources, state, undo, values
from ddsing.ui.shell.formatting import format_duration, percent, plain, when
from ddsing.ui.transfer import take_plots

if TYPE_CHECKING:
    from ddsing.transfer.takes import Take

PAGE_SIZE = 5
LONG_S = 60.0  # from here on, players other than the result's are loaded when asked for
PLAYERS = {"result": "Result", "original": "Original", "harmonic": "Harmonic part", "noise": "Noise part"}
_SHOWN = "takes.shown"
_DEFAULT = settings.Settings()


def show() -> None:
    """The takes with a title; nothing is computed for those not shown."""
    everything = opened.takes().list_all()
    found = [take for take in everything if not take.error]
    st.subheader("Takes" if not found else f"Takes ({len(found)})")
    undo.offer("takes", lambda token: opened.takes().undo(token))
    for take in everything:
        if take.error:
            st.warning(plain(take.error), icon=":material/broken_image:")
    if not found:
        st.caption("Press **Transfer timbre**: each result is kept here, newest first, also after a restart.")
        return
    shown = st.session_state[values.keep(_SHOWN, PAGE_SIZE)]
    for take, previous in zip(found[:shown], [*found[1:], None]):
        with st.container(border=True, key=f"take.{take.id}"), errors.guard():
            _take(take, previous, newest=take is found[0])
    if len(found) > shown:
        st.button(
            f"Show {min(PAGE_SIZE, len(found) - shown)} older takes",
            key="takes.more",
            on_click=_more,
            icon=":material/expand_more:",
            type="tertiary",
            help="All takes are kept.",
        )


def _take(take: Take, previous: Take | None, *, newest: bool) -> None:
    title, actions = st.columns([5, 4], vertical_alignment="top")
    with title:
        st.markdown(f"#### {plain(take.name)}")
        st.caption(f"{plain(take.source)} → {plain(take.instrument)} · {take.tracker} tracker · {when(take.created)}")
    with actions:
        _actions(take)
    st.markdown(_settings(take, previous))
    if take.note:
        st.markdown(f":material/sticky_note_2: {plain(take.note)}")
    for warning in take.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    _players(take)
    st.caption(_how(take))
    if take.settings.show_full_output:
        panel = st.expander(
            "Full output",
            icon=":material/monitoring:",
            key=values.keep(f"full.{take.id}", newest),
            on_change="rerun",
            expanded=newest,
        )
        if panel.open:
            with panel, errors.guard():
                take_plots.show(take)


def _settings(take: Take, previous: Take | None) -> str:
    """Every setting; those that changed since the previous take are emphasised."""
    before = previous.settings if previous else None
    hidden = take.settings.disabled()
    badges = []
    for name in settings.SHOWN:
        value, words = getattr(take.settings, name), settings.words(name)
        changed = before is not None and value != getattr(before, name)
        quiet = words.quiet and value == getattr(_DEFAULT, name)
        if name in hidden or (quiet and not changed):
            continue
        text = plain(settings.text(name, value)) if isinstance(value, str) else settings.text(name, value)
        icon, colour = (":material/change_circle: ", "orange") if changed else ("", "gray")
        badges.append(f":{colour}-badge[{icon}{words.label} {text}]")
    return " ".join(badges)


def _players(take: Take) -> None:
    names = list(PLAYERS)
    if take.duration_s > LONG_S:
        _player(take, names.pop(0))
        panel = st.expander(
            "Original, harmonic part, noise part",
            icon=":material/headphones:",
            key=values.keep(f"parts.{take.id}", False),
            on_change="rerun",
        )
        if not panel.open:
            return
        with panel:
            _grid(take, names)
    else:
        _grid(take, names)


def _grid(take: Take, names: list[str]) -> None:
    for first in range(0, len(names), 2):  # row by row, so that the order holds where columns are stacked
        for column, name in zip(st.columns(2, gap="medium"), names[first : first + 2]):
            with column:
                _player(take, name)


def _player(take: Take, name: str) -> None:
    path = take.folder / f"{name}.wav"
    if path.exists():
        st.caption(PLAYERS[name])
        st.audio(str(path), format="audio/wav", alt=f"{PLAYERS[name]} of {take.name}")


def _how(take: Take) -> str:
    """Time by stage, what was reused, and the fit."""
    took = [
        f"{stages.noun(stage)} {format_duration(seconds)}"
        for stage, seconds in take.seconds.items()
        if stage not in take.reused and seconds >= 0.05
    ]
    said = "Took " + ", ".join(took) if took else ""
    if take.reused:
        said += f" · reused: {', '.join(map(stages.noun, take.reused))}"
    if take.fit is not None:
        share = take.fit["inside_share"]
        said += " · nothing to fit" if share is None else f" · {percent(share)} inside the instrument's range"
    return said.strip(" ·")


def _actions(take: Take) -> None:
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.button(
            "Use these settings",
            key=f"take_use.{take.id}",
            on_click=_use,
            args=(take.id,),
            icon=":material/settings_backup_restore:",
            help="Sets all controls as for this take.",
        )
        with st.popover(
            "",
            icon=":material/download:",
            help="Download, with the recipe in the file's metadata",
            key=f"take_download.{take.id}",
        ):
            for file_format in ("WAV", "FLAC"):
                st.download_button(
                    file_format,
                    data=functools.partial(_export, take.id, file_format),
                    file_name=f"{safe_name(take.name)}.{file_format.lower()}",
                    mime=f"audio/{file_format.lower()}",
                    key=f"take_{file_format}.{take.id}",
                    on_click="ignore",
                    width="stretch",
                    help="24 bits, 16 kHz. Dropped back here, it restores every control.",
                )
        with st.popover("", icon=":material/edit:", help="Rename, note"), st.form(f"take_edit.{take.id}", border=False):
            st.text_input("Name", value=take.name, key=f"take_name.{take.id}", max_chars=120, help="Of this take.")
            st.text_area("Note", value=take.note, key=f"take_note.{take.id}", max_chars=2000, help="For yourself.")
            st.form_submit_button("Save", type="primary", on_click=_edit, args=(take.id,), help="Kept with the take.")
        st.button(
            "",
            key=f"take_delete.{take.id}",
            on_click=_delete,
            args=(take.id, take.name),
            icon=":material/delete:",
            help="Delete; can be undone.",
        )


def _export(take_id: str, file_format: str) -> bytes:
    return opened.takes().export(take_id, file_format)


@errors.callback
def _use(take_id: str) -> None:
    take = opened.takes().get(take_id)
    names = {entry.name for entry in caches.instruments()}
    state.apply(take.settings, tracker=take.tracker, instrument=take.instrument if take.instrument in names else None)
    st.toast("The controls are set as for that take.", icon=":material/check:")
    sources.tell_if_replaced(take.settings, take.timbre_hash)


@errors.callback
def _edit(take_id: str) -> None:
    opened.takes().rename(take_id, st.session_state[f"take_name.{take_id}"])
    opened.takes().note(take_id, st.session_state[f"take_note.{take_id}"])


@errors.callback
def _delete(take_id: str, name: str) -> None:
    undo.remember("takes", name, opened.takes().delete(take_id))


def _more() -> None:
    st.session_state[_SHOWN] += PAGE_SIZE
