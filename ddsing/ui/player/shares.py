"""Shares over time, stacked: how much of each of several things there is at every moment.

A small component of the page itself, as the players are: the browser has drawn it before it would have read Plotly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.player.players import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARES = """<div class="stage">
<div class="drawn"></div>
<div class="cursor" hidden></div>
<div class="readout" hidden></div>
<div class="buttons">
<button type="button" class="whole" hidden>Show all</button>
<button type="button" class="save">Save as SVG</button>
</div>
</div>"""

_shares = st.components.v2.component(
    "ddsing_shares", html=SHARES, css=text_of("shares.css"), js=text_of("calls.js", "shares.js")
)


def show(
    points: Sequence[tuple[float, Sequence[float]]], names: Sequence[str], *, duration_s: float, said: str, key: str
) -> None:
    """The figure.

    Parameters
    ----------
    points : Sequence of (float, Sequence[float])
        Moments in seconds, ascending, and the shares there, one for each name, which add up to 1. They run linearly
        from moment to moment, and are the same before the first and after the last.
    names : Sequence of str
        Of up to four things.
    said : str
        What is seen, in words.
    """
    data = {
        "points": [[time_s, list(shares)] for time_s, shares in points],
        "names": list(names),
        "duration_s": duration_s,
        "said": said,
    }
    _shares(key=key, data=data)
