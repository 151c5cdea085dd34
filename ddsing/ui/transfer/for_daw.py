"""Several takes for a DAW: which, and one file with the parts of all of them."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import MAX_TRANSFER_S
from ddsing.ui.shell import errors, opened, values
from ddsing.ui.shell.formatting import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ddsing.transfer.take import Take

MOST_S = MAX_TRANSFER_S  # of sound at a time, all of which is in memory
FEW = 5  # takes that are chosen at first, the newest
_PANEL, _CHOSEN = "takes.daw", "takes.daw.chosen"


def show(found: Mapping[str, Take], called: Mapping[str, str]) -> None:
    """The button that opens the choice, where there are several takes.

    Parameters
    ----------
    found, called : Mapping[str, ...]
        All takes, the newest first, and their titles, by their ids.
    """
    if len(found) < 2:
        return
    panel = st.popover(
        "Several for a DAW",
        icon=":material/library_music:",
        key=_PANEL,
        on_change="rerun",
        help="The parts of several takes in one file, for music software such as Ableton Live, Logic or Reaper.",
    )
    if panel.open:
        with panel, errors.guard():
            _choose(found, called)


def _choose(found: Mapping[str, Take], called: Mapping[str, str]) -> None:
    ids = list(found)
    values.keep(_CHOSEN, _at_first(found))
    st.session_state[_CHOSEN] = [one for one in st.session_state[_CHOSEN] if one in found]
    chosen = st.multiselect(
        "Takes",
        ids,
        key=_CHOSEN,
        format_func=lambda one: called.get(one, one),
        placeholder="Choose takes",
        help="Each gets a folder in the file.",
    )
    reason = _missing([found[one] for one in chosen])
    count = f"{len(chosen)} takes" if len(chosen) != 1 else "1 take"
    st.download_button(
        f"Download {count}" if chosen else "Download",
        data=functools.partial(_bundle, chosen),
        file_name="takes for a DAW.zip",
        mime="application/zip",
        key="takes.daw.download",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        width="stretch",
        disabled=reason is not None,
        help="Result, harmonic part, noise and recording of each as 24-bit WAV files that begin together, a marker for "
        "every note, and the notes as MIDI.",
    )
    if reason is not None:
        st.caption(f":material/info: {reason}")


def _at_first(found: Mapping[str, Take]) -> list[str]:
    """The newest takes, as many as fit."""
    chosen: list[str] = []
    for one in list(found)[:FEW]:
        if _missing([found[kept] for kept in [*chosen, one]]) is None:
            chosen.append(one)
    return chosen


def _missing(takes: Sequence[Take]) -> str | None:
    if not takes:
        return "Choose takes first."
    total_s = sum(take.duration_s for take in takes)
    if total_s > MOST_S:
        return (
            f"These are {format_duration(total_s)} of sound, and one file can have {format_duration(MOST_S)}. Choose "
            "fewer."
        )
    return None


def _bundle(ids: Sequence[str]) -> bytes:
    from ddsing.play import daw
    from ddsing.transfer import titles

    takes = [opened.takes().get(one) for one in ids]
    called, buffer = titles.of(takes), io.BytesIO()
    daw.bundle_several(buffer, [(called[take.id], take) for take in takes])
    return buffer.getvalue()
