"""The group *Loudness* of a transfer's controls: how loud what is sung becomes, and what happens between the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from collections.abc import Mapping

GATE_DB = (None, *(float(gate_db) for gate_db in range(-80, -9, 5)))
HELP = {
    "loudness_shift_db": "Makes the instrument sing louder or softer, in dB.",
    "use_statistics": "Detects the notes and matches their loudness to what the instrument was trained on. "
    "Needs an instrument with statistics.",
    "gate_db": "Silences what is this much softer than the loud parts of the recording, such as the noise in its "
    "pauses. It closes slowly, so that notes can die away.",
    "mask_threshold": "How sure the note detector must be. Higher values detect fewer notes.",
    "attenuation_db": "Attenuation of the gaps between notes, in dB.",
}


def show(reasons: Mapping[str, str]) -> None:
    """The group; `reasons` has why a field does nothing as the others stand."""
    widgets.title("Loudness")
    _slider("loudness_shift_db", "Loudness shift, dB", -30.0, 30.0, 5.0, "%.0f", reasons)
    widgets.toggle("use_statistics", "Loudness statistics", help_text=HELP["use_statistics"], reasons=reasons)
    with widgets.more("Notes and gaps", "loudness"):
        widgets.steps("gate_db", "Noise gate", GATE_DB, help_text=HELP["gate_db"], reasons=reasons)
        _slider("mask_threshold", "Mask threshold", 0.0, 2.0, 0.1, "%.1f", reasons)
        _slider("attenuation_db", "Attenuation, dB", 0.0, 50.0, 1.0, "%.0f", reasons)


def _slider(
    field: str, label: str, low: float, high: float, step: float, number: str, reasons: Mapping[str, str]
) -> None:
    widgets.slider(field, label, low, high, step, number, help_text=HELP[field], reasons=reasons)
