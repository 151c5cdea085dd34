"""The tab's choices: instrument, recording, tracker and settings. Nothing here is shared between tabs.

Each choice is the value of one widget, kept by `ddsing.ui.shell.values`; it is set from code only in callbacks, before
the widgets of the next run exist.
"""

from dataclasses import fields
from typing import Any

import streamlit as st

from ddsing.errors import SettingsError
from ddsing.sound.scales import CHROMATIC, Scale
from ddsing.transfer.settings import Settings
from ddsing.ui.shell import errors, values

INSTRUMENT = "transfer.instrument"
TRACKER = "transfer.tracker"
SOURCE_KIND = "transfer.source_kind"
EXAMPLE = "transfer.example"
FIELDS = tuple(field.name for field in fields(Settings))


def key(field: str) -> str:
    """The session key of a setting's widget."""
    return f"setting.{field}"


def prepare(*, tracker: str = "full") -> None:
    """Put every choice in place; called before the widgets."""
    values.keep(TRACKER, tracker)
    default = Settings()
    for field in FIELDS:
        values.keep(key(field), getattr(default, field))
        if getattr(default, field) is None and not isinstance(st.session_state[key(field)], float | int | None):
            st.session_state[key(field)] = None  # the file may be of another version


def settings() -> Settings:
    """The settings as the controls stand; out-of-range values raise `SettingsError`."""
    default = Settings()
    stand = {field: st.session_state.get(key(field), getattr(default, field)) for field in FIELDS}
    found = {field: _as(getattr(default, field), value) for field, value in stand.items()}
    return Settings(**found | {"scale": _scale(found["scale"])})


def _scale(name: str) -> str:
    """The scale of that name; chromatic for what is none."""
    try:
        return Scale.parse(name).name
    except SettingsError:
        return CHROMATIC


def _as(default: Any, value: Any) -> Any:
    """A widget's value, of the type that the default has, if it has one; the default for what can't be that."""
    try:
        return value if default is None or value is None else type(default)(value)
    except (TypeError, ValueError):  # only a message that no page sends has such a value
        return default


def apply(settings: Settings, *, tracker: str | None = None, instrument: str | None = None) -> None:
    """Put settings back onto the controls; for callbacks."""
    for field in FIELDS:
        st.session_state[key(field)] = getattr(settings, field)
    if tracker is not None:
        st.session_state[TRACKER] = tracker
    if instrument is not None:
        st.session_state[INSTRUMENT] = instrument


@errors.callback
def apply_pitch(semitones: int) -> None:
    """Put a transposition onto the controls, whole octaves as such; for callbacks."""
    octaves = int(semitones / 12)  # towards 0, so that both have the same sign
    st.session_state[key("octave_shift")] = octaves
    st.session_state[key("transpose")] = float(semitones - 12 * octaves)


@errors.callback
def apply_fit(octave_shift: int, loudness_shift_db: float) -> None:
    """Put the best-fitting shifts onto the controls; for callbacks."""
    st.session_state[key("octave_shift")] = int(octave_shift)
    st.session_state[key("loudness_shift_db")] = float(loudness_shift_db)
