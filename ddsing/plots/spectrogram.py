"""Two spectrograms on the same scale: the recording and what was made of it."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from ddsing.constants import SAMPLE_RATE
from ddsing.plots import style
from ddsing.units import format_number, n_frames

FFT_SIZE = 1024
FLOOR_DB = -80.0  # below the loudest bin of both
MAX_COLUMNS = 700
N_ROWS = 160
SCALE = [  # Magma; in Streamlit's theme its own black, #000004, stands for another colour
    [0.0, "rgb(2,2,8)"],
    [0.13, "rgb(28,16,68)"],
    [0.25, "rgb(79,18,123)"],
    [0.38, "rgb(129,37,129)"],
    [0.5, "rgb(181,54,122)"],
    [0.63, "rgb(229,80,100)"],
    [0.75, "rgb(251,135,97)"],
    [0.88, "rgb(254,194,135)"],
    [1.0, "rgb(252,253,191)"],
]
_TICKS_HZ = (100, 500, 1000, 2000, 4000, 8000, 16000)


def power_db(
    audio: np.ndarray, *, max_columns: int = MAX_COLUMNS, rate_hz: int = SAMPLE_RATE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A short-time spectrum small enough to draw: the frequencies are spaced as the ear hears them.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        Long sounds are sampled at `max_columns` moments, so the cost does not grow with length.

    Returns
    -------
    times_s [shape=(n_columns,)], frequencies_hz [shape=(n_rows,)], level_db [shape=(n_rows, n_columns), float32]
        Level in dB relative to a full-scale sine.
    """
    audio = np.asarray(audio, np.float32)
    size = FFT_SIZE * (rate_hz // SAMPLE_RATE)
    padded = np.pad(audio, size // 2)
    n_columns = max(1, min(max_columns, n_frames(len(audio) * SAMPLE_RATE // rate_hz, centred=True)))
    centres = np.linspace(0, max(0, len(audio) - 1), n_columns).astype(int)
    window = np.hanning(size).astype(np.float32)
    frames = np.stack([padded[centre : centre + size] for centre in centres]) * window
    level = 20.0 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) * 2.0 / window.sum() + 1e-6)
    frequencies_hz = 700.0 * (10.0 ** (np.linspace(0.0, mel(rate_hz / 2), N_ROWS) / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(size, 1.0 / rate_hz)
    edges = np.searchsorted(bins, (frequencies_hz[1:] + frequencies_hz[:-1]) / 2)
    first = np.minimum(np.append(0, edges), len(bins) - 1)
    end = np.maximum(np.append(edges, len(bins)), first + 1)  # low rows are narrower than a bin and repeat it
    rows = [level[:, low:high].max(axis=1) for low, high in zip(first, end)]
    return centres / rate_hz, frequencies_hz, np.stack(rows).astype(np.float32)


def mel(frequencies_hz: ArrayLike) -> np.ndarray:
    """Frequencies as the ear spaces them; what the y axes of spectrograms count in."""
    return 2595.0 * np.log10(1.0 + np.asarray(frequencies_hz, np.float64) / 700.0)


def frequency_ticks(rate_hz: int = SAMPLE_RATE) -> dict:
    """Axis settings that label a mel axis in Hz."""
    ticks = [hz for hz in _TICKS_HZ if hz <= rate_hz // 2]
    said = [f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz" for hz in ticks]
    return {"tickvals": list(mel(ticks)), "ticktext": said}


def figure(
    original: np.ndarray,
    result: np.ndarray,
    *,
    names: tuple[str, str] = ("original", "result"),
    rate_hz: int = SAMPLE_RATE,
    height: int = 470,
) -> go.Figure:
    """Original above result, one colour scale and one time axis for both, which have one sample rate."""
    panels = [(names[0], power_db(original, rate_hz=rate_hz)), (names[1], power_db(result, rate_hz=rate_hz))]
    top = max(float(level.max()) for _, (_, _, level) in panels)
    plot = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        shared_yaxes=True,
        vertical_spacing=0.09,
        subplot_titles=[name for name, _ in panels],
    )
    for row, (_, (times_s, frequencies_hz, level)) in enumerate(panels, start=1):
        plot.add_heatmap(
            x=times_s.astype(np.float32),
            y=mel(frequencies_hz).astype(np.float32),
            z=np.round(np.clip(level, top + FLOOR_DB, top)).astype(np.int8),
            coloraxis="coloraxis",
            row=row,
            col=1,
            hovertemplate="%{x:.2f} s: %{z} dB<extra></extra>",
        )
        plot.update_yaxes(**frequency_ticks(rate_hz), row=row, col=1)
    style.finish(plot, height=height)
    bar = {  # above the plots, so that their time axis is as wide as that of the curves below
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
    scale = {"colorscale": SCALE, "cmin": top + FLOOR_DB, "cmax": top, "colorbar": bar}
    plot.update_layout(hovermode="closest", coloraxis=scale)
    plot.update_xaxes(title_text="time, s", row=2, col=1)
    plot.update_xaxes(showgrid=False)
    plot.update_yaxes(showgrid=False)
    plot.update_annotations(x=0, xanchor="left", font_size=13)
    return plot


def alt_text(
    original: np.ndarray,
    result: np.ndarray,
    *,
    names: tuple[str, str] = ("original", "result"),
    rate_hz: int = SAMPLE_RATE,
) -> str:
    """The figure in words: length, peak levels, and where most of the energy lies."""
    said = []
    for name, audio in zip(names, (original, result), strict=True):
        audio = np.asarray(audio, np.float32)
        peak = 20.0 * np.log10(max(float(np.abs(audio).max(initial=0.0)), 1e-6))
        _, frequencies_hz, level = power_db(audio, max_columns=100, rate_hz=rate_hz)
        weight = (10.0 ** (level / 10.0)).mean(axis=1)
        centre = float((frequencies_hz * weight).sum() / weight.sum())
        said.append(f"the {name} peaks at {format_number(peak)} dB and its energy is centred near {centre:.0f} Hz")
    return f"Spectrograms of {len(np.asarray(result)) / rate_hz:.1f} seconds on one scale: {'; '.join(said)}."
