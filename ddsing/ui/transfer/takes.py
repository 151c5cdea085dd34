"""The list of takes, newest first: settings, player, plots, downloads, and what can be done with each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import FULL_BAND_RATE, TRACKERS
from ddsing.files import safe_name
from ddsing.names import find
from ddsing.transfer import settings, stages
from ddsing.ui.shell import (
    caches,
    drafts,
    errors,
    opened,
    sources,
    state,
    take_player,
    trackers,
    undo,
    values,
    visitor,
)
from ddsing.ui.shell.formatting import format_duration, percent, plain, spoken, unseen, when
from ddsing.ui.transfer import first_version, for_daw, of_score, pitch_edits, play_at_once, take_plots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamlit.delta_generator import DeltaGenerator

    from ddsing.transfer.take import Take
    from ddsing.ui.shell.work import Ended

PAGE_SIZE = 5
LONG_S = 60.0  # from here on, sounds other than the result are loaded when asked for
_SHOWN = "takes.shown"
_GONE = "takes.gone"  # those that were deleted in this tab: the others keep their titles beside the offer to undo it
_FRESH = "takes.fresh"  # the take that was made last in this tab, as what it was heard before, and the press it answers
_DEFAULT = settings.Settings()


def announce(done: Ended | None) -> None:
    """Say that a take is there, and have its player brought into view."""
    result = done.result if done is not None and isinstance(done.result, dict) else {}
    take_id = result.get("take")
    title = None if take_id is None else take_player.called().get(take_id)
    if title is not None:
        st.session_state[_FRESH] = take_id, result.get("heard_as", ""), play_at_once.occasion()
        st.toast(f"**{plain(title)}** is ready.", icon=":material/graphic_eq:")


def places() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where the heading of the takes is, and below it what there is of one that is being made, if that is drawn."""
    heading = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom")
    return heading, st.container()


def show(heading: DeltaGenerator, use_score: Callable[[Take], None] = lambda take: None) -> None:
    """The takes with a title; nothing is computed for those not shown.

    Parameters
    ----------
    heading : DeltaGenerator
        From `places`.
    use_score : callable
        Sets the controls of a score as they were for a take of one, in a callback.
    """
    from ddsing.transfer import titles

    everything = opened.takes().list_all()
    found = {take.id: take for take in everything if not take.error}
    heading.header("Takes" if not found else f"Takes ({len(found)})")
    for take in everything:
        if take.error:
            st.warning(plain(take.error), icon=":material/broken_image:")
    undo.forget("takes", found)
    offered, gone = undo.places("takes"), st.session_state.get(_GONE, {})
    called = take_player.called()
    if any(take_id in gone for take_id in offered):
        called = titles.of([*found.values(), *(gone[take_id] for take_id in offered if take_id in gone)])
    with heading:
        for_daw.show(found, called)
    shown = list(found)[: st.session_state[values.keep(_SHOWN, PAGE_SIZE)]]
    for take_id in sorted({*shown, *offered}, reverse=True):  # ids sort by time
        if take_id in found:
            with st.container(border=True, key=f"take.{take_id}"), errors.guard():
                _take(found[take_id], list(found.values()), called, use_score)
        else:
            undo.offer("takes", lambda token: opened.takes().undo(token), place=take_id)
    if not found:
        button = "Sing the score" if sources.of_score() else "Transfer timbre"
        until = "until you leave" if visitor.current().is_guest else "even after a restart"
        st.caption(f"Press **{button}**. Each result is kept here, newest first, {until}.")
    if len(found) > len(shown):
        st.button(
            f"Show {min(PAGE_SIZE, len(found) - len(shown))} older takes",
            key="takes.more",
            on_click=_more,
            icon=":material/expand_more:",
            type="tertiary",
            help="All takes are kept.",
        )


