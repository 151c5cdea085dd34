"""Several takes in one figure: pitch and loudness overlaid, and spectrograms on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ddsing.constants import FRAME_RATE, SAMPLE_RATE
from ddsing.plots import spectrogram, style
from ddsing.plots.curves import COLOURS
from ddsing.units import format_duration, format_number, hz_to_midi, note_name

LOUDNESS_FLOOR_DB = -80.0
_MAX_COLUMNS = 500
_LEGEND_LETTERS = 50  # as many as a phone shows


@dataclass(frozen=True, eq=False)
class Sung:
    """What is drawn of a take, or of a recording.

    Attributes
    ----------
    name : str
    f0_hz : np.ndarray [shape=(n_frames,), float32]
    sung : np.ndarray [shape=(n_frames,), bool]
        Where the pitch is drawn.
    loudness_db : np.ndarray [shape=(n_frames,), float32]
        On the scale of ddsp 3, whatever the instrument's own.
    original : bool
        Drawn in grey, below the others.
    """

    name: str
    f0_hz: np.ndarray
    sung: np.ndarray
    loudness_db: np.ndarray
    original: bool = False


def overlay(curves: Sequence[Sung], *, height: int) -> go.Figure:
    """Pitch above loudness, every take in a colour of its own; the height is in pixels."""
    result = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.58, 0.42])
    colours = iter(COLOURS)
    shown = []
    for one in curves:
        colour, width = (style.SOURCE, 3.0) if one.original else (next(colours), 1.5)
        midi = np.where(one.sung & (one.f0_hz > 0), hz_to_midi(one.f0_hz), np.nan)
        shown.append(midi[np.isfinite(midi)])
        rows = ((1, midi, "MIDI %{y:.2f}"), (2, np.maximum(one.loudness_db, LOUDNESS_FLOOR_DB), "%{y:.1f} dB"))
        for row, values, hover in rows:
            times_s, points = style.thin(values)
            result.add_scatter(
                x=times_s.astype(np.float32),
                y=np.asarray(points, np.float32),
                name=_short(one.name),
                row=row,
                col=1,
                mode="lines",
                line={"color": colour, "width": width},
                legendgroup=one.name,
                showlegend=row == 1,
                connectgaps=False,
                hovertemplate=hover,
            )
    notes = np.concatenate(shown) if shown else np.zeros(0)
    if notes.size:
        low, high = np.percentile(notes, [0.5, 99.5])
        result.update_yaxes(**style.note_ticks(low - 1.5, high + 1.5), row=1, col=1)
    style.finish(result, height=height)
    result.update_yaxes(title_text="pitch", row=1, col=1)
    result.update_yaxes(title_text="loudness, dB", row=2, col=1)
    longest = max((len(one.f0_hz) for one in curves), default=1)
    result.update_xaxes(range=[0, longest / FRAME_RATE])
    result.update_xaxes(title_text="time, s", row=2, col=1)
    return result


def _short(name: str) -> str:
    """A name that fits a legend on a narrow page."""
    return name if len(name) <= _LEGEND_LETTERS else f"{name[: _LEGEND_LETTERS - 1].rstrip()}…"


def overlay_text(curves: Sequence[Sung]) -> str:
    """The overlay in words: range of pitch, and loudness where it is sung."""
    said = []
    for one in curves:
        voiced = one.sung & (one.f0_hz > 0)
        if voiced.any():
            low, high = np.percentile(hz_to_midi(one.f0_hz[voiced]), [2, 98])
            mean_db = float(one.loudness_db[voiced].mean())
            said.append(
                f"{one.name} from {note_name(low)} to {note_name(high)} at {format_number(mean_db)} dB on average"
            )
        else:
            said.append(f"{one.name} without a clear pitch")
    return f"Pitch and loudness over time, overlaid: {'; '.join(said)}."


def spectrograms(sounds: Sequence[tuple[str, np.ndarray]], *, rate_hz: int = SAMPLE_RATE, height: int) -> go.Figure:
    """One spectrogram below the other, on one scale of colours and one time axis.

    Parameters
    ----------
    sounds : Sequence of (name, np.ndarray [shape=(n_samples,), float32])
    height : int
        Of the whole figure, in pixels.
    """
    panels = [(name, spectrogram.power_db(audio, max_columns=_MAX_COLUMNS, rate_hz=rate_hz)) for name, audio in sounds]
    top = max(float(level.max()) for _, (_, _, level) in panels)
    n_rows = len(panels)
    plot = make_subplots(
        rows=n_rows,
        cols=1,
        shared_xaxes=True,
        shared_yaxes=True,
        vertical_spacing=0.2 / max(n_rows, 1),
        subplot_titles=[name for name, _ in panels],
    )
    for row, (_, (times_s, frequencies_hz, level)) in enumerate(panels, start=1):
        plot.add_heatmap(
            x=times_s.astype(np.float32),
            y=spectrogram.mel(frequencies_hz).astype(np.float32),
            z=np.round(np.clip(level, top + spectrogram.FLOOR_DB, top)).astype(np.int8),
            coloraxis="coloraxis",
            row=row,
            col=1,
            hovertemplate="%{x:.2f} s: %{z} dB<extra></extra>",
        )
        plot.update_yaxes(**spectrogram.frequency_ticks(rate_hz), row=row, col=1)
    style.finish(plot, height=height)
    bar = {
        "orientation": "h",
        "x": 1.0,
        "xanchor": "right",
        "y": 1.0,
        "yanchor": "bottom",
        "len": 0.45,
        "thickness": 8,
        "ticklabelposition": "outside top",
        "ticksuffix": " dB",
        "dtick": 20,
        "tickfont": {"size": 11},
    }
    scale = {"colorscale": spectrogram.SCALE, "cmin": top + spectrogram.FLOOR_DB, "cmax": top, "colorbar": bar}
    plot.update_layout(hovermode="closest", coloraxis=scale)
    plot.update_xaxes(title_text="time, s", row=n_rows, col=1)
    plot.update_xaxes(showgrid=False)
    plot.update_yaxes(showgrid=False)
    plot.update_annotations(x=0, xanchor="left", font_size=13)
    return plot


def spectrograms_text(sounds: Sequence[tuple[str, np.ndarray]], *, rate_hz: int = SAMPLE_RATE) -> str:
    """The spectrograms in words."""
    said = [f"{name}, {format_duration(len(audio) / rate_hz)}" for name, audio in sounds]
    return f"Spectrograms on one scale: {'; '.join(said)}."
