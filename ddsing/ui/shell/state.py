"""The tab's choices: instrument, recording, tracker and settings. Nothing here is shared between tabs.

Each choice is the value of one widget, kept by `ddsing.ui.shell.values`; it is set from code only in callbacks, before
the widgets of the next run exist. Settings stand on a `Desk`: the page Timbre transfer has one, of which the functions
of this module are, and the mixtures of the Experiments page have another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
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


@dataclass(frozen=True)
class Desk:
    """The controls of one page for the settings of a transfer.

    Attributes
    ----------
    tracker : str
        The key of its choice of a tracker.
    prefix : str
        What the keys of its widgets begin with.
    addressed : bool
        Whether the address has its settings, see `ddsing.ui.shell.values.keep`.
    reasons : Mapping[str, str]
        Why some settings do nothing, by setting.
    """

    tracker: str
    prefix: str = ""
    addressed: bool = False
    reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def with_reasons(self, reasons: Mapping[str, str]) -> "Desk":
        """The same controls, of which some do nothing."""
        return replace(self, reasons=reasons)

    def key(self, setting: str) -> str:
        """The session key of a setting's widget."""
        return self.part(f"setting.{setting}")

    def part(self, name: str) -> str:
        """The key of another widget among these controls, such as a fold."""
        return f"{self.prefix}{name}"

    def prepare(self) -> None:
        """Put the settings in place; called before the widgets."""
        default = Settings()
        for name in FIELDS:
            key = values.keep(self.key(name), getattr(default, name), addressed=self.addressed)
            if getattr(default, name) is None and not isinstance(st.session_state[key], float | int | None):
                st.session_state[key] = None  # the file may be of another version

    def settings(self) -> Settings:
        """The settings as the controls stand; out-of-range values raise `SettingsError`."""
        default = Settings()
        stand = {name: st.session_state.get(self.key(name), getattr(default, name)) for name in FIELDS}
        found = {name: _as(getattr(default, name), value) for name, value in stand.items()}
        return Settings(**found | {"scale": _scale(found["scale"])})

    def apply(self, settings: Settings) -> None:
        """Put settings onto the controls; for callbacks, and before the widgets."""
        for name in FIELDS:
            st.session_state[self.key(name)] = getattr(settings, name)

    @errors.callback
    def apply_pitch(self, semitones: int) -> None:
        """Put a transposition onto the controls, whole octaves as such; for callbacks."""
        octaves = int(semitones / 12)  # towards 0, so that both have the same sign
        st.session_state[self.key("octave_shift")] = octaves
        st.session_state[self.key("transpose")] = float(semitones - 12 * octaves)

    @errors.callback
    def apply_fit(self, octave_shift: int, loudness_shift_db: float) -> None:
        """Put the best-fitting shifts onto the controls; for callbacks."""
        st.session_state[self.key("octave_shift")] = int(octave_shift)
        st.session_state[self.key("loudness_shift_db")] = float(loudness_shift_db)


TRANSFER = Desk(TRACKER)


def key(field: str) -> str:
    """The session key of a setting's widget."""
    return TRANSFER.key(field)


def prepare(*, tracker: str = "full") -> None:
    """Put every choice in place; called before the widgets."""
    values.keep(TRACKER, tracker)
    TRANSFER.prepare()


def settings() -> Settings:
    """The settings as the controls stand; out-of-range values raise `SettingsError`."""
    return TRANSFER.settings()


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
    TRANSFER.apply(settings)
    if tracker is not None:
        st.session_state[TRACKER] = tracker
    if instrument is not None:
        st.session_state[INSTRUMENT] = instrument