def _take(take: Take, everything: list[Take], called: dict[str, str], use_score: Callable[[Take], None]) -> None:
    place = everything.index(take)
    older = everything[place + 1 :]
    title, actions = st.columns([5, 4], vertical_alignment="top")
    with title:
        st.markdown(f"### {plain(called[take.id])}")
        how = _made(take.score) if take.score else f"{plain(trackers.label(take.tracker))} pitch tracker"
        said = [f"{plain(take.source)} → {plain(take.instrument)}", how, when(take.created)]
        st.caption(" · ".join(said + ["full band, 48 kHz"] * (take.rate_hz == FULL_BAND_RATE)))
    with actions:
        _actions(take, called[take.id], use_score)
    st.markdown(_settings(take, older[0] if older else None))
    if take.note:
        st.markdown(f":material/sticky_note_2: {plain(take.note)}")
    for warning in take.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    _player(take, next((one for one in older if one.source_hash == take.source_hash), None), called)
    st.caption(_how(take))
    if take.settings.show_full_output:
        panel = st.expander(
            "Full output",
            icon=":material/monitoring:",
            key=values.keep(f"full.{take.id}", not place),
            on_change="rerun",
            expanded=not place,
        )
        if panel.open:
            with panel, errors.guard():
                take_plots.show(take)


def _settings(take: Take, previous: Take | None) -> str:
    """Every setting; those that changed since the previous take are emphasised."""
    if take.score is not None and take.sung:
        return " ".join(f":gray-badge[{plain(one)}]" for one in of_score.said(take.score, take.settings.seed))
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
    if take.edit:
        changed = before is not None and previous is not None and take.edit != previous.edit
        icon, colour = (":material/change_circle: ", "orange") if changed else ("", "gray")
        badges.append(f":{colour}-badge[{icon}pitch edited]")
    return " ".join(badges)


def _player(take: Take, previous: Take | None, called: dict[str, str]) -> None:
    """The player; of a long take only the result until more is asked for, since all of it stays in memory."""
    asked = f"takes.parts.{take.id}"
    whole = take.duration_s <= LONG_S or st.session_state.get(asked, False)
    fresh, heard_as, start = _fresh(take)
    continues = first_version.key(heard_as) if heard_as else ""
    before = previous if whole else None
    title = called[take.id]
    take_player.show(take, title, previous=before, parts=whole, fresh=fresh, start=start, continues=continues)
    if not whole:
        st.button(
            f"Load the {take.made_from}, the parts and the previous take",
            key=f"take_parts.{take.id}",
            on_click=st.session_state.update,
            args=({asked: True},),
            icon=":material/headphones:",
            type="tertiary",
            help="Lets you switch between them during playback. A long recording takes a moment.",
        )


def _fresh(take: Take) -> tuple[str, str, str]:
    """The occasion on which a take is brought into view, as what it was heard before, and the press; "" for none."""
    take_id, heard_as, press = st.session_state.get(_FRESH, ("", "", ""))
    return (f"made.{take.id}", heard_as, press) if take_id == take.id else ("", "", "")


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


