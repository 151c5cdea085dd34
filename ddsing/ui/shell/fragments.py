"""Parts of a page that run alone, where they have to know whether they do: the run of the page draws them too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable


def alone(draw: Callable[[bool], object]) -> None:
    """Draw a part of the page, and that part alone after a change of one of its controls.

    Parameters
    ----------
    draw : callable
        Called with whether the part runs alone.
    """
    of_the_page = [True]

    def run() -> None:
        draw(not (of_the_page and of_the_page.pop()))

    st.fragment(run)()
