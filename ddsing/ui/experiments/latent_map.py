"""Latent space: a voice's timbre as a map: hear what lies where, move in it, go from one point to another."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ddsing.dataset import voices
from ddsing.dataset.voices import Voice
from ddsing.ui.experiments import latent_sound
from ddsing.ui.shell import caches, errors, links, opened
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry
    from ddsing.latent.points import Points
    from ddsing.model.latent_space import LatentSpace
    from ddsing.model.places import Places

INSTRUMENT, VOICE, COLOUR, X, Y = (f"ls_{name}" for name in ("instrument", "voice", "colour", "x", "y"))
SELECTED = "ls.selected"  # numbers of points, with what they are points of
CHART = "ls.map"
COLOURS = {"pitch": "Pitch", "loudness": "Loudness", "file": "Recording"}
MOST_WINDOWS = 6
WHAT = (
    "Some instruments also follow the recording's timbre: models with an encoder, such as **Singing with timbre** on "
    "the Training page. Train a voice with one to explore its timbre here."
)


def show() -> None:
    """The view."""
    entries = {entry.name: entry for entry in caches.instruments() if not entry.error and entry.config.z}
    if not entries:
        st.info(WHAT, icon=":material/scatter_plot:")
        st.page_link("pages/training.py", label="Go to Training", icon=":material/model_training:")
        return
    left, right = st.columns(2)
    name = left.selectbox(
        "Instrument",
        list(entries),
        key=links.bound(INSTRUMENT, next(iter(entries)), options=list(entries)),
        bind="query-params",
        help="Instruments that follow timbre.",
    )
    entry = entries[name]
    instrument = caches.instrument(entry)
    with right:
        voice = _voice(instrument)
    points = None
    if voice is not None:
        with errors.guard():
            points = latent_sound.points(entry, instrument, voice)
    known = instrument.latent or (points.space if points else None)
    if known is None:
        st.info(
            "No timbre map yet: neither the instrument nor a dataset has one. Prepare the dataset it was "
            "trained on, or train it again.",
            icon=":material/scatter_plot:",
        )
        return
    if None in (instrument.latent, instrument.places) and points is not None and not opened.is_of_house(entry.path):
        _offer_to_keep(entry, points, anew=instrument.latent is None)
    above = st.container()  # the map marks what the controls below it say, so it comes after them
    latent_sound.move(entry, instrument, known)
    if points is not None and voice is not None:
        of = entry.name, voice.name
        latent_sound.way(entry, instrument, points, selection(points, of))
        with above, errors.guard():
            _map(known, points, latent_sound.marks(known, points), of=of)
            _windows(points, voice, of=of)


def _voice(instrument: Instrument) -> Voice | None:
    """The dataset to look at: that of the instrument's voice, if there is one."""
    found = {voice.name: voice for voice in voices.prepared(opened.workspace())}
    if not found:
        st.selectbox("Dataset", ["none prepared"], disabled=True, key="ls.none")
        return None
    own = instrument.provenance.voice
    names = [own, *(name for name in found if name != own)] if own in found else list(found)
    name = st.selectbox(
        "Dataset",
        names,
        key=links.bound(VOICE, names[0], options=names),
        bind="query-params",
        help="Its windows are the points. Best is the dataset the instrument was trained on.",
    )
    return found[name]


def _offer_to_keep(entry: Entry, points: Points, *, anew: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        whole = "This timbre map comes from the dataset; the instrument itself has none yet."
        part = "The instrument does not know yet which timbres its voice was trained on; the dataset does."
        st.caption(whole if anew else part)
        st.button(
            "Save to instrument",
            key="ls.keep",
            icon=":material/save:",
            on_click=_keep,
            args=(entry, points.space, points.places),
            help="Transfers can then use the voice's average timbre, shift it along these directions, or pull it "
            "towards the voice.",
        )


@errors.callback
def _keep(entry: Entry, space: LatentSpace, places: Places) -> None:
    opened.library().put_latent(entry.name, space, places=places, seen=entry)
    st.toast(f"Timbre saved to {plain(entry.name)}.", icon=":material/check:")


# The map


def _map(known: LatentSpace, points: Points, marks: list[tuple[str, np.ndarray]], *, of: tuple[str, str]) -> None:
    from ddsing.plots import latent as plot
    from ddsing.plots import style

    numbers = list(range(1, known.n_directions + 1))
    colour = st.segmented_control(
        "Colour by",
        list(COLOURS),
        key=links.bound(COLOUR, "pitch", options=list(COLOURS), shown=COLOURS.__getitem__),
        default="pitch",
        required=True,
        format_func=COLOURS.__getitem__,
        bind="query-params",
    )
    with st.grid(2, min_column_width=140):
        x = st.selectbox(
            "Across, direction", numbers, key=links.bound(X, numbers[0], options=numbers), bind="query-params"
        )
        up = [*numbers[1:2], *numbers[:1], *numbers[2:]]
        y = st.selectbox("Up, direction", up, key=links.bound(Y, up[0], options=up), bind="query-params")
    directions = (x - 1, y - 1)
    figure = plot.figure(
        known.project(points.z),
        directions=directions,
        explained=known.explained,
        colour_by=colour or "pitch",
        f0_hz=points.f0_hz,
        loudness_db=points.loudness_db,
        file=points.file.tolist(),
        marks=marks,
    )
    alt = plot.alt_text(len(points.z), len(set(points.file.tolist())), known.explained, directions)
    config = style.CONFIG | {"modeBarButtonsToRemove": ["autoScale2d"]}
    st.plotly_chart(
        figure,
        key=CHART,
        on_select=functools.partial(_select, of),
        config=config,
        alt=alt,
        selection_mode=("points", "box", "lasso"),
    )


@errors.callback
def _select(of: tuple[str, str]) -> None:
    from ddsing.plots.latent import selected

    chosen = selected(st.session_state.get(CHART))
    if chosen:
        st.session_state[SELECTED] = (of, chosen)


def selection(points: Points, of: tuple[str, str]) -> tuple[int, ...]:
    """The points that are selected, of this instrument and dataset; the last selection holds until there is another."""
    whose, chosen = st.session_state.get(SELECTED, (of, ()))
    return tuple(number for number in chosen if number < len(points.z)) if whose == of else ()


def _windows(points: Points, voice: Voice, *, of: tuple[str, str]) -> None:
    chosen = selection(points, of)
    if not chosen:
        st.caption(":material/lasso_select: Draw around points, or click one, to hear where they come from.")
        return
    rows, counts = np.unique(points.row[list(chosen)], return_counts=True)
    rows = rows[np.argsort(-counts, kind="stable")]
    st.markdown(f"**{len(chosen)} points** of {len(rows)} window{'' if len(rows) == 1 else 's'}")
    with st.container(key="ls.windows"), st.grid(3, min_column_width=240):
        for row in map(int, rows[:MOST_WINDOWS]):
            with st.container(gap="xsmall"), errors.guard():
                wav, said = latent_sound.window(voice, row)
                st.caption(plain(said))
                st.audio(wav, format="audio/wav", alt=said)
    if len(rows) > MOST_WINDOWS:
        st.caption(f"The {MOST_WINDOWS} windows with the most of these points.")
