"""The 2021 notebooks' zip of an instrument."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.instrument.notebook import NO_TOP, why_not
from ddsing.ui.dataset import cache
from ddsing.ui.instrument import made_files
from ddsing.ui.shell import per_workspace

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry

LABEL = "The 2021 notebooks' format"


@per_workspace.resource(max_entries=1, show_spinner=False)
def _made() -> cache.Kept:
    return cache.Kept(made_files.MOST)


def _make(instrument: Instrument, progress: Callable[[str, float], None]) -> bytes:
    from ddsing.instrument import notebook

    return notebook.notebook_bytes_from_child(instrument, progress=progress)


KIND = made_files.Kind(
    key="notebook",
    label=LABEL,
    help="Checkpoint, gin and statistics, for the Colab notebooks.",
    ready="The zip for the 2021 notebooks is ready.",
    purpose="the notebooks",
    doing="loading TensorFlow, writing the checkpoint",
    suffix="_notebook.zip",
    mime="application/zip",
    make=_make,
    made=_made,
)


def show(entry: Entry) -> None:
    """The button that makes it, or, once it is made, the download."""
    if entry.top is not None:
        st.caption(f":material/info: {NO_TOP}")
    KIND.show(entry, why_not=why_not(entry.config) if entry.config else "")
