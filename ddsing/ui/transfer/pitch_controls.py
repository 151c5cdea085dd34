"""The group *Pitch* of a transfer's controls: where the melody is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from collections.abc import Mapping

HELP = {
    "octave_shift": "Moves the pitch by whole octaves into the instrument's range.",
    "autotune": "Moves the pitch towards the nearest semitone of the recording's own tuning. 0 leaves it exactly as "
    "sung, 1 snaps fully.",
}


def show(reasons: Mapping[str, str]) -> None:
    """The group; `reasons` has why a field does nothing as the others stand."""
    widgets.title("Pitch")
    for field, label, low, high, step, number in (
        ("octave_shift", "Octave shift", -3, 3, 1, "%d"),
        ("autotune", "Autotune", 0.0, 1.0, 0.1, "%.1f"),
    ):
        widgets.slider(field, label, low, high, step, number, help_text=HELP[field], reasons=reasons)
