"""What a transfer sounds like by the instant tracker, where its take will be, while a better tracker works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import DdsingError
from ddsing.ui.player import players
from ddsing.ui.shell import errors, opened, trackers, work
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

POLL_S = 0.5


def show() -> None:
    """Nothing, unless the tab's work is a transfer that has a first sound, or will have one."""
    current = work.current()
    if current is None or not current.running or not (name := current.options.get("first_sound")):
        return
    from ddsing.transfer import first_sound

    path = first_sound.found(opened.workspace(), name)
    if path is None:
        _await(name)
        return
    with st.container(border=True, key="takes.first_version"), errors.guard():
        _version(path, name, current.options)


@st.fragment(run_every=POLL_S)
@errors.guarded
def _await(name: str) -> None:
    """The page runs again once it is there."""
    from ddsing.transfer import first_sound

    if first_sound.found(opened.workspace(), name) is not None:
        st.rerun(scope="app")


def _version(path: Path, name: str, options: Mapping[str, Any]) -> None:
    from ddsing.sound import audio, wave

    try:
        drawn, rate_hz = wave.of(audio.decode(path)), audio.probe(path).sample_rate_hz
        address = players.address(path, f"first_version.{name}")
    except (DdsingError, OSError):  # it has just been replaced by its take
        return
    instrument = " and ".join(plain(one["name"]) for one in options["instruments"])
    better = trackers.label(options["tracker"])
    st.markdown("### A first version")
    st.caption(
        f":material/bolt: {instrument} sings with the pitch found by the tracker **Instant**; refined when "
        f"**{better}** is done."
    )
    players.switcher(
        [players.track("First version", address, wave=drawn, rate_hz=rate_hz)],
        name="the first version",
        key=f"player.first_version.{name}",
        fresh=name,
    )
