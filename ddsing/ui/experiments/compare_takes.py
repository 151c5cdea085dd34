"""Takes side by side: chosen from a table, heard in one player, with what differs between them and how they measure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.transfer.take import Take
from ddsing.ui.experiments import chosen_takes, compare_cache, takes_table
from ddsing.ui.player import players
from ddsing.ui.shell import caches, errors, in_sight, links, opened, take_player, values, work

if TYPE_CHECKING:
    import plotly.graph_objects as go

MATCHED = "matched"
_OVERLAY_PX = 460
_PLAYER, _MATCHED = "compare.player", "compare.matched"


def show() -> None:
    """The view."""
    work.announce(work.finished())
    if not opened.takes().list() and not any(links.many(chosen_takes.PARAMETER)):
        st.info(
            "No takes yet. Make some on the Timbre transfer page, then compare them here.",
            icon=":material/graphic_eq:",
        )
        st.page_link("pages/timbre_transfer.py", label="Go to Timbre transfer", icon=":material/graphic_eq:")
        return
    st.write("Select takes to compare. They play in sync at matched loudness.")
    takes = chosen_takes.chosen()
    with errors.guard():
        takes_table.show(takes)
    if work.current() is not None:
        work.show_progress()
    if not takes:
        st.info("Select up to nine takes in the table.", icon=":material/check_box:")
        return
    _matched()
    _heading(takes)
    with errors.guard():
        _player(takes)
    with errors.guard():
        from ddsing.ui.experiments import compare_table

        compare_table.show(takes)
    _plots(takes)
    with errors.guard():
        from ddsing.ui.experiments import session_notes

        session_notes.show(takes)


def _heading(takes: list[Take]) -> None:
    title, actions = st.columns([3, 4], vertical_alignment="center")
    title.header(f"{len(takes)} takes" if len(takes) > 1 else "1 take")
    with actions, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        with st.container(width=170):
            links.copy_button(key="compare.link")
        from ddsing.ui.experiments import session_notes

        session_notes.actions(takes)


def _player(takes: list[Take]) -> None:
    from ddsing.experiments.comparison import differences, matching

    same = len({take.source_hash for take in takes}) == 1
    heard = [(take, "result") for take in takes] + ([(_widest(takes), "original")] if same else [])
    known = [take_player.heard(take, name) for take, name in heard]
    loud = [one.loudness for one in known]
    ids = [take.id for take in takes]
    apart, called = dict(zip(ids, differences.apart(takes))), dict(zip(ids, take_player.names(takes)))
    tracks = [
        players.track(
            take_player.label_of(take, name) if name == "original" else called[take.id],
            players.address(take.folder / f"{name}.wav", f"compare.{take.id}.{name}"),
            key="0" if name == "original" else str(number),
            detail=take.source if name == "original" else apart[take.id],
            matched_db=gain_db,
            wave=one.wave,
            rate_hz=take.rate_hz,
        )
        for number, ((take, name), one, gain_db) in enumerate(
            zip(heard, known, matching.matched_gains_db(loud)), start=1
        )
    ]
    players.switcher(
        tracks,
        name=f"{len(takes)} takes" if len(takes) > 1 else called[ids[0]],
        key=_PLAYER,
        common_db=round(matching.common_gain_db(loud), 3),
        matched=_matched(),
        on_matched=_match,
    )
    if not same:
        st.caption("These takes are of different recordings, but they still switch at the same position.")


def _widest(takes: list[Take]) -> Take:
    """The take that has the first one's recording at the highest rate."""
    return max((take for take in takes if take.source_hash == takes[0].source_hash), key=lambda take: take.rate_hz)


def _matched() -> bool:
    """Whether loudness is matched; it is, unless somebody or the address wants otherwise."""
    values.keep(_MATCHED, True, addressed=True)
    if links.asked(MATCHED) == ["0"]:
        st.session_state[_MATCHED] = False
    matched = st.session_state[_MATCHED]
    links.keep(MATCHED, [] if matched else ["0"])
    return matched


def _match() -> None:
    st.session_state[_MATCHED] = bool(st.session_state[_PLAYER].matched)


def _plots(takes: list[Take]) -> None:
    panel = st.expander(
        "Pitch and loudness, overlaid",
        icon=":material/monitoring:",
        key=values.keep("compare.curves", True),
        on_change="rerun",
        expanded=True,
    )
    if panel.open:
        with panel:
            in_sight.figure(lambda: _overlay(takes, take_player.names(takes)), _OVERLAY_PX, key="compare.overlay")
            st.caption("Pitch is each instrument's target. Loudness is measured from each take, before matching.")
    panel = st.expander(
        "Spectrograms on one scale",
        icon=":material/gradient:",
        key=values.keep("compare.spectrograms", False),
        on_change="rerun",
    )
    if panel.open:
        with panel:
            in_sight.figure(
                lambda: _spectrograms(takes, take_player.names(takes)),
                _spectrograms_px(takes),
                key="compare.spectrogram",
            )


def _overlay(takes: list[Take], titles: list[str]) -> tuple[go.Figure, str]:
    """Pitch and loudness of all takes, and of their recording where it is one, and the same in words."""
    from ddsing.plots import comparison

    def make() -> tuple[go.Figure, str]:
        curves = [
            replace(compare_cache.curves(take), name=f"{number} · {title}")
            for number, (take, title) in enumerate(zip(takes, titles), start=1)
        ]
        if len({take.source_hash for take in takes}) == 1:
            curves.insert(0, compare_cache.curves(takes[0], original=True))
        return comparison.overlay(curves, height=_OVERLAY_PX), comparison.overlay_text(curves)

    return caches.drawn(("overlay", *(take.id for take in takes), *titles), make)


def _spectrograms_px(takes: list[Take]) -> int:
    """The height: one row for each take, and one for their recording."""
    return 90 + 150 * (len(takes) + 1)


def _spectrograms(takes: list[Take], titles: list[str]) -> tuple[go.Figure, str]:
    """The spectrograms of the first one's recording and of all takes, and the same in words."""
    from ddsing.plots import comparison

    def make() -> tuple[go.Figure, str]:
        rate_hz = max(take.rate_hz for take in takes)
        sounds = [
            (f"{number} · {title}", compare_cache.sound(take, rate_hz=rate_hz))
            for number, (take, title) in enumerate(zip(takes, titles), start=1)
        ]
        sounds.insert(0, (takes[0].source, compare_cache.sound(_widest(takes), "original", rate_hz=rate_hz)))
        figure = comparison.spectrograms(sounds, rate_hz=rate_hz, height=_spectrograms_px(takes))
        return figure, comparison.spectrograms_text(sounds, rate_hz=rate_hz)

    return caches.drawn(("spectrograms", *(take.id for take in takes), *titles), make)
