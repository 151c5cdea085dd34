"""The plug-in ddsp-vst's file of an instrument."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.dataset import cache
from ddsing.ui.instrument import made_files
from ddsing.ui.shell import per_workspace

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry

LABEL = "The file for the plug-in ddsp-vst"


@per_workspace.resource(max_entries=1, show_spinner=False)
def _made() -> cache.Kept:
    return cache.Kept(made_files.MOST)


def _make(instrument: Instrument, progress: Callable[[str, float], None]) -> bytes:
    from ddsing.instrument.vst import writing

    return writing.bytes_from_child(instrument, progress=progress)


KIND = made_files.Kind(
    key="vst",
    label=LABEL,
    help="One .tflite file, to play the instrument in a DAW.",
    ready="The file for ddsp-vst is ready.",
    purpose="ddsp-vst",
    doing="loading TensorFlow, writing the model",
    suffix=".tflite",
    mime="application/octet-stream",
    make=_make,
    made=_made,
)


def show(entry: Entry) -> None:
    """The button that makes it, or, once it is made, the download with where to put it."""
    from ddsing.instrument.vst import writing

    reason = writing.why_not(entry.config) if entry.config else ""
    KIND.show(entry, why_not=reason)
    if not reason:
        st.caption(f":material/info: {writing.WHERE_MARKDOWN}")
