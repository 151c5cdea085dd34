"""The group *Loudness* of a transfer's controls: how loud what is sung becomes, and what happens between the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from ddsing.ui.shell.state import Desk

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


def show(desk: Desk) -> None:
    """The group."""
    widgets.title("Loudness")
    widgets.slider(desk, "loudness_shift_db", "Loudness shift, dB", HELP["loudness_shift_db"], step=5.0)
    widgets.toggle(desk, "use_statistics", "Loudness statistics", HELP["use_statistics"])
    fold = widgets.more(desk, "Notes and gaps", "loudness")
    if fold.open:
        with fold:
            widgets.steps(desk, "gate_db", "Noise gate", HELP["gate_db"], options=GATE_DB)
            widgets.slider(desk, "mask_threshold", "Mask threshold", HELP["mask_threshold"], step=0.1)
            widgets.slider(desk, "attenuation_db", "Attenuation, dB", HELP["attenuation_db"], step=1.0)
