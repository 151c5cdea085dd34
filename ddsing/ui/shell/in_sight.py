"""Figures below the fold: drawn once they come near to what is in sight, and their place is kept free until then.

The browser takes half a second to evaluate Plotly and to draw a figure, and the server reads sounds for some. A page of
which nobody scrolls down is complete without that. Whoever scrolls there finds the figure drawn, or sees it come; once
the page or the fold was left, it waits again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell import errors

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PLACE = "in-sight"  # as page.css and the browser know it
_HTML = "<p>Scroll here once before you print to see this figure.</p>"
_CSS = "p { display: none; margin: 0; } @media print { p { display: block; } }"
_JS = """export default function ({ parentElement, data, setStateValue }) {
  const place = (parentElement.host ?? parentElement).closest('[class*="st-key-in-sight-place"]')
  place.style.minHeight = `${data.height_px}px`
  parentElement.querySelector("p").hidden = data.seen
  place.ignoreSight?.()
  if (data.seen) return
  const app = document.querySelector('[data-testid="stApp"]')
  const look = () => {  // what is above it may still be to come, and moves it down
    if (app.dataset.testScriptState !== "notRunning" || document.querySelector('[data-testid="stSkeleton"]')) return
    place.ignoreSight()
    setStateValue("seen", true)
  }
  let looking
  const watch = new IntersectionObserver((seen) => {
    clearInterval(looking)
    if (seen.at(-1).isIntersecting) looking = setInterval(look, 50)
  }, { root: document.querySelector('[data-testid="stMain"]'), rootMargin: "200px 0px" })
  watch.observe(place)
  place.ignoreSight = () => {
    watch.disconnect()
    clearInterval(looking)
  }
  return place.ignoreSight
}
"""
_watch = st.components.v2.component("ddsing_in_sight", html=_HTML, css=_CSS, js=_JS)


def figure(make: Callable[[], tuple[go.Figure, str]], height_px: int, *, key: str) -> None:
    """The place of a figure on the page, and the figure in it once the place has come into sight.

    Its place runs by itself then: the rest of the page, where something may play, stays as it is.

    Parameters
    ----------
    make : callable
        Gives the figure, and the same in words.
    height_px : int
        The figure's height, which the place has from the beginning, so that nothing moves when it comes.
    key : str
        The figure's.
    """
    st.fragment(errors.guarded(_place))(make, height_px, key)


def _place(make: Callable[[], tuple[go.Figure, str]], height_px: int, key: str) -> None:
    name, known = f"{_PLACE}.{key}", st.session_state.get(f"{_PLACE}.{key}")
    seen = bool(known and known.seen)
    with st.container(key=f"{_PLACE}-place.{key}", gap=None):
        _watch(key=name, data={"height_px": height_px, "seen": seen}, default={"seen": False}, on_seen_change=_noted)
        if seen:
            from ddsing.plots import style

            made, alt = make()
            st.plotly_chart(made, key=key, config=style.CONFIG, alt=alt)


def _noted() -> None:
    """The run that follows draws it."""
