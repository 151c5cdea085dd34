"""The controls of a transfer: tracker with its cost, and the settings with their ranges, defaults and help."""

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.ui import state
from ddsing.ui.formatting import format_duration

TRACKER_HELP = """How the pitch is found.

- **full**: the large CREPE network at 250 frames a second, as in the paper
- **fast**: the same network at 100 frames a second, interpolated; within a cent or two
- **tiny**: the small network; a few cents off, and its confidence is rougher, which the note detector feels

A recording is analysed once per tracker and remembered."""

HELP = {
    "show_full_output": "Also show spectrograms and the curves behind the result with each take.",
    "use_statistics": "Match the loudness of the sung notes to the loudness that the instrument was trained on, and find "
    "the notes to do so. Needs statistics in the instrument.",
    "mask_threshold": "How sure the note detector must be. Higher takes fewer frames as notes.",
    "attenuation_db": "How much quieter everything outside the notes becomes, in dB.",
    "autotune": "Moves the pitch towards the nearest semitone of the recording's own tuning. 0 leaves it exactly as sung, "
    "1 snaps fully.",
    "octave_shift": "Moves the pitch by whole octaves into the instrument's range.",
    "loudness_shift_db": "Moves the loudness that the instrument is given, in dB.",
}


def tracker(duration_s: float, analysed: set[str]) -> str:
    """The tracker choice; each option says what it costs for this recording."""
    from ddsing import pitch

    def label(name: str) -> str:
        if name in analysed:
            return f"{name} · done"
        return f"{name} · {format_duration(pitch.estimate_seconds(name, duration_s))}"

    return st.segmented_control(
        "Pitch tracker, and its time for this recording", TRACKERS, format_func=label, key=state.TRACKER, required=True,
        help=TRACKER_HELP, persist_state="session",
    )  # fmt: skip


def settings(*, has_statistics: bool):
    """All controls; returns the `Settings` they stand for."""
    reasons = state.settings().disabled()
    if not has_statistics:
        reasons = reasons | {"use_statistics": "This instrument carries no statistics."}
    shape, colour = st.columns(2, gap="medium")
    with shape:
        _slider("octave_shift", "Octave shift", -3, 3, 1, "%+d", reasons)
        _slider("loudness_shift_db", "Loudness shift, dB", -30.0, 30.0, 5.0, "%+.0f", reasons)
        _slider("autotune", "Autotune", 0.0, 1.0, 0.1, "%.1f", reasons)
    with colour:
        _toggle("use_statistics", "Use loudness statistics", reasons)
        _slider("mask_threshold", "Mask threshold", 0.0, 2.0, 0.1, "%.1f", reasons)
        _slider("attenuation_db", "Attenuation, dB", 0.0, 50.0, 1.0, "%.0f", reasons)
        _toggle("show_full_output", "Show full output", reasons)
    return state.settings()


def _slider(field, label, low, high, step, number, reasons) -> None:
    st.slider(
        label, low, high, step=step, format=number, key=state.key(field), help=HELP[field], disabled=field in reasons,
        persist_state="session",
    )  # fmt: skip
    _reason(field, reasons)


def _toggle(field, label, reasons) -> None:
    st.toggle(
        label, key=state.key(field), help=HELP[field], disabled=field in reasons, persist_state="session"
    )
    _reason(field, reasons)


def _reason(field, reasons) -> None:
    if field in reasons:
        st.caption(f":material/info: {reasons[field]}")
