"""The controls of a transfer: tracker with its cost, and the settings with their ranges, defaults and help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.jobs.time_left import around
from ddsing.ui.shell import state, warmup
from ddsing.ui.shell.formatting import format_range

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACKER_HELP = """How the pitch is found.

- **full**: the large CREPE network at 250 frames per second, as in the paper
- **fast**: the same network at 100 frames per second, interpolated; accurate to a cent or two
- **tiny**: the small network; a few cents off, and its confidence is less precise, which affects note detection

Each recording is analysed only once per tracker."""

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
    chosen = st.segmented_control(
        "Pitch tracker", TRACKERS, key=state.TRACKER, required=True, help=TRACKER_HELP, persist_state="session"
    )
    if duration_s is not None:
        known = warmup.status().costs
        st.fragment(_costs, run_every=None if known else 1.0)(duration_s, frozenset(analysed))
    return chosen or TRACKERS[0]


def _costs(duration_s: float, analysed: frozenset[str]) -> None:
    per_second = warmup.status().costs
    if not per_second and len(analysed) < len(TRACKERS):
        st.caption("Measuring how fast each one is on this computer …")
        return
    said = [
        f"{name} is done" if name in analysed else f"{name} {format_range(*around(per_second[name] * duration_s))}"
        for name in TRACKERS
    ]
    st.caption(f"Time for this recording: {', '.join(said)}")


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
