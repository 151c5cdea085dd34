"""What a dataset holds: its notes over a keyboard, its loudness, and one training window from close up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from ddsing.constants import FRAME_RATE, SAMPLE_RATE
from ddsing.plots import keyboard, spectrogram, style
from ddsing.plots.features import VOICED_CONFIDENCE
from ddsing.units import format_duration, format_number, hz_to_midi, note_name

THIN_NOTE_S = 5.0  # a note sung for less than this in all is hardly learnt
F0_ON_SPECTROGRAM = "#7cf5e4"  # reads on every level of the spectrogram's colours


@dataclass(frozen=True, eq=False)
class Window:
    """One training window.

    Attributes
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz.
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(n_frames,), float32]
        At 250 frames/s.
    start_s : float
        Where the window starts in its recording.
    """

    audio: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    start_s: float = 0.0


# Notes


def notes_figure(seconds_by_note: ArrayLike) -> go.Figure:
    """How long each note is sung, as bars that stand on the keys of a keyboard.

    Parameters
    ----------
    seconds_by_note : array_like [shape=(128,), float]
        Voiced seconds by MIDI note.
    """
    seconds = np.asarray(seconds_by_note, float)
    sung = np.flatnonzero(seconds > 0)
    first, last = keyboard.span((float(sung[0]), float(sung[-1])) if sung.size else (60.0, 60.0))
    notes = range(first, last + 1)
    shown = seconds[first : last + 1]
    top = float(shown.max(initial=0.0)) or 1.0
    colours = np.where(shown >= THIN_NOTE_S, style.RESULT, style.ACCENT)
    result = go.Figure(
        go.Bar(
            x=[keyboard.position(note, first) for note in notes],
            y=shown,
            width=0.46,
            marker={"color": list(colours), "line": {"width": 0}},
            customdata=[[note_name(note), format_duration(value)] for note, value in zip(notes, shown, strict=True)],
            hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
        ),
        layout={"shapes": keyboard.shapes(first, last, inside=set(sung.tolist()), y0=-0.24 * top, y1=-0.02 * top)},
    )
    style.finish(result, height=250)
    octaves = range(math.ceil(first / 12) * 12, last + 1, 12)
    result.update_layout(showlegend=False, hovermode="closest", bargap=0, margin={"t": 10, "b": 28})
    result.update_xaxes(
        range=[-0.05, keyboard.width(first, last) + 0.05],
        showgrid=False,
        fixedrange=True,
        tickvals=[keyboard.position(note, first) for note in octaves],
        ticktext=[note_name(note) for note in octaves],
    )
    result.update_yaxes(
        range=[-0.25 * top, 1.08 * top],
        title_text="seconds sung",
        fixedrange=True,
        nticks=5,
        tickvals=_ticks(top),
        showgrid=True,
    )
    return result


def _ticks(top: float) -> list[float]:
    """Four round values from 0 up to `top`; the keys lie below 0 and carry none."""
    step = 10.0 ** math.floor(math.log10(top / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if top / (factor * step) <= 5)
    return [index * step for index in range(int(top / step) + 1)]


def notes_alt(seconds_by_note: ArrayLike) -> str:
    """The notes in words: the range, the longest note, and which inside the range are hardly there."""
    seconds = np.asarray(seconds_by_note, float)
    sung = np.flatnonzero(seconds > 0)
    if not sung.size:
        return "Keyboard with no sung notes."
    most = int(seconds.argmax())
    said = (
        f"Notes from {note_name(sung[0])} to {note_name(sung[-1])} over a keyboard; "
        f"the longest is {note_name(most)} with {format_duration(seconds[most])}"
    )
    thin = [note_name(note) for note in range(sung[0], sung[-1] + 1) if seconds[note] < THIN_NOTE_S]
    return said + (f"; under {THIN_NOTE_S:.0f} seconds: {', '.join(thin)}." if thin else "; all are well covered.")


# Loudness


def loudness_figure(edges_db: ArrayLike, seconds: ArrayLike) -> go.Figure:
    """How long the sound has each loudness.

    Parameters
    ----------
    edges_db : array_like [shape=(n_bins + 1,), float]
        Edges of the bins in dB.
    seconds : array_like [shape=(n_bins,), float]
        Seconds in each bin.
    """
    edges, seconds = np.asarray(edges_db, float), np.asarray(seconds, float)
    result = go.Figure(
        go.Bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=seconds,
            width=np.diff(edges) * 0.92,
            marker={"color": style.RESULT},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate="%{customdata[0]:.0f} to %{customdata[1]:.0f} dB: %{y:.1f} s<extra></extra>",
        )
    )
    style.finish(result, height=250)
    result.update_layout(showlegend=False, hovermode="closest", margin={"t": 10, "b": 44})
    result.update_xaxes(title_text="loudness, dB", fixedrange=True, hoverformat=".0f")
    result.update_yaxes(title_text="seconds", fixedrange=True)
    return result


def loudness_alt(edges_db: ArrayLike, seconds: ArrayLike) -> str:
    """The distribution in words: where most of it lies."""
    edges, seconds = np.asarray(edges_db, float), np.asarray(seconds, float)
    if seconds.sum() <= 0:
        return "Loudness distribution: no sound."
    share = np.cumsum(seconds) / seconds.sum()
    low, high = (edges[np.searchsorted(share, part)] for part in (0.1, 0.9))
    return f"Loudness distribution: 80 % of the sound is between {format_number(low)} and {format_number(high)} dB."


# One window


def window_figure(window: Window) -> go.Figure:
    """A window's spectrogram with its f0 drawn over it, then f0, confidence and loudness on the same time axis."""
    result = make_subplots(
        rows=4, cols=1, shared_xaxes=True, vertical_spacing=0.03, row_heights=[0.4, 0.24, 0.14, 0.22]
    )
    voiced = (np.asarray(window.f0_confidence) >= VOICED_CONFIDENCE) & (np.asarray(window.f0_hz) > 0)
    f0_hz = np.where(voiced, window.f0_hz, np.nan)
    _spectrogram_row(result, window, f0_hz)
    midi = hz_to_midi(window.f0_hz)
    times_s = window.start_s + style.seconds(len(midi))

    def line(row: int, values: np.ndarray, name: str, colour: str, template: str, width: float = 1.7):
        result.add_scatter(
            x=times_s.astype(np.float32),
            y=values,
            name=name,
            row=row,
            col=1,
            mode="lines",
            connectgaps=False,
            line={"color": colour, "width": width},
            hovertemplate=template,
            showlegend=False,
        )

    line(2, np.where(np.asarray(window.f0_hz) > 0, midi, np.nan), "f0, unsure", style.SOURCE, "MIDI %{y:.2f}", 1.0)
    line(2, np.where(voiced, midi, np.nan), "pitch", style.RESULT, "MIDI %{y:.2f}", 2.2)
    line(3, window.f0_confidence, "confidence", style.EXTRA, "%{y:.2f}")
    line(4, window.loudness_db, "loudness", style.ACCENT, "%{y:.1f} dB")
    if voiced.any():
        low, high = np.percentile(midi[voiced], [1, 99])
        result.update_yaxes(**style.note_ticks(low - 1.5, high + 1.5), tickfont={"size": 10}, row=2, col=1)
    result.add_hline(y=VOICED_CONFIDENCE, line={"color": style.SOURCE, "dash": "dot", "width": 1}, row=3, col=1)
    style.finish(result, height=600)
    titles = {2: "pitch", 3: "confidence", 4: "loudness, dB"}
    for row, title in titles.items():
        result.update_yaxes(title_text=title, row=row, col=1)
    result.update_yaxes(range=[0, 1.05], tickvals=[0, 0.5, 1], row=3, col=1)
    result.update_layout(margin={"t": 10})
    result.update_xaxes(range=[window.start_s, window.start_s + len(window.audio) / SAMPLE_RATE])
    result.update_xaxes(title_text="time in the recording, s", row=4, col=1)
    return result


