"""What there is of a take while it is rendered, or a first version while its pitch is found, where the take will be."""

from __future__ import annotations

import functools
import io
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import streamlit as st

from ddsing.sound import wave
from ddsing.ui.player import players
from ddsing.ui.shell import errors, opened, trackers, work
from ddsing.ui.shell.formatting import plain
from ddsing.ui.shell.ordered import Ordered
from ddsing.ui.transfer import play_at_once

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from streamlit.delta_generator import DeltaGenerator

    from ddsing.transfer.first_sound import FirstSound

POLL_S, HOSTED_POLL_S = 0.25, 1.0  # with many people, asking is most of what a server does
_MOMENT_S, _LOOK_S = 0.4, 0.01
_LEAST_S = 0.3  # of a part: what is shorter waits for more
_SO_FAR = "takes.so_far"


@dataclass(eq=False)
class _SoFar:
    """What this tab has read of a first sound: its parts, from sample to sample, and how it looks.

    `awaited` once the page has waited for its beginning.
    """

    name: str
    rate_hz: int = 0
    parts: list[tuple[int, int]] = field(default_factory=list)
    levels: np.ndarray = field(default_factory=lambda: np.zeros(wave.N_PARTS, int))
    awaited: bool = False

    @property
    def end(self) -> int:
        """Samples that were read."""
        return self.parts[-1][1] if self.parts else 0

    def whole(self, first: FirstSound) -> bool:
        """Whether that is all of it."""
        return bool(self.parts) and self.end >= round(first.duration_s * self.rate_hz)


def key(name: str) -> str:
    """What the player of a first sound is called in the page."""
    return f"player.first_version.{name}"


def show(place: DeltaGenerator) -> None:
    """Nothing, unless the tab's work makes a take that is heard before it is there."""
    with place, errors.guard():
        _show()


def _show() -> None:
    from ddsing.transfer.first_sound import FirstSound

    current = work.current()
    first = None if current is None or not current.running else FirstSound.of(current.options.get("first_sound"))
    if current is None or first is None:
        st.session_state.pop(_SO_FAR, None)
        return
    if _of(first).whole(first):
        _draw(first, current.options)
        return
    if not current.waits and play_at_once.occasion():
        _await(first)
    every_s = HOSTED_POLL_S if isinstance(current, Ordered) else POLL_S
    st.fragment(_growing, run_every=every_s)(first, current.options)


def _await(first: FirstSound) -> None:
    """Look on for a moment, so that what was just asked for is heard at once and not by the next poll."""
    so_far, until_s = _of(first), time.monotonic() + _MOMENT_S
    while not so_far.parts and not so_far.awaited and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
        _read_on(so_far, first)
    so_far.awaited = True


@errors.guarded
def _growing(first: FirstSound, options: Mapping[str, Any]) -> None:
    so_far = _of(first)
    _read_on(so_far, first)
    if so_far.parts:
        _draw(first, options)
    if so_far.whole(first):
        st.rerun(scope="app")  # and look no more


def _of(first: FirstSound) -> _SoFar:
    found = st.session_state.get(_SO_FAR)
    if found is None or found.name != first.name:
        found = st.session_state[_SO_FAR] = _SoFar(first.name)
    return found


def _place(first: FirstSound) -> Path:
    from ddsing.transfer import first_sound

    return first_sound.path(opened.workspace(), first.name)


def _read_on(so_far: _SoFar, first: FirstSound) -> None:
    from ddsing.transfer import first_sound

    found = first_sound.read_on(_place(first), so_far.end)
    if found is None:
        return
    audio, so_far.rate_hz = found
    start, n_samples = so_far.end, max(1, round(first.duration_s * so_far.rate_hz))
    stop = start + len(audio)
    if stop - start < _LEAST_S * so_far.rate_hz and (stop < n_samples or start == stop):
        return
    so_far.levels = wave.grown(so_far.levels, audio, start, n_samples)
    so_far.parts.append((start, stop))


def _draw(first: FirstSound, options: Mapping[str, Any]) -> None:
    so_far = _of(first)
    singers = " and ".join(plain(one["name"]) for one in options["instruments"])
    said = f"{singers} sings it already, while the rest is rendered. It is kept when it is complete."
    if first.instant:
        better = trackers.label(options["tracker"])
        said = f"{singers} sings with the pitch found by the tracker **Instant**; refined when **{better}** is done."
    address = functools.partial(_address, _place(first), first.name)
    parts = [{"url": address(*part), "at": part[0] / so_far.rate_hz} for part in so_far.parts]
    drawn = wave.Wave(first.duration_s, tuple(so_far.levels.tolist()))
    name = "the first version" if first.instant else "the new take"
    with st.container(border=True, key="takes.first_version"):
        st.markdown("### A first version" if first.instant else "### The new take")
        st.caption(f":material/bolt: {said}")
        players.switcher(
            [players.track(name, f"{first.name}.{so_far.end}", wave=drawn, rate_hz=so_far.rate_hz)],
            name=name,
            key=key(first.name),
            fresh=first.name,
            start=play_at_once.occasion(),
            interrupts=False,
            parts=parts,
        )


def _address(place: Path, name: str, start: int, stop: int) -> str:
    sound = functools.partial(_part, place, start, stop)
    return players.address(sound, f"first_version.{name}.{start}", known=(name, start))


def _part(place: Path, start: int, stop: int) -> bytes:
    """A part as a WAV of its own."""
    from ddsing.transfer import first_sound

    audio, rate_hz = first_sound.read_on(place, start) or (np.zeros(0, np.float32), 16_000)
    buffer = io.BytesIO()
    soundfile.write(buffer, audio[: stop - start], rate_hz, format="WAV", subtype="FLOAT")
    return buffer.getvalue()
