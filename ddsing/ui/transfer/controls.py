"""The controls of a transfer: tracker with its cost, and the settings in the groups Pitch, Loudness and Timbre.

They are those of the page Timbre transfer, with one instrument, and of a mixture of several on the Experiments page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.transfer.settings import Settings
from ddsing.ui.shell import errors, fragments, state, trackers
from ddsing.ui.shell.formatting import plain
from ddsing.ui.transfer import loudness_controls, pitch_controls, presets_panel, timbre_controls, widgets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddsing.instrument.library import Entry
    from ddsing.ui.shell.state import Desk

NO_STATISTICS = "This instrument has no statistics."
NO_TOP = "This instrument sings up to 8 kHz. The Instruments page can give it a top."
NONE_HAS_STATISTICS = "None of these instruments has statistics."
MIXED_PULL = "A mixture takes its timbre from the recording, as it is."
# What neither the fit nor anything else on the page depends on.
ALONE = ("gate_db", "keep_unvoiced", "formant_shift", "breath_db", "full_band", "show_full_output")
FULL_OUTPUT = "Also shows spectrograms and the curves behind the result with each take."


def tracker(duration_s: float | None, analysed: set[str], desk: Desk = state.TRANSFER) -> str:
    """The tracker choice, with what each costs for this recording."""
    chosen = trackers.choose(desk.tracker, "How the pitch of the recording is found.")
    if duration_s is not None:
        trackers.show_times(duration_s, of="this recording", known=analysed)
    return chosen


def settings(instrument: Entry | None) -> None:
    """All settings, group by group; each group stands in a module of its own.

    What nothing else on the page shows is changed without drawing the rest of the page anew.
    """
    fitted = _fitted()

    @errors.guarded
    def draw(alone: bool) -> None:
        if alone:
            state.TRANSFER.prepare()
            if errors.called_back() or presets_panel.outdated() or _fitted() != fitted:
                st.rerun(scope="app")
        _settings(instrument)

    fragments.alone(draw)


def _fitted() -> Settings:
    """The settings as far as the rest of the page depends on them."""
    default = Settings()
    return replace(state.settings(), **{name: getattr(default, name) for name in ALONE})


def _settings(instrument: Entry | None) -> None:
    reasons = state.settings().disabled()
    if instrument is not None and instrument.statistics is None:
        reasons = reasons | {"use_statistics": NO_STATISTICS}
    if instrument is not None and instrument.top is None:
        reasons = reasons | {"full_band": NO_TOP}
    _groups(state.TRANSFER.with_reasons(reasons), instrument)


def of_a_mixture(desk: Desk, instruments: Sequence[Entry]) -> None:
    """The same settings where several instruments sing together."""
    reasons = desk.settings().disabled() | {"pull": MIXED_PULL}
    if all(one.statistics is None for one in instruments):
        reasons["use_statistics"] = NONE_HAS_STATISTICS
    without = [plain(one.name) for one in instruments if one.top is None]
    if without:
        sing = "sings" if len(without) == 1 else "sing"
        reasons["full_band"] = f"{' and '.join(without)} {sing} up to 8 kHz. The Instruments page can give a top."
    _groups(desk.with_reasons(reasons), None)


def _groups(desk: Desk, instrument: Entry | None) -> None:
    pitch, loudness = st.columns(2, gap="medium")
    with pitch:
        pitch_controls.show(desk)
    with loudness:
        loudness_controls.show(desk)
    timbre_controls.show(desk, instrument)
    widgets.toggle(desk, "show_full_output", "Show full output", FULL_OUTPUT)
