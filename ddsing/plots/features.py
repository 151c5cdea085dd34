"""What a take was made from, over time: loudness, pitch, confidence and the note detector, on one time axis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from ddsing.constants import FRAME_RATE
from ddsing.plots import shading, style
from ddsing.units import format_duration, format_number, hz_to_midi, note_name

VOICED_CONFIDENCE = 0.5  # below it a pitch is drawn pale and left out of the mean


@dataclass(frozen=True, eq=False)
class Curves:
    """The curves of one take, all [shape=(n_frames,), float32] at 250 frames/s.

    Attributes
    ----------
    f0_hz, f0_used_hz : np.ndarray
        Fundamental in Hz as tracked, and as the instrument was given it (shifted, autotuned).
    f0_confidence : np.ndarray
        0 to 1, from the pitch tracker.
    loudness_db, loudness_used_db : np.ndarray
        Loudness in dB of the recording, and as the instrument was given it.
    note_on_ratio : np.ndarray or None
        The note detector's ratio; a frame is a note where it reaches `threshold`.
    mask_on : np.ndarray [dtype=bool] or None
        Frames detected as notes.
    gate_gain : np.ndarray or None
        The noise gate, 1 where it is open and 0 where it is closed.
    gate_threshold_db : float or None
        Where it opens, on the scale of `loudness_db`.
    kept_share : np.ndarray or None
        How far the recording's own noise is heard, 0 to 1.
    """

    f0_hz: np.ndarray
    f0_used_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    loudness_used_db: np.ndarray
    note_on_ratio: np.ndarray | None = None
    mask_on: np.ndarray | None = None
    threshold: float = 1.0
    autotune: float = 0.0
    instrument_pitch_midi: float | None = None  # mean pitch of the instrument's own recordings
    gate_gain: np.ndarray | None = None
    gate_threshold_db: float | None = None
    kept_share: np.ndarray | None = None

    def voiced(self) -> np.ndarray:
        """Frames that count as sung: those of the mask, else those with a confident pitch."""
        if self.mask_on is not None and np.any(self.mask_on):
            return np.asarray(self.mask_on, bool)
        return np.asarray(self.f0_confidence) >= VOICED_CONFIDENCE

    def mean_midi(self, f0_hz: np.ndarray) -> float | None:
        """Mean pitch of the sung frames of a curve as a MIDI note, or None when nothing is sung."""
        voiced = self.voiced() & (np.asarray(f0_hz) > 0)
        return float(hz_to_midi(np.asarray(f0_hz)[voiced]).mean()) if voiced.any() else None


def figure(curves: Curves, *, window_s: tuple[float, float] | None = None) -> go.Figure:
    """Loudness, pitch, confidence and (if there) the note-on ratio, stacked over one time axis."""
    rows = 4 if curves.note_on_ratio is not None else 3
    heights = [0.24, 0.38, 0.14, 0.24][:rows]
    result = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.035, row_heights=heights)
    start, end = _frames(curves, window_s)

    def line(row: int, values: ArrayLike, name: str, colour: str, **options: Any):
        times, points = style.thin(np.asarray(values)[start:end])
        width = options.pop("width", 1.6)
        result.add_scatter(
            x=(times + start / FRAME_RATE).astype(np.float32),
            y=points,
            name=name,
            row=row,
            col=1,
            mode="lines",
            line={"color": colour, "width": width, "dash": options.pop("dash", "solid")},
            connectgaps=False,
            **options,
        )

    line(1, curves.loudness_db, "loudness before", style.SOURCE, hovertemplate="%{y:.1f} dB")
    after_db = shading.after_gate(curves.loudness_used_db, curves.gate_gain)
    line(1, after_db, "loudness after", style.RESULT, hovertemplate="%{y:.1f} dB")
    if curves.gate_gain is not None:
        shading.draw_gate(result, curves.gate_gain, curves.gate_threshold_db, slice(start, end))
    voiced = curves.voiced()
    _pitch_rows(result, curves, line, voiced)
    line(3, curves.f0_confidence, "pitch confidence", style.EXTRA, hovertemplate="%{y:.2f}")
    if curves.kept_share is not None:
        shading.draw_kept(line, curves.kept_share)
    result.update_yaxes(title_text="loudness, dB", row=1, col=1)
    result.update_yaxes(title_text="pitch", row=2, col=1)
    result.update_yaxes(title_text="confidence", range=[0, 1.05], tickvals=[0, 0.5, 1], row=3, col=1)
    if rows == 4:
        line(
            4,
            np.clip(np.asarray(curves.note_on_ratio), 0.0, 4.0),
            "note-on ratio",
            style.RESULT,
            hovertemplate="%{y:.2f}",
        )
        result.add_hline(y=curves.threshold, line={"color": style.ACCENT, "dash": "dash", "width": 1.5}, row=4, col=1)
        result.add_scatter(
            x=[None],
            y=[None],
            name="threshold",
            row=4,
            col=1,
            mode="lines",
            line={"color": style.ACCENT, "dash": "dash"},
        )
        if curves.mask_on is not None:
            inside = np.zeros(len(curves.mask_on), bool)
            inside[start:end] = np.asarray(curves.mask_on, bool)[start:end]
            style.shade(result, inside, style.MASK, row=4)
            result.add_scatter(
                x=[None],
                y=[None],
                name="detected as note",
                row=4,
                col=1,
                mode="markers",
                marker={"symbol": "square", "size": 11, "color": "rgba(20, 147, 132, 0.4)"},
            )
        result.update_yaxes(title_text="note-on ratio", rangemode="tozero", row=4, col=1)
    style.finish(result, height=620 if rows == 4 else 500)
    result.update_xaxes(range=[start / FRAME_RATE, end / FRAME_RATE])
    result.update_xaxes(title_text="time, s", row=rows, col=1)
    return result


def _pitch_rows(result: go.Figure, curves: Curves, line: Callable[..., None], voiced: np.ndarray) -> None:
    before = np.where(voiced & (curves.f0_hz > 0), hz_to_midi(curves.f0_hz), np.nan)
    after = np.where(voiced & (curves.f0_used_hz > 0), hz_to_midi(curves.f0_used_hz), np.nan)
    name = "pitch used, autotuned" if curves.autotune > 0 else "pitch used"
    for values, label, colour in ((before, "pitch before", style.SOURCE), (after, name, style.RESULT)):
        line(2, values, label, colour, hovertemplate="MIDI %{y:.2f}")
    shown = np.concatenate([before[np.isfinite(before)], after[np.isfinite(after)]])
    means = [
        (curves.mean_midi(curves.f0_used_hz), "mean pitch of this take", style.RESULT),
        (curves.instrument_pitch_midi, "mean pitch of the instrument", style.ACCENT),
    ]
    for value, label, colour in means:
        if value is not None:
            result.add_hline(y=value, line={"color": colour, "dash": "dot", "width": 1.4}, row=2, col=1)
            result.add_scatter(
                x=[None],
                y=[None],
                name=f"{label} ({note_name(value)})",
                row=2,
                col=1,
                mode="lines",
                line={"color": colour, "dash": "dot"},
            )
            shown = np.append(shown, value)
    if shown.size:
        low, high = np.percentile(shown, [0.5, 99.5]) if shown.size > 50 else (shown.min(), shown.max())
        pinned = [value for value, _, _ in means if value is not None]
        low, high = min([low, *pinned]) - 1.5, max([high, *pinned]) + 1.5
        result.update_yaxes(**style.note_ticks(low, high), row=2, col=1)


def _frames(curves: Curves, window_s: tuple[float, float] | None) -> tuple[int, int]:
    n_frames = len(curves.f0_hz)
    if window_s is None:
        return 0, n_frames
    start, end = (int(np.clip(round(edge * FRAME_RATE), 0, n_frames)) for edge in window_s)
    return (start, end) if end > start else (0, n_frames)


def alt_text(curves: Curves) -> str:
    """The figure in words: length, sung share, pitch before and after, loudness before and after."""
    n_frames = len(curves.f0_hz)
    voiced = curves.voiced()
    parts = [f"{format_duration(n_frames / FRAME_RATE)} of sound, {100 * float(np.mean(voiced)):.0f} % of it voiced"]
    before, after = curves.mean_midi(curves.f0_hz), curves.mean_midi(curves.f0_used_hz)
    if before is not None and after is not None:
        moved = "unchanged"
        if abs(after - before) > 0.05:
            moved = f"now {note_name(after)}, {format_number(after - before, digits=1, sign=True)} semitones"
        parts.append(f"mean pitch {note_name(before)}, {moved}")
    if curves.instrument_pitch_midi is not None:
        parts.append(f"the instrument's mean pitch is {note_name(curves.instrument_pitch_midi)}")
    if voiced.any():
        loud_before = format_number(np.mean(np.asarray(curves.loudness_db)[voiced]))
        loud_after = format_number(np.mean(np.asarray(curves.loudness_used_db)[voiced]))
        parts.append(f"mean loudness of the voiced frames {loud_before} dB before and {loud_after} dB after")
    if curves.mask_on is not None:
        n_notes = len(style.merged_runs(curves.mask_on, gap_frames=0))
        parts.append(f"{n_notes} {'passage' if n_notes == 1 else 'passages'} detected as notes")
    if curves.gate_gain is not None:
        parts.append(f"the noise gate is closed in {100 * float(np.mean(curves.gate_gain == 0.0)):.0f} % of it")
    if curves.kept_share is not None:
        parts.append(f"consonants and breath are kept in {100 * float(np.mean(curves.kept_share > 0.0)):.0f} % of it")
    return "Loudness, pitch and confidence over time. " + "; ".join(parts) + "."
