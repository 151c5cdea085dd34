"""The weights of a morph over time, stacked."""

import numpy as np
import plotly.graph_objects as go

from ddsing.constants import FRAME_RATE
from ddsing.plots import style
from ddsing.plots.curves import COLOURS
from ddsing.transfer.morph import Morph

_STEP_FRAMES = 25


def figure(morph: Morph, duration_s: float) -> go.Figure:
    """How much of each instrument is heard at every moment."""
    n_frames = max(2, round(duration_s * FRAME_RATE))
    frames = np.unique(np.append(np.arange(0, n_frames, _STEP_FRAMES), n_frames - 1))
    weights = morph.weights(n_frames)[frames]
    result = go.Figure()
    for name, colour, share in zip(morph.names, COLOURS, weights.T):
        result.add_scatter(
            x=(frames / FRAME_RATE).astype(np.float32),
            y=(100 * share).astype(np.float32),
            name=name,
            mode="lines",
            line={"width": 0.5, "color": colour},
            stackgroup="all",
            hovertemplate="%{y:.0f} %",
        )
    style.finish(result, height=230)
    result.update_yaxes(range=[0, 100], title_text="share, %", tickvals=[0, 25, 50, 75, 100])
    result.update_xaxes(range=[0, duration_s], title_text="time, s")
    return result


def alt_text(morph: Morph) -> str:
    """The figure in words."""
    return f"Shares of the instruments over time: {morph.said()}."
