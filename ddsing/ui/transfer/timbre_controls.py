"""The group *Timbre* of a transfer's controls; with an encoder, also whose timbre it is, and how far it is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.names import find
from ddsing.ui.shell import errors, sources, state
from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.model.latent_space import LatentSpace
    from ddsing.ui.shell.state import Desk

FROM, RECORDING, SHIFT = (state.key(name) for name in ("z_from", "z_recording", "z_shift"))
SOURCES = {"recording": "This recording", "other": "Another recording", "mean": "The voice's average"}
HELP = """This instrument also follows timbre: vowels, breath, brightness.

- **This recording**: its timbre shapes the result, like its pitch and loudness
- **Another recording**: an example's timbre, at its own pace, back and forth if it is too short
- **The voice's average**: constant, as the voice usually sounds"""
KEEP = "Keep consonants and breath"
KEEP_HELP = """Where the recording is noise without a pitch (s, t, f, h, breathing in), that is heard instead of the
instrument's buzz. 0 leaves all of it to the instrument, 1 keeps it as it is in the recording."""
FORMANT = "Formant shift, semitones"
FORMANT_HELP = (
    "Moves the resonances of the voice and leaves the pitch: up sounds smaller and younger, down larger and darker."
)
BREATH = "Breath, dB"
BREATH_HELP = "How loud the noise of the instrument's voice is beside its tone: up sounds breathier, down clearer."
MOST, N_SLIDERS = 3.0, 3
PULL_HELP = """Draws the timbre, moment by moment, to the nearest that the voice was trained on. The more of it, the
more the result sounds like the voice, and the less like the singer of the recording; vowels get less exact."""
FULL_BAND = "Sings up to 24 kHz, as bright as the voice's recordings, and saves at 48 kHz. Off, it ends at 8 kHz."
NOT_WITH_THIS = "Not with this instrument"
NOT_IN_A_MORPH = "Not in this mixture"
NO_Z = "This instrument does not follow timbre, so it sounds like its voice only."
NO_PLACES = "This instrument does not know its voice's timbres. Save them on the Experiments page, under Latent space."
NO_SPACE = "This instrument has no timbre map. Make one on the Experiments page, under Latent space."


def show(desk: Desk, entry: Entry | None) -> None:
    """The group; what is about z only for an instrument with an encoder, and None for a mixture of several.

    What this instrument, or a mixture, can't do at all is folded away.
    """
    widgets.title("Timbre")
    known = entry is not None and entry.config is not None
    no_pull, no_band = desk.reasons.get("pull", "") or _no_pull(entry), "full_band" in desk.reasons
    left, right = st.columns(2, gap="medium")
    with left:
        widgets.slider(desk, "keep_unvoiced", KEEP, KEEP_HELP, step=0.1)
        widgets.slider(desk, "formant_shift", FORMANT, FORMANT_HELP, step=0.5)
    with right:
        widgets.slider(desk, "breath_db", BREATH, BREATH_HELP, step=1.0)
        if not no_band:
            _full_band(desk)
    _follow(entry)
    if known and not no_pull:
        _pull(desk.with_reasons({}))
    if no_pull:
        st.session_state[desk.key("pull")] = 0.0  # whether or not its control is drawn
    if no_pull or no_band:
        fold = widgets.more(desk, NOT_WITH_THIS if known or not no_pull else NOT_IN_A_MORPH, "timbre")
        if fold.open:
            with fold:
                if no_pull:
                    _pull(desk.with_reasons({"pull": no_pull}))
                if no_band:
                    _full_band(desk)


def _no_pull(entry: Entry | None) -> str:
    """Why timbre can't be drawn towards the voice; "" where it can, or where nothing is known."""
    if entry is None or entry.config is None:
        return ""
    if entry.config.z is None:
        return NO_Z
    return "" if entry.has_places else NO_PLACES


def _full_band(desk: Desk) -> None:
    widgets.toggle(desk, "full_band", "Full band, 48 kHz", FULL_BAND)


def _follow(entry: Entry | None) -> None:
    """Whose timbre it is, and how far it is moved."""
    if entry is None or entry.config is None or entry.config.z is None:
        return
    with errors.guard():
        _source(entry)
        if entry.latent is None:
            st.caption(f":material/info: {NO_SPACE}")
        else:
            _shifts(entry.latent)


def _pull(desk: Desk) -> None:
    """How far timbre is drawn towards the voice."""
    widgets.slider(desk, "pull", "Pull towards this voice", PULL_HELP, step=0.1)


def _source(entry: Entry) -> None:
    kinds = list(SOURCES) if entry.latent is not None else list(SOURCES)[:2]
    if st.session_state.get(FROM) not in kinds:
        st.session_state[FROM] = kinds[0]
    chosen = st.segmented_control(
        "Timbre of", kinds, key=FROM, required=True, format_func=SOURCES.__getitem__, persist_state="session", help=HELP
    )
    if chosen != "other":
        return
    there = [sources.name_of(path) for path in sources.examples()]
    if not there:
        st.caption(":material/info: There are no examples to choose from.")
        return
    if st.session_state.get(RECORDING) not in there:
        st.session_state[RECORDING] = find(str(st.session_state.get(RECORDING)), there) or there[0]
    st.selectbox(
        "Timbre from",
        there,
        key=RECORDING,
        label_visibility="collapsed",
        persist_state="session",
        help="A recording from the workspace's examples folder.",
    )


def _shifts(latent: LatentSpace) -> None:
    n_sliders = min(N_SLIDERS, latent.n_directions)
    shifts = [*st.session_state.get(SHIFT, ()), *[0.0] * n_sliders][:n_sliders]
    columns = st.columns(n_sliders, gap="medium")
    for number, (column, shift) in enumerate(zip(columns, shifts)):
        key = _key(number)
        st.session_state[key] = min(MOST, max(-MOST, float(shift)))
        column.slider(
            f"Timbre {number + 1}",
            -MOST,
            MOST,
            step=0.1,
            format="%+.1f",
            key=key,
            on_change=_moved,
            args=(n_sliders,),
            help="Shifts the timbre along one of the directions in which the voice varies "
            "most, in standard deviations. The Latent space view lets you hear them.",
        )


def _key(number: int) -> str:
    return f"timbre.shift{number + 1}"


@errors.callback
def _moved(n_sliders: int) -> None:
    beyond = tuple(st.session_state.get(SHIFT, ()))[n_sliders:]
    st.session_state[SHIFT] = tuple(float(st.session_state[_key(number)]) for number in range(n_sliders)) + beyond
