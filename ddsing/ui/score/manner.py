"""How the score is sung: a style, every number of it as a slider, and the seed of what is left to chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.errors import ScoreError
from ddsing.play.style import CONTROLS, STYLES, Style, adjusted
from ddsing.ui.play import learnt
from ddsing.ui.play.learnt import DEFAULT
from ddsing.ui.shell import values

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

STYLE, SEED = "score.style", "score.seed"
MOST_SEED = 2**31 - 1
GROUPS = {
    "Vibrato": (
        *("vibrato_cents", "vibrato_hz", "vibrato_delay_s", "vibrato_delay_share", "vibrato_growth_s"),
        *("vibrato_irregularity", "vibrato_db"),
    ),
    "Pitch": ("portamento_s", "overshoot", "overshoot_s", "scoop_semitones", "scoop_s", "drift_cents"),
    "Loudness": ("attack_s", "release_s", "arch_db_per_s", "arch_peak", "soft", "loud"),
    "Phrasing": ("legato_gap_s", "breath_s"),
}
_SAID = {  # what a slider says otherwise than an option of the command line: label, and what it does
    "vibrato_delay_share": ("Vibrato delay, of the note", "the same as a share of the note, if that is longer"),
    "soft": ("Softest note", "share of the voice's singing that is softer than the softest note"),
    "loud": ("Loudest note", "share of the voice's singing that is softer than the loudest note"),
}
_STEPS = {"cents": 1, "Hz": 0.1, "semitones": 0.1, "dB": 0.1, "dB/s": 0.1}  # by unit; seconds are shown as ms
_MS_STEP, _PERCENT_STEP = 5, 1
_ABOUT = "What the controls begin with: *plain* has no vibrato, *classical* a slow warm one, *pop* slides more."


@dataclass(frozen=True)
class Manner:
    """How it is sung.

    Attributes
    ----------
    style : Style
    style_name : str
        What it began as.
    seed : int
    """

    style: Style
    style_name: str
    seed: int


def pick(entry: Entry) -> Manner:
    """The controls; raises `ScoreError` where they contradict each other."""
    options = styles(entry)
    picked = st.segmented_control(
        "Style",
        options,
        key=values.among(STYLE, options, DEFAULT),
        required=True,
        format_func=learnt.called,
        persist_state="session",
        help=_ABOUT + (learnt.ABOUT if len(options) > len(STYLES) else ""),
    )
    chosen = picked or DEFAULT
    learnt.tell(chosen)
    name, base = learnt.style(chosen)
    changes = _changes(base, chosen)
    panel = st.expander(
        "Shape the style",
        icon=":material/tune:",
        key=values.keep("score.more.style", False),
        on_change="rerun",
    )
    key = values.keep(SEED, 0)
    if panel.open:
        with panel:
            _draw(_idle(base, changes))
            st.markdown("**Chance**")
            st.number_input(
                "Seed",
                0,
                MOST_SEED,
                step=1,
                key=key,
                persist_state="session",
                help="What is left to chance: how the pitch drifts, how the vibrato varies, and the noise of the "
                "breath. The same seed gives the same result.",
            )
    return Manner(adjusted(base, changes), name, int(st.session_state[SEED]))


def put(entry: Entry | None, style: Style, style_name: str, seed: int) -> None:
    """Set the controls; a style that the instrument does not have becomes the default's numbers; for callbacks."""
    chosen = style_name if style_name in styles(entry) else DEFAULT
    base = learnt.style(chosen)[1]
    st.session_state[STYLE] = chosen
    for field in CONTROLS:
        value = _shown(field, getattr(style, field))
        values.hold(f"score.{field}", value, _shown(field, getattr(base, field)), about=chosen)
    st.session_state[SEED] = seed


def styles(entry: Entry | None) -> list[str]:
    """The styles that can be chosen with an instrument."""
    own = None if entry is None else learnt.option(entry)
    return [*STYLES, *([own] if own else [])]


def _changes(base: Style, about: str) -> dict[str, float]:
    """The numbers that the sliders have moved; one that was not has exactly the style's own."""
    changes = {}
    for field, control in CONTROLS.items():
        default = _shown(field, getattr(base, field))
        value = st.session_state[values.keep(f"score.{field}", default, about=about)]
        if value != default:
            changes[field] = min(control.high, max(control.low, value / _scale(field)[1]))
    return changes


def _idle(base: Style, changes: dict[str, float]) -> dict[str, str]:
    """Why some of them do nothing, whatever else is wrong."""
    try:
        return adjusted(base, changes).disabled()
    except ScoreError:
        return {}


def _draw(idle: dict[str, str]) -> None:
    """Sliders under titles, two beside each other."""
    for title, fields in GROUPS.items():
        st.markdown(f"**{title}**")
        for reason in dict.fromkeys(idle[field] for field in fields if field in idle):
            st.caption(f":material/info: {reason}")
        columns = st.columns(2, gap="medium")
        for number, field in enumerate(fields):
            with columns[number % 2]:
                _slider(field, disabled=field in idle)


def _slider(field: str, *, disabled: bool) -> None:
    control = CONTROLS[field]
    unit, _, step = _scale(field)
    label, what = _SAID.get(field, (control.words.label.capitalize(), control.what))
    st.slider(
        label,
        _shown(field, control.low),
        _shown(field, control.high),
        step=step,
        key=f"score.{field}",
        format=("%.1f " if isinstance(step, float) else "%d ") + unit.replace("%", "%%"),
        help=f"{what[0].upper()}{what[1:]}.",
        disabled=disabled,
        persist_state="session",
    )


def _scale(field: str) -> tuple[str, float, Any]:
    """Unit, factor and step of what is shown of a number."""
    unit = CONTROLS[field].words.unit
    if unit == "s":
        return "ms", 1000.0, _MS_STEP
    return (unit, 1.0, _STEPS[unit]) if unit else ("%", 100.0, _PERCENT_STEP)


def _shown(field: str, value: float) -> Any:
    """A number of a style as its slider has it."""
    _, factor, step = _scale(field)
    kind = float if isinstance(step, float) else int
    return kind(round(round(value * factor / step) * step, 6))