def _actions(take: Take, title: str, use_score: Callable[[Take], None]) -> None:
    """What can be done with a take; what is folded is drawn once it is open."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.button(
            "Use these settings",
            key=f"take_use.{take.id}",
            on_click=_use,
            args=(take.id, use_score),
            icon=":material/settings_backup_restore:",
            help="Sets all controls as they were for this take.",
        )
        download = st.popover(
            f"Download {spoken(title)}",  # hidden by page.css
            icon=":material/download:",
            help="Download, with the recipe in the file's metadata",
            key=f"take_download.{take.id}",
            on_change="rerun",
        )
        if download.open:
            with download, errors.guard():
                _downloads(take, title)
        rename = st.popover(
            f"Rename {spoken(title)}",
            icon=":material/edit:",
            help="Rename, note",
            key=f"take_rename.{take.id}",
            on_change="rerun",
        )
        if rename.open:
            with rename, errors.guard():
                drafts.form(
                    f"take_edit.{take.id}",
                    functools.partial(_words, take),
                    "Save",
                    _edit,
                    fields=_fields(take.id),
                    args=(take.id,),
                    help="Saved with the take.",
                )
        st.button(
            unseen(f"Delete {plain(title)}"),
            key=f"take_delete.{take.id}",
            on_click=_delete,
            args=(take.id, title),
            icon=":material/delete:",
            help="Delete. Can be undone.",
        )


def _downloads(take: Take, title: str) -> None:
    """The files that a take is to be had as."""
    for file_format in ("WAV", "FLAC"):
        st.download_button(
            file_format,
            data=functools.partial(_export, take.id, file_format),
            file_name=f"{safe_name(title)}.{file_format.lower()}",
            mime=f"audio/{file_format.lower()}",
            key=f"take_{file_format}.{take.id}",
            on_click="ignore",
            width="stretch",
            help=f"24 bits, {take.rate_hz // 1000} kHz. Drop it back onto this page to restore all controls.",
        )
    st.download_button(
        "For a DAW",
        data=functools.partial(_bundle, take.id),
        file_name=f"{safe_name(title)}.zip",
        mime="application/zip",
        key=f"take_daw.{take.id}",
        on_click="ignore",
        width="stretch",
        help=f"Result, harmonic part, noise and {take.made_from} as 24-bit WAV files that begin together, a "
        "marker for every note, and the notes as MIDI.",
    )
    if take.score is not None:
        st.download_button(
            "Curves as CSV",
            data=functools.partial(_curves, take.id),
            file_name=f"{safe_name(title)}.csv",
            mime="text/csv",
            key=f"take_curves.{take.id}",
            on_click="ignore",
            width="stretch",
            help="Pitch and loudness as they are sung, 250 rows a second.",
        )


def _words(take: Take) -> None:
    """The fields of what can be said about a take."""
    name, note = _fields(take.id)
    st.text_input("Name", key=drafts.field(name, take.name), max_chars=120, live=True, help="Name of this take.")
    st.text_area("Note", key=drafts.field(note, take.note), max_chars=2000, help="Your own notes on this take.")


def _fields(take_id: str) -> tuple[str, str]:
    return f"take_name.{take_id}", f"take_note.{take_id}"


def _export(take_id: str, file_format: str) -> bytes:
    return opened.takes().export(take_id, file_format)


def _bundle(take_id: str) -> bytes:
    from ddsing.play import daw

    return daw.bundle(opened.takes().get(take_id))


def _curves(take_id: str) -> bytes:
    from ddsing.play import daw, export

    return export.csv(daw.curves_of(opened.takes().get(take_id)))


@errors.callback
def _use(take_id: str, use_score: Callable[[Take], None]) -> None:
    take = opened.takes().get(take_id)
    if take.sung:
        use_score(take)
    found = find(take.instrument, [entry.name for entry in caches.instruments()])
    state.apply(take.settings, tracker=take.tracker if take.tracker in TRACKERS else None, instrument=found)
    pitch_edits.restore(take.edit, take.source_hash, take.tracker)
    st.toast("Controls set as they were for that take.", icon=":material/check:")
    sources.tell_if_replaced(take.settings, take.timbre_hash)


@errors.callback
def _edit(take_id: str) -> None:
    name, note = _fields(take_id)
    typed = drafts.changed((name, note))
    if name in typed:
        opened.takes().rename(take_id, typed[name])
    if note in typed:
        opened.takes().note(take_id, typed[note])
    drafts.drop((name, note))


@errors.callback
def _delete(take_id: str, name: str) -> None:
    take = opened.takes().get(take_id)
    undo.remember("takes", name, opened.takes().delete(take_id), place=take_id)
    st.session_state[_GONE] = {**st.session_state.get(_GONE, {}), take_id: take}


@errors.callback
def _more() -> None:
    st.session_state[_SHOWN] += PAGE_SIZE


def _made(score: Mapping) -> str:
    """How a take came about that was made from no recording."""
    if score.get("played"):
        return "played on keys"
    return "sung from an edited score" if score.get("edit") else "sung from a score"
