"""In a take's curves: where the noise gate is closed, and where the recording's own noise is heard."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go

from ddsing.plots import style

CLOSED = "rgba(128, 138, 144, 0.24)"
_FLOOR_DB = -80.0  # what silence is drawn at


def after_gate(loudness_db: np.ndarray, gate_gain: np.ndarray | None) -> np.ndarray:
    """The loudness after a gate [shape=(n_frames,), float32]; as it is without one."""
    if gate_gain is None:
        return loudness_db
    faded_db = loudness_db + 20.0 * np.log10(np.maximum(gate_gain, 1e-6))
    return np.where(gate_gain < 1.0, np.maximum(faded_db, np.minimum(_FLOOR_DB, loudness_db)), loudness_db)


def draw_gate(
    figure: go.Figure, gate_gain: np.ndarray, threshold_db: float | None, part: slice, *, row: int = 1
) -> None:
    """Shade where the gate is closed, and draw its threshold if that is known."""
    closed = np.zeros(len(gate_gain), bool)
    closed[part] = gate_gain[part] == 0.0
    style.shade(figure, closed, CLOSED, row=row)
    marker = {"symbol": "square", "size": 11, "color": CLOSED}
    figure.add_scatter(x=[None], y=[None], name="gate closed", row=row, col=1, mode="markers", marker=marker)
    if threshold_db is not None:
        dashed = {"color": style.ACCENT, "dash": "dash", "width": 1.5}
        figure.add_hline(y=threshold_db, line=dashed, row=row, col=1)
        figure.add_scatter(x=[None], y=[None], name="noise gate", row=row, col=1, mode="lines", line=dashed)


def draw_kept(line: Callable[..., None], kept_share: np.ndarray, *, row: int = 3) -> None:
    """How far the recording's consonants and breath are heard, beside the confidence."""
    line(row, kept_share, "consonants and breath kept", style.RESULT, hovertemplate="%{y:.2f}")
