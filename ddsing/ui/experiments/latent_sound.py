"""Hearing the latent space: windows, and the phrase with timbre moved by sliders or going from point to point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.ui.shell import caches, errors, links, per_workspace, short_work, values

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry
    from ddsing.latent.points import Points
    from ddsing.model.latent_space import LatentSpace

POINTS, SOUNDS, WINDOWS = 4, 24, 24
A, B = "ls_a", "ls_b"
MOST = 3.0  # standard deviations that a slider reaches
N_SLIDERS = 3


def points(entry: Entry, instrument: Instrument, voice: Voice):
    """The z of a voice's windows."""
    from ddsing.formats import tfrecord

    stamps = tuple(caches.stamp(path) for path in tfrecord.shards(voice.dataset_folder))
    return _points(caches.stamp(entry.path), stamps, entry, instrument, voice)


@per_workspace.resource(max_entries=POINTS, show_spinner="Analysing the dataset's timbre")
def _points(stamp: tuple, shards: tuple, _entry: Entry, _instrument: Instrument, _voice: Voice):
    return short_work.points(_entry, _instrument, _voice)


@per_workspace.data(max_entries=WINDOWS, show_spinner=False)
def _window(shards: tuple, row: int, _voice: Voice) -> tuple[bytes, str]:
    from ddsing.latent import sound

    return sound.window(_voice, row)


def window(voice: Voice, row: int) -> tuple[bytes, str]:
    """A window of the dataset as WAV, and what it is."""
    from ddsing.formats import tfrecord

    stamps = tuple(caches.stamp(path) for path in tfrecord.shards(voice.dataset_folder))
    return _window(stamps, row, voice)


def _sung(entry: Entry, instrument: Instrument, first: np.ndarray, last: np.ndarray | None = None) -> bytes:
    ends = [tuple(map(float, z)) for z in (first, last) if z is not None]
    return _phrase(caches.stamp(entry.path), tuple(ends), entry, instrument)


@per_workspace.data(max_entries=SOUNDS, show_spinner="Singing a phrase")
def _phrase(stamp: tuple, ends: tuple, _entry: Entry, _instrument: Instrument) -> bytes:
    return short_work.phrase(_entry, _instrument, ends)


# Moving


def _shift_key(number: int) -> str:
    return f"ls_shift{number + 1}"


def _place(number: int) -> None:
    """Put a slider's value in place, inside its range."""
    key = values.keep(_shift_key(number), 0.0, addressed=True)
    if abs(st.session_state[key]) > MOST:
        st.session_state[key] = min(MOST, max(-MOST, float(st.session_state[key])))
    links.say(key, 0.0)


def _shifts(n_directions: int) -> list[float]:
    return [float(st.session_state.get(_shift_key(number), 0.0)) for number in range(min(N_SLIDERS, n_directions))]


def marks(known: LatentSpace, points: Points) -> list[tuple[str, np.ndarray]]:
    """What is marked on the map: where the sliders are, and A and B."""
    found = []
    shifts = _shifts(known.n_directions)
    if any(shifts):
        place = np.zeros(known.n_directions)
        place[: len(shifts)] = shifts
        found.append(("moved", place))
    if points is not None:
        for label, key in (("A", A), ("B", B)):
            number = st.session_state.get(key)
            if number is not None and 0 < number <= len(points.z):
                found.append((label, known.project(points.z[number - 1][None])[0]))
    return found


def move(entry: Entry, instrument: Instrument, known: LatentSpace) -> None:
    """Sliders along the first directions, from the voice's mean."""
    st.markdown("## Shift the timbre")
    left, right = st.columns([3, 2], gap="large")
    with left:
        for number in range(min(N_SLIDERS, known.n_directions)):
            share = 100 * known.explained[number]
            _place(number)
            st.slider(
                f"Direction {number + 1}, {share:.0f}\u00a0% of the variance",
                -MOST,
                MOST,
                0.0,
                0.1,
                key=_shift_key(number),
                bind="query-params",
                format="%+.1f",
                help="In standard deviations from the voice's average." if number == 0 else None,
            )
    shifts = _shifts(known.n_directions)
    with right, errors.guard():
        st.caption("The phrase in the voice's average timbre")
        st.audio(_sung(entry, instrument, known.mean), format="audio/wav", alt="the phrase in the average timbre")
        if any(shifts):
            st.caption("The phrase in the chosen timbre")
            with st.container(key="ls.moved"):
                st.audio(
                    _sung(entry, instrument, known.mean + known.offset(shifts)),
                    format="audio/wav",
                    alt="the phrase in the chosen timbre",
                )
            st.button("Back to the average", key="ls.zero", icon=":material/restart_alt:", on_click=_zero)


@errors.callback
def _zero() -> None:
    for number in range(N_SLIDERS):
        if _shift_key(number) in st.session_state:
            st.session_state[_shift_key(number)] = 0.0


# From one point to another


def way(entry: Entry, instrument: Instrument, points: Points, selected: tuple[int, ...]) -> None:
    """The phrase with timbre going from point A to point B."""
    st.markdown("## Morph between two points")
    n_points = len(points.z)
    left, right = st.columns([3, 2], gap="large")
    with left:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for label, key in (("A", A), ("B", B)):
                st.button(
                    f"The selection is {label}",
                    key=f"ls.set_{label}",
                    disabled=not selected,
                    on_click=_set,
                    args=(key, selected),
                    icon=":material/flag:",
                    help="The middle one of the selected points.",
                )
        with st.grid(2, min_column_width=140):
            first = _number("A", A, n_points, default=1)
            last = _number("B", B, n_points, default=n_points)
    with right, errors.guard():
        st.caption(f"Moving from point {first} to point {last}")
        with st.container(key="ls.way"):
            st.audio(
                _sung(entry, instrument, points.z[first - 1], points.z[last - 1]),
                format="audio/wav",
                alt="the phrase moving from A to B",
            )


def _number(label: str, key: str, n_points: int, *, default: int) -> int:
    values.keep(key, default, addressed=True)
    if not 1 <= st.session_state[key] <= n_points:
        st.session_state[key] = min(n_points, max(1, int(st.session_state[key])))
    links.say(key, default)
    value = st.number_input(f"Point {label}", 1, n_points, default, key=key, bind="query-params")
    return int(value or default)


@errors.callback
def _set(key: str, selected: tuple[int, ...]) -> None:
    st.session_state[key] = selected[len(selected) // 2] + 1
