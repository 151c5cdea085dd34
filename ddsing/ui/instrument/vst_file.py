"""The plug-in ddsp-vst's file of an instrument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.dataset import cache
from ddsing.ui.instrument import made_files
from ddsing.ui.shell import per_workspace

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry

LABEL = "The file for the plug-in ddsp-vst"
NEAR_LABEL = "An approximation for the plug-in ddsp-vst"


@per_workspace.resource(max_entries=1, show_spinner=False)
def _made() -> cache.Kept:
    return cache.Kept(made_files.MOST)


def _make(instrument: Instrument, progress: Callable[[str, float], None]) -> bytes:
    from ddsing.instrument.vst import writing

    return writing.bytes_from_child(instrument, progress=progress)


@per_workspace.resource(max_entries=1, show_spinner=False)
def _made_near() -> cache.Kept:
    return cache.Kept(made_files.MOST)


def _make_near(instrument: Instrument, progress: Callable[[str, float], None]) -> bytes:
    from ddsing.instrument.vst import approximating

    return approximating.bytes_from_child(instrument, progress=progress)


def _told(made: bytes) -> str:
    from ddsing.instrument.vst import approximating

    return approximating.said(approximating.measured(made))


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

NEAR = replace(
    KIND,
    key="vst_near",
    label=NEAR_LABEL,
    help="One .tflite file that sounds nearly like this instrument in a DAW. How near is measured and shown.",
    ready="The approximation for ddsp-vst is ready.",
    make=_make_near,
    made=_made_near,
    told=_told,
)


def show(entry: Entry) -> None:
    """The button that makes it, or, once it is made, the download with where to put it."""
    from ddsing.instrument.vst import approximating, writing

    reason = writing.why_not(entry.config) if entry.config else ""
    KIND.show(entry, why_not=reason)
    near = bool(reason) and entry.config is not None and not approximating.why_not(entry.config)
    if near:
        NEAR.show(entry)
    if near or not reason:
        st.caption(f":material/info: {writing.WHERE_MARKDOWN}")
