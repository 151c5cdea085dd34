"""How the instrument is played: a style, and a few of its numbers as sliders; each instrument has its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from ddsing.play.style import CONTROLS, STYLES, Style, adjusted
from ddsing.ui.shell import errors, values

STYLE = "play.style"
BREATH = "play.breath_db"
MOST_SHARE = 3.0  # standard deviations that the timbre can be moved
TIMBRE = ("play.timbre_1", "play.timbre_2")
_SHOWN = {  # of a style: label, factor of what is shown, its most, step, unit, help
    "vibrato_cents": (
        "Vibrato",
        1,
        120,
        5,
        "cents",
        "How far the pitch swings to either side. It grows while a note is held.",
    ),
    "portamento_s": ("Glide", 1000, 400, 10, "ms", "How long the pitch slides from a held key to the next one."),
    "attack_s": ("Attack", 1000, 400, 5, "ms", "How long a soft note takes to begin; a loud one takes half of it."),
    "release_s": ("Release", 1000, 1000, 10, "ms", "How long a note sounds on after its key is let go."),
}
_MORE = {
    "vibrato_hz": ("Vibrato rate", 1, 10, 0.1, "Hz", "Swings per second."),
    "vibrato_delay_s": ("Vibrato delay", 1000, 1500, 50, "ms", "How long a note is straight at first."),
    "scoop_semitones": ("Scoop", 1, 4, 0.1, "semitones", "How far below its pitch a note after a rest begins."),
    "drift_cents": ("Drift", 1, 30, 1, "cents", "How far the pitch strays, slowly and by chance."),
}


@dataclass(frozen=True)
class Manner:
    """How it is played.

    Attributes
    ----------
    style : Style
    style_name : str
        What it began as.
    breath_db : float
        By which the noise is louder than the instrument's own.
    timbre_shift : tuple[float, ...]
        Standard deviations from the mean timbre, along its first directions.
    """

    style: Style
    style_name: str
    breath_db: float
    timbre_shift: tuple[float, ...]


def pick(name: str, *, n_directions: int = 0) -> Manner:
    """The controls for the instrument of that name."""
    chosen = st.segmented_control(
        "Style",
        list(STYLES),
        key=values.among(STYLE, list(STYLES), "classical", about=name),
        required=True,
        format_func=str.capitalize,
        persist_state="session",
        help="What the sliders begin with: *plain* has no vibrato, *classical* a slow warm one, *pop* slides more.",
    )
    style = STYLES[chosen or "classical"]
    about = f"{name}/{chosen}"
    changes = {}
    for column, field in zip(st.columns(len(_SHOWN) + 1), [*_SHOWN, BREATH]):
        with column:
            if field == BREATH:
                breath_db = _breath(name)
            else:
                changes[field] = _slider(field, style, about, _SHOWN)
    timbre: list[float] = []
    panel = st.expander("More", icon=":material/tune:", key=values.keep("play.more", False), on_change="rerun")
    with panel:
        for column, field in zip(st.columns(len(_MORE)), _MORE):
            with column:
                changes[field] = _slider(field, style, about, _MORE, drawn=bool(panel.open))
    for number, key in enumerate(TIMBRE[:n_directions], 1):
        timbre.append(_timbre(key, number, name))
    return Manner(adjusted(style, changes), chosen or "classical", breath_db, tuple(timbre))


def _slider(field: str, style: Style, about: str, shown: dict, *, drawn: bool = True) -> float:
    label, factor, most, step, unit, about_it = shown[field]
    kind = float if isinstance(step, float) else int
    default = kind(round(getattr(style, field) * factor / step) * step)
    least = kind(-(-CONTROLS[field].low * factor // step) * step)
    key = values.keep(f"play.{field}", default, about=about)
    if not drawn:
        return float(values.get(key)) / factor
    value = st.slider(
        label,
        least,
        kind(most),
        step=step,
        key=key,
        format=f"%.1f {unit}" if kind is float else f"%d {unit}",
        help=about_it,
        persist_state="session",
    )
    return float(value) / factor


def _breath(name: str) -> float:
    return float(
        st.slider(
            "Breath",
            -12,
            12,
            key=values.keep(BREATH, 0, about=name),
            format="%+d dB",
            help="How much of the instrument's noise is heard beside its tone.",
            persist_state="session",
        )
    )


@errors.callback
def put_timbre(name: str, n_directions: int, sent: Mapping | None) -> None:
    """Set the sliders of the timbre to what was chosen on the pad; for callbacks."""
    if not sent or sent.get("name") != name or not isinstance(sent.get("shares"), list | tuple):
        return
    for key, share in zip(TIMBRE[:n_directions], sent["shares"]):
        if isinstance(share, int | float) and -MOST_SHARE <= share <= MOST_SHARE:
            st.session_state[key] = round(float(share), 1)


def _timbre(key: str, number: int, name: str) -> float:
    return st.slider(
        f"Timbre {number}",
        -MOST_SHARE,
        MOST_SHARE,
        step=0.1,
        key=values.keep(key, 0.0, about=name),
        format="%+.1f",
        help="Moves the vowel away from the voice's mean, in the direction in which it varies most."
        if number == 1
        else "The same, in the direction in which it varies second most.",
        persist_state="session",
    )
