"""How a recording lies in an instrument's trained range: pitch and loudness, with what is outside shaded."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ddsing.constants import FRAME_RATE
from ddsing.plots import style
from ddsing.units import format_duration, hz_to_midi, note_name


@dataclass(frozen=True, eq=False)
class Ranges:
    """A recording's features and the instrument's trained ranges.

    Attributes
    ----------
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(n_frames,), float32]
        From `ddsing.sound.features.extract`, shifted as the settings say.
    outside : np.ndarray [shape=(n_frames,), bool]
        Sung frames outside the instrument's range.
    pitch_range_midi, loudness_range_db : (float, float) or None
        What the instrument was trained on.
    """

    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    outside: np.ndarray
    pitch_range_midi: tuple[float, float] | None
    loudness_range_db: tuple[float, float] | None


def figure(ranges: Ranges) -> go.Figure:
    """Pitch over loudness on one time axis, the trained ranges as bands, passages outside shaded."""
    result = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.64, 0.36])
    sung = (np.asarray(ranges.f0_confidence) >= 0.5) & (np.asarray(ranges.f0_hz) > 0)
    midi = np.where(sung, hz_to_midi(ranges.f0_hz), np.nan)
    for row, values, name, unit in ((1, midi, "pitch", "MIDI "), (2, ranges.loudness_db, "loudness", "")):
        times, points = style.thin(values)
        result.add_scatter(
            x=times.astype(np.float32),
            y=points,
            row=row,
            col=1,
            mode="lines",
            name=name,
            connectgaps=False,
            line={"color": style.RESULT if row == 1 else style.SOURCE, "width": 1.7},
            hovertemplate=unit + "%{y:.1f}" + ("" if row == 1 else " dB"),
        )
    for row, band in ((1, ranges.pitch_range_midi), (2, ranges.loudness_range_db)):
        if band is not None:
            for edge in band:
                result.add_hline(y=edge, line={"color": style.ACCENT, "dash": "dash", "width": 1.2}, row=row, col=1)
    if ranges.pitch_range_midi or ranges.loudness_range_db:
        _legend(result, "instrument's range", {"color": style.ACCENT, "dash": "dash"})
    if np.any(ranges.outside):
        style.shade(result, ranges.outside, style.OUTSIDE, row=1)
        style.shade(result, ranges.outside, style.OUTSIDE, row=2)
        result.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name="outside it",
            marker={"symbol": "square", "size": 11, "color": "rgba(207, 84, 60, 0.45)"},
            row=1,
            col=1,
        )
    shown = midi[np.isfinite(midi)]
    edges = [*np.percentile(shown, [0.5, 99.5])] if shown.size else []
    edges += list(ranges.pitch_range_midi or ())
    if edges:
        result.update_yaxes(**style.note_ticks(min(edges) - 1.5, max(edges) + 1.5), row=1, col=1)
    result.update_yaxes(title_text="pitch", row=1, col=1)
    result.update_yaxes(title_text="loudness, dB", row=2, col=1)
    style.finish(result, height=360)
    result.update_xaxes(range=[0, len(ranges.f0_hz) / FRAME_RATE])
    result.update_xaxes(title_text="time, s", row=2, col=1)
    return result


def _legend(result: go.Figure, name: str, line: dict) -> None:
    result.add_scatter(x=[None], y=[None], mode="lines", name=name, line=line, row=1, col=1)


def alt_text(ranges: Ranges) -> str:
    """The figure in words: the recording's range, the instrument's, and how much lies outside."""
    sung = (np.asarray(ranges.f0_confidence) >= 0.5) & (np.asarray(ranges.f0_hz) > 0)
    parts = [f"Pitch and loudness of {format_duration(len(ranges.f0_hz) / FRAME_RATE)} of sound."]
    if sung.any():
        low, high = np.percentile(hz_to_midi(np.asarray(ranges.f0_hz)[sung]), [2, 98])
        parts.append(f"It is sung from {note_name(low)} to {note_name(high)}.")
    if ranges.pitch_range_midi:
        parts.append("The instrument covers {} to {}.".format(*map(note_name, ranges.pitch_range_midi)))
    passages = style.merged_runs(ranges.outside)
    outside_s = float(np.sum(ranges.outside)) / FRAME_RATE
    count = "1 passage" if len(passages) == 1 else f"{len(passages)} passages"
    said = f"Outside the range: {format_duration(outside_s)} in {count}."
    parts.append(said if passages else "Nothing is outside.")
    return " ".join(parts)
