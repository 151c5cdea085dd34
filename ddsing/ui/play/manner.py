"""How the instrument is played: a style, and a few of its numbers as sliders; each instrument has its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.play.style import CONTROLS, STYLES, Style, adjusted
from ddsing.ui.play import learnt, singing
from ddsing.ui.play.learnt import DEFAULT
from ddsing.ui.shell import caches, errors, values

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

STYLE = "play.style"
BREATH = "play.breath_db"
MOST_BREATH_DB = 12
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
_ALL = _SHOWN | _MORE
_ABOUT_STYLES = "What the sliders begin with: *plain* has no vibrato, *classical* a slow warm one, *pop* slides more."


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


def pick(entry: Entry) -> Manner:
    """The controls for an instrument."""
    name, options = entry.name, _styles(entry)
    st.segmented_control(
        "Style",
        options,
        key=values.among(STYLE, options, DEFAULT, about=name),
        required=True,
        format_func=learnt.called,
        persist_state="session",
        help=_ABOUT_STYLES + (learnt.ABOUT if len(options) > len(STYLES) else ""),
    )
    chosen = values.get(STYLE) or DEFAULT
    learnt.tell(chosen)
    style, about = learnt.style(chosen)[1], f"{name}/{chosen}"
    for column, field in zip(st.columns(len(_SHOWN) + 1), [*_SHOWN, BREATH]):
        with column:
            _breath(name) if field == BREATH else _slider(field, style, about)
    panel = st.expander("More", icon=":material/tune:", key=values.keep("play.more", False), on_change="rerun")
    with panel:
        *columns, last = st.columns(len(_MORE) + 1)
        for column, field in zip(columns, _MORE):
            with column:
                _slider(field, style, about, drawn=bool(panel.open))
        with last:
            singing.pick(name, drawn=bool(panel.open))
    for number, key in enumerate(TIMBRE[: n_directions(entry)], 1):
        _timbre(key, number, name)
    return standing(entry)


def standing(entry: Entry) -> Manner:
    """How the controls stand; once they were drawn for this instrument."""
    style_name, style = learnt.style(values.get(STYLE) or DEFAULT)
    changes = {field: _number(field, values.get(f"play.{field}"), style) for field in _ALL}
    timbre = tuple(float(values.get(key)) for key in TIMBRE[: n_directions(entry)])
    return Manner(adjusted(style, changes), style_name, float(values.get(BREATH)), timbre)


def put(entry: Entry, manner: Manner) -> None:
    """Set the controls of an instrument, shown or not, to what its style and sliders can be; for callbacks."""
    name = entry.name
    chosen = manner.style_name if manner.style_name in _styles(entry) else DEFAULT
    style = learnt.style(chosen)[1]
    values.hold(STYLE, chosen, DEFAULT, about=name)
    for field in _ALL:
        least, most, default, _ = _range(field, style)
        value = min(most, max(least, _shown(field, getattr(manner.style, field))))
        values.hold(f"play.{field}", value, default, about=f"{name}/{chosen}")
    values.hold(BREATH, min(MOST_BREATH_DB, max(-MOST_BREATH_DB, round(manner.breath_db))), 0, about=name)
    for key, share in zip(TIMBRE, (*manner.timbre_shift, 0.0, 0.0)):
        values.hold(key, round(min(MOST_SHARE, max(-MOST_SHARE, share)), 1), 0.0, about=name)


def alike(one: Manner, other: Manner) -> bool:
    """Whether two would have the controls stand the same."""
    return _marks(one) == _marks(other)


def said(manner: Manner) -> list[str]:
    """What is otherwise than in the style, for people to read; of a learnt one, what the sliders show first."""
    base = STYLES.get(manner.style_name)
    parts = []
    for field in _SHOWN if base is None else _ALL:
        label, _, _, _, unit, _ = _ALL[field]
        value = _shown(field, getattr(manner.style, field))
        if base is None or value != _shown(field, getattr(base, field)):
            parts.append(f"{label.lower()} {value:g} {unit}")
    parts += [f"breath {round(manner.breath_db):+d} dB"] if round(manner.breath_db) else []
    parts += [f"timbre {number} {share:+.1f}" for number, share in enumerate(manner.timbre_shift, 1) if round(share, 1)]
    return [part.replace("-", "−") for part in parts]


def _marks(manner: Manner) -> tuple:
    timbre = [round(share, 1) for share in (*manner.timbre_shift, 0.0, 0.0)[: len(TIMBRE)]]
    marks = [_shown(field, getattr(manner.style, field)) for field in _ALL]
    return manner.style_name, marks, round(manner.breath_db), timbre


def n_directions(entry: Entry) -> int:
    """In how many directions the timbre can be moved: none without a timbre map."""
    space = caches.instrument(entry).latent
    return 0 if space is None else min(len(TIMBRE), space.n_directions)


def _styles(entry: Entry) -> list[str]:
    own = learnt.option(entry)
    return [*STYLES, *([own] if own else [])]


def _slider(field: str, style: Style, about: str, *, drawn: bool = True) -> None:
    label, _, _, _, unit, help_text = _ALL[field]
    least, most, default, step = _range(field, style)
    key = values.keep(f"play.{field}", default, about=about)
    if drawn:
        st.slider(
            label,
            least,
            most,
            step=step,
            key=key,
            format=f"%.1f {unit}" if isinstance(step, float) else f"%d {unit}",
            help=help_text,
            persist_state="session",
        )


def _number(field: str, value: Any, style: Style) -> float:
    """A style's number as its slider stands, exactly the style's where that was not moved."""
    own = getattr(style, field)
    return own if value == _range(field, style)[2] else float(value) / _ALL[field][1]


def _range(field: str, style: Style) -> tuple[Any, Any, Any, Any]:
    """Least, most, default and step of what is shown of a number; a voice may glide longer than the styles do."""
    _, factor, most, step, _, _ = _ALL[field]
    kind = float if isinstance(step, float) else int
    least = kind(-(-CONTROLS[field].low * factor // step) * step)
    default = max(least, _shown(field, getattr(style, field)))
    return least, max(kind(most), default), default, step


def _shown(field: str, value: float) -> Any:
    """A number of a style as its slider has it."""
    _, factor, _, step, _, _ = _ALL[field]
    kind = float if isinstance(step, float) else int
    return kind(round(value * factor / step) * step)


def _breath(name: str) -> None:
    st.slider(
        "Breath",
        -MOST_BREATH_DB,
        MOST_BREATH_DB,
        key=values.keep(BREATH, 0, about=name),
        format="%+d dB",
        help="How much of the instrument's noise is heard beside its tone.",
        persist_state="session",
    )


@errors.callback
def put_timbre(name: str, n_directions: int, sent: Mapping | None) -> None:
    """Set the sliders of the timbre to what was chosen on the pad; for callbacks."""
    if not sent or sent.get("name") != name or not isinstance(sent.get("shares"), list | tuple):
        return
    for key, share in zip(TIMBRE[:n_directions], sent["shares"]):
        if isinstance(share, int | float) and -MOST_SHARE <= share <= MOST_SHARE:
            st.session_state[key] = round(float(share), 1)


def _timbre(key: str, number: int, name: str) -> None:
    st.slider(
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
