"""The controls of a transfer: tracker with its cost, and the settings with their ranges, defaults and help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell import state, trackers

if TYPE_CHECKING:
    from collections.abc import Mapping

HELP = {
    "show_full_output": "Also shows spectrograms and the curves behind the result with each take.",
    "use_statistics": "Detects the notes and matches their loudness to what the instrument was trained on. "
    "Needs an instrument with statistics.",
    "mask_threshold": "How sure the note detector must be. Higher values detect fewer notes.",
    "attenuation_db": "Attenuation of the gaps between notes, in dB.",
    "autotune": "Moves the pitch towards the nearest semitone of the recording's own tuning. 0 leaves it exactly as "
    "sung, 1 snaps fully.",
    "octave_shift": "Moves the pitch by whole octaves into the instrument's range.",
    "loudness_shift_db": "Makes the instrument sing louder or softer, in dB.",
}


def tracker(duration_s: float | None, analysed: set[str]) -> str:
    """The tracker choice, with what each costs for this recording."""
    chosen = trackers.choose(state.TRACKER, "How the pitch of the recording is found.")
    if duration_s is not None:
        trackers.show_times(duration_s, of="this recording", known=analysed)
    return chosen


def settings(*, has_statistics: bool):
    """All controls; returns the `Settings` they stand for."""
    reasons = state.settings().disabled()
    if not has_statistics:
        reasons = reasons | {"use_statistics": "This instrument has no statistics."}
    shape, colour = st.columns(2, gap="medium")
    with shape:
        _slider("octave_shift", "Octave shift", -3, 3, 1, "%d", reasons)
        _slider("loudness_shift_db", "Loudness shift, dB", -30.0, 30.0, 5.0, "%.0f", reasons)
        _slider("autotune", "Autotune", 0.0, 1.0, 0.1, "%.1f", reasons)
        _toggle("show_full_output", "Show full output", reasons)
    with colour:
        _toggle("use_statistics", "Loudness statistics", reasons)
        _slider("mask_threshold", "Mask threshold", 0.0, 2.0, 0.1, "%.1f", reasons)
        _slider("attenuation_db", "Attenuation, dB", 0.0, 50.0, 1.0, "%.0f", reasons)
    return state.settings()


def _slider(
    field: str, label: str, low: float, high: float, step: float, number: str, reasons: Mapping[str, str]
) -> None:
    st.slider(
        label,
        low,
        high,
        step=step,
        format=number,
        key=state.key(field),
        help=HELP[field],
        disabled=field in reasons,
        persist_state="session",
    )
    _reason(field, reasons)


def _toggle(field: str, label: str, reasons: Mapping[str, str]) -> None:
    st.toggle(label, key=state.key(field), help=HELP[field], disabled=field in reasons, persist_state="session")
    _reason(field, reasons)


def _reason(field: str, reasons: Mapping[str, str]) -> None:
    if field in reasons:
        st.caption(f":material/info: {reasons[field]}")
