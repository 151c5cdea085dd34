"""Morph: sing with a mixture of instruments, fixed or changing over time; no training is needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.transfer.morph import MAX_INSTRUMENTS, MIN_INSTRUMENTS, Morph
from ddsing.ui.experiments import chosen_takes, morph_points, morph_settings
from ddsing.ui.player import shares
from ddsing.ui.shell import allowed, caches, errors, links, opened, sources, take_player, work
from ddsing.ui.shell.formatting import format_duration, plain
from ddsing.ui.transfer import fit_panel, pitch_edits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.sound.recording import Recording

BETWEEN, SOURCE = "between", "recording"
N_SHOWN = 5


def show() -> None:
    """The view."""
    work.announce(work.finished())
    st.write("Blend instruments: their amplitude, harmonics and noise are mixed frame by frame.")
    entries = {entry.name: entry for entry in caches.instruments() if not entry.error}
    names = list(entries)
    files = {sources.name_of(path): path for path in sources.examples()}
    if len(names) < MIN_INSTRUMENTS or not files:
        missing = "two instruments" if files else "a recording in the examples folder"
        st.info(f"A morph needs {missing}.", icon=":material/blur_on:")
        return
    morph_settings.prepare()
    left, right = st.columns([5, 6], gap="large")
    chosen: list[str] = []
    sound = morph = None
    with left, errors.guard():
        chosen, file = _what(names, files)
        sound = caches.recording(files[file])
        points = morph_points.edit(chosen, sound.duration_s) if len(chosen) >= MIN_INSTRUMENTS else None
        morph = Morph(tuple(chosen), ("",) * len(chosen), points) if points else None
    with right, errors.guard():
        _button(morph, files[file], file)  # first, so that it stays where it is whatever is said below
        morph_settings.show([entries[name] for name in chosen], sound)
        links.copy_button(key="morph.link")
    pitch_edits.keep(sound, morph_settings.DESK)
    with left, errors.guard():
        _reading(entries[chosen[0]] if morph else None, sound)
    if morph is not None and not morph.fixed and sound is not None:
        with errors.guard():
            _plot(morph, sound.duration_s)
    with errors.guard():
        _takes()


def _what(names: list[str], files: Mapping[str, Path]) -> tuple[list[str], str]:
    """Which instruments sing which recording."""
    links.choices(BETWEEN, names, names[:2])
    chosen = st.multiselect(
        "Two to four instruments", names, key=BETWEEN, persist_state="session", max_selections=MAX_INSTRUMENTS
    )
    links.keep(BETWEEN, chosen, first=names[:2])
    links.choice(SOURCE, list(files))
    file = st.selectbox("Recording", list(files), key=SOURCE, persist_state="session")
    links.keep(SOURCE, [file], first=list(files)[:1])
    return chosen, file


def _button(morph: Morph | None, path: Path, name: str) -> None:
    """The primary button, or in its place how far the tab's work is and how long it will still take."""
    if not work.busy():
        st.button(
            "Morph",
            type="primary",
            key="morph.start",
            icon=":material/blur_on:",
            width="stretch",
            disabled=morph is None,
            on_click=_start,
            help="The result is saved as a take."
            if morph is not None
            else f"Choose {MIN_INSTRUMENTS} to {MAX_INSTRUMENTS} instruments.",
            args=(morph, name, path),
        )
    if work.current() is not None:
        work.show_progress()


def _reading(first: Entry | None, sound: Recording | None) -> None:
    """How the recording fits the first instrument, and what of its pitch was edited."""
    if first is None:
        st.info(f"Choose {MIN_INSTRUMENTS} to {MAX_INSTRUMENTS} instruments.", icon=":material/checklist:")
        return
    fit_panel.show(first, sound, morph_settings.DESK)
    st.caption(f"Fit and auto pitch are those of {plain(first.name)}, the first of the instruments.")
    n_steps = pitch_edits.history().done
    if n_steps:
        many = "1 change of its pitch is" if n_steps == 1 else f"{n_steps} changes of its pitch are"
        st.caption(f":material/timeline: {many} part of the morph, as on the page Timbre transfer.")


def _plot(morph: Morph, duration_s: float) -> None:
    said = f"Shares of the instruments over time: {morph.said()}."
    shares.show(morph.points, morph.names, duration_s=duration_s, said=said, key="morph.weights")


@errors.callback
def _start(morph: Morph, name: str, path: Path) -> None:
    from ddsing.transfer import band
    from ddsing.work import order_options
    from ddsing.work.kinds import AtHand

    settings, tracker = morph_settings.DESK.settings().without_z(), morph_settings.tracker()
    entries = {entry.name: entry for entry in caches.instruments()}
    instruments = [caches.instrument(entries[name]) for name in morph.names]
    recording = caches.recording(path)
    rate_hz, duration_s = band.planned_rate_hz(settings, instruments), recording.duration_s
    allowed.require_transfer(duration_s, rate_hz)
    new_s = 0.0 if tracker in caches.analysed(recording.key) else duration_s

    def parts(known: Paces) -> list[Part]:
        from ddsing.transfer import expected

        configs = [instrument.config for instrument in instruments]
        return expected.parts(known, configs, tracker=tracker, sound_s=duration_s, to_analyse_s=new_s, rate_hz=rate_hz)

    work.order(
        "transfer",
        f"Morphing {plain(name)}",
        order_options.transfer(
            instruments,
            settings,
            tracker,
            morph,
            owners=[opened.owner(entries[name].path) for name in morph.names],
            edit=pitch_edits.edit(recording, tracker),
        ),
        sound=replace(recording, name=name),
        at_hand=lambda: AtHand(caches.models(), {one.digest: one for one in instruments}),
        parts=parts,
    )


def _takes() -> None:
    """The newest morphs, each with its player and a way to compare it with the pure voices."""
    found = [(take, take.morph) for take in opened.takes().list() if take.morph]
    if not found:
        return
    st.header("Morphs")
    called = take_player.called()
    for take, morph in found[:N_SHOWN]:
        with st.container(border=True, key=f"morph.take.{take.id}"), errors.guard():
            title, action = st.columns([5, 2], vertical_alignment="center")
            title.markdown(
                f"**{plain(called[take.id])}**  \n:gray[{plain(morph.said())} · {format_duration(take.duration_s)}]"
            )
            action.button(
                "Compare with its voices",
                key=f"morph.compare.{take.id}",
                icon=":material/compare:",
                width="stretch",
                on_click=_compare,
                args=(take.id,),
            )
            take_player.show(take, called[take.id], parts=False)
    st.caption("The Takes view lists all takes, with names and tags.")


@errors.callback
def _compare(take_id: str) -> None:
    """The morph beside takes of the same recording with its instruments, as far as there are any."""
    from ddsing.experiments.comparison import selection

    store = opened.takes()
    chosen_takes.put([take_id, *(take.id for take in selection.pure_voices(store.list(), store.get(take_id)))])
    st.session_state["view"] = "takes"
