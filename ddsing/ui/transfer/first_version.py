"""What there is of a take while it is rendered, or a first version while its pitch is found, where the take will be."""

from __future__ import annotations

import functools
import io
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import streamlit as st

from ddsing.sound import wave
from ddsing.ui.player import awaited, players
from ddsing.ui.shell import errors, opened, trackers, work
from ddsing.ui.shell.formatting import plain
from ddsing.ui.shell.ordered import Ordered
from ddsing.ui.transfer import play_at_once

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from streamlit.delta_generator import DeltaGenerator

    from ddsing.transfer.first_sound import FirstSound

POLL_S, HOSTED_POLL_S = 0.25, 1.0  # with many people, asking is most of what a server does
_MOMENT_S, _LOOK_S = 0.4, 0.01
_TAKEN_S = 0.3  # in which a worker that has nothing else to do sees an order
_BEGINS_S = 0.06  # in which a browser decodes what it was sent, and begins to play
_FIRST_S = 4.0  # of the first part at most: the server's other answers wait for it
_LEAST_S = 0.3  # of a part: what is shorter waits for more
_SO_FAR = "takes.so_far"


@dataclass(eq=False)
class _SoFar:
    """What this tab has read of a first sound: its parts, from sample to sample, and how it looks.

    `place` is where it is. Its player is `expected` on the page before there is anything to hear; `awaited` once the
    page has waited for its beginning, which is `sent` to the browser by another thread.
    """

    name: str
    place: Path
    rate_hz: int = 0
    parts: list[tuple[int, int]] = field(default_factory=list)
    levels: np.ndarray = field(default_factory=lambda: np.zeros(wave.N_PARTS, int))
    expected: bool = False
    awaited: bool = False
    sent: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(16))  # tabs need not have the same first part
    reading: threading.Lock = field(default_factory=threading.Lock)

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
    so_far = _of(first)
    if play_at_once.occasion():
        so_far.expected |= _begun(current, _TAKEN_S if not so_far.awaited else 0.0)
    every_s = HOSTED_POLL_S if isinstance(current, Ordered) else POLL_S
    st.fragment(_growing, run_every=every_s)(first, current.options)
    if so_far.expected:
        _await(so_far)
    so_far.awaited = True


def _begun(current: work.Work | Ordered, wait_s: float) -> bool:
    """Whether it is worked at; where nothing is ahead of it, that is in a moment."""
    until_s = time.monotonic() + wait_s
    while current.waits and current.running and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
    return not current.waits


def _await(so_far: _SoFar) -> None:
    """Leave the browser to the player for a moment: what was just asked for is heard before the rest is drawn."""
    until_s = time.monotonic() + _MOMENT_S
    while not so_far.sent and not so_far.awaited and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
    if so_far.sent and not so_far.awaited:
        time.sleep(_BEGINS_S)


@errors.guarded
def _growing(first: FirstSound, options: Mapping[str, Any]) -> None:
    so_far, current = _of(first), work.current()
    if current is not None and play_at_once.occasion():
        so_far.expected |= _begun(current, 0.0)
    _read_on(so_far, first)
    if so_far.parts or so_far.expected:
        _draw(first, options)
    if so_far.whole(first):
        st.rerun(scope="app")  # and look no more


def _of(first: FirstSound) -> _SoFar:
    found = st.session_state.get(_SO_FAR)
    if found is None or found.name != first.name:
        from ddsing.transfer import first_sound

        found = st.session_state[_SO_FAR] = _SoFar(first.name, first_sound.path(opened.workspace(), first.name))
    return found


def _read_on(so_far: _SoFar, first: FirstSound) -> None:
    with so_far.reading:
        _read(so_far, first)


def _read(so_far: _SoFar, first: FirstSound) -> None:
    from ddsing.transfer import first_sound

    most = -1 if so_far.parts else round(_FIRST_S * first.rate_hz)
    found = first_sound.read_on(so_far.place, so_far.end, most)
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
    address = functools.partial(_address, so_far.place, first.name)
    beginning = awaited.address(
        so_far.token, functools.partial(_beginning, so_far, first), f"first_version.{first.name}"
    )
    parts = [{"url": beginning, "at": 0.0}]
    parts += [{"url": address(*part), "at": part[0] / so_far.rate_hz} for part in so_far.parts[1:]]
    drawn = wave.Wave(first.duration_s, tuple(so_far.levels.tolist()))
    name = "the first version" if first.instant else "the new take"
    with st.container(border=True, key="takes.first_version"):
        st.markdown("### A first version" if first.instant else "### The new take")
        st.caption(f":material/bolt: {said}")
        players.switcher(
            [players.track(name, f"{first.name}.{so_far.end}", wave=drawn, rate_hz=first.rate_hz)],
            name=name,
            key=key(first.name),
            fresh=first.name,
            start=play_at_once.occasion(),
            interrupts=False,
            parts=parts,
        )


def _beginning(so_far: _SoFar, first: FirstSound) -> bytes | None:
    """The first part as a WAV, once there is one; for a thread of the server."""
    if not so_far.parts and so_far.place.exists():
        _read_on(so_far, first)
    if not so_far.parts:
        return None
    so_far.sent = True
    return _part(so_far.place, *so_far.parts[0])


def _address(place: Path, name: str, start: int, stop: int) -> str:
    sound = functools.partial(_part, place, start, stop)
    return players.address(sound, f"first_version.{name}.{start}", known=(name, start))


def _part(place: Path, start: int, stop: int) -> bytes:
    """A part as a WAV of its own."""
    from ddsing.transfer import first_sound

    audio, rate_hz = first_sound.read_on(place, start, stop - start) or (np.zeros(0, np.float32), 16_000)
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, rate_hz, format="WAV", subtype="FLOAT")
    return buffer.getvalue()