def _spectrogram_row(result: go.Figure, window: Window, f0_hz: np.ndarray) -> None:
    times_s, frequencies_hz, level = spectrogram.power_db(window.audio, max_columns=500)
    top = float(level.max())
    result.add_heatmap(
        x=(times_s + window.start_s).astype(np.float32),
        y=spectrogram.mel(frequencies_hz).astype(np.float32),
        z=np.round(np.clip(level, top + spectrogram.FLOOR_DB, top)).astype(np.int8),
        colorscale=spectrogram.SCALE,
        showscale=False,
        hoverinfo="skip",
        row=1,
        col=1,
    )
    result.add_scatter(
        x=(window.start_s + style.seconds(len(f0_hz))).astype(np.float32),
        y=spectrogram.mel(f0_hz),
        mode="lines",
        connectgaps=False,
        line={"color": F0_ON_SPECTROGRAM, "width": 2},
        name="pitch",
        showlegend=False,
        row=1,
        col=1,
        customdata=f0_hz,
        hovertemplate="%{customdata:.1f} Hz",
    )
    result.update_yaxes(**spectrogram.frequency_ticks(), showgrid=False, row=1, col=1)


def window_alt(window: Window) -> str:
    """The window in words: where it is, how much is voiced, its pitch range, its loudness."""
    n_frames = len(window.f0_hz)
    voiced = (np.asarray(window.f0_confidence) >= VOICED_CONFIDENCE) & (np.asarray(window.f0_hz) > 0)
    said = f"Spectrogram, pitch, confidence and loudness of {format_duration(n_frames / FRAME_RATE)} from "
    said += f"{window.start_s:.1f} s on; voiced in {100 * float(voiced.mean()):.0f} %"
    if voiced.any():
        low, high = np.percentile(hz_to_midi(np.asarray(window.f0_hz)[voiced]), [2, 98])
        said += f", from {note_name(low)} to {note_name(high)}"
    loudness = np.asarray(window.loudness_db)
    return said + f"; loudness {format_number(loudness.min())} to {format_number(loudness.max())} dB."
