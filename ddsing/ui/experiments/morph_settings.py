"""The settings of a morph: the controls of a transfer on a desk of their own, and how the address has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.ui.shell import caches, links, morph_link
from ddsing.ui.shell.state import Desk
from ddsing.ui.transfer import controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddsing.instrument.library import Entry
    from ddsing.sound.recording import Recording

TRACKER = "morph-tracker"
DESK = Desk(TRACKER, prefix="morph.", addressed=True)


def prepare() -> None:
    """Put tracker and settings in place: those of a link that is followed, else as they were left."""
    DESK.prepare()
    links.choice(TRACKER, TRACKERS, "full")
    said = {name: links.asked(name) for name in morph_link.SETTINGS}
    if any(values is not None for values in said.values()):
        DESK.apply(morph_link.read_settings({name: values[0] for name, values in said.items() if values}))


def show(instruments: Sequence[Entry], sound: Recording | None) -> None:
    """The controls; the address says how they stand."""
    known = caches.analysed(sound.key) if sound is not None else set()
    chosen = controls.tracker(None if sound is None else sound.duration_s, known, DESK)
    links.keep(TRACKER, [chosen] if chosen != "full" else [])
    controls.of_a_mixture(DESK, instruments)
    for name, said in morph_link.settings_query(DESK.settings()).items():
        links.keep(name, [said] if said else [])


def tracker() -> str:
    """The tracker that is chosen."""
    return str(st.session_state[TRACKER])
