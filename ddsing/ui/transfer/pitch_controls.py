"""The group *Pitch* of a transfer's controls: where the melody is moved, and to which notes it is drawn.

Semitones and cents are two fields for one setting, the transposition; the tonic is a part of the setting *scale*. They
follow their setting wherever it is set from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.sound import scales
from ddsing.transfer.settings import RANGES, text
from ddsing.ui.shell import errors
from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from ddsing.ui.shell.state import Desk

SEMITONES, CENTS, TONIC = "pitch.semitones", "pitch.cents", "pitch.tonic"  # parts of a desk
TUNINGS_HZ = (0.0, 415.0, 430.0, 432.0, 435.0, 438.0, 439.0, *(float(hz) for hz in range(440, 447)), 466.0)
MOST_CENTS = 99.0
HELP = {
    "octave_shift": "Moves the pitch by whole octaves into the instrument's range.",
    "transpose": "Moves the melody into another key, beside the octaves.",
    "cents": "Hundredths of a semitone, to fit the tuning of other instruments.",
    "autotune": "Moves the pitch towards the nearest semitone of the recording's own tuning, or towards the scale "
    "chosen below. 0 leaves it exactly as sung, 1 snaps fully.",
    "scale": "The notes that autotune moves the pitch to. Chromatic: every semitone. Key and tuning are those of the "
    "recording: a transposition comes after.",
    "tonic": "The note that the scale begins on.",
    "autotune_speed_ms": "The time in which the pitch is drawn to a note. 0: at once, as the well-known effect does. "
    "100 to 300 ms keep vibrato and slides.",
    "tuning_hz": "The pitch of A4 that autotune tunes to. As recorded: the tuning in which the recording is sung.",
}


def show(desk: Desk) -> None:
    """The group."""
    widgets.title("Pitch")
    widgets.slider(desk, "octave_shift", "Octave shift", HELP["octave_shift"], step=1)
    _transposition(desk)
    widgets.slider(desk, "autotune", "Autotune", HELP["autotune"], step=0.1)
    fold = widgets.more(desk, "Scale and tuning", "pitch")
    if fold.open:
        with fold:
            _of_autotune(desk)


def _of_autotune(desk: Desk) -> None:
    """To what, how fast, and in which tuning."""
    widgets.reason(desk, "scale")  # once for all three, which have the same
    _scale(desk)
    speed = HELP["autotune_speed_ms"]
    widgets.slider(desk, "autotune_speed_ms", "Autotune speed, ms", speed, step=10.0, told=False)
    _tuning(desk)


def _transposition(desk: Desk) -> None:
    """Both fields; they are set anew only where the setting has become another than they say together."""
    keys = desk.part(SEMITONES), desk.part(CENTS)
    wanted = float(st.session_state[desk.key("transpose")])
    semitones, cents = (float(st.session_state.get(one, 0.0)) for one in keys)
    if abs(semitones + cents / 100.0 - wanted) > 1e-9:
        semitones, cents = float(int(wanted)), round(100.0 * (wanted - int(wanted)), 6)
    st.session_state[keys[0]], st.session_state[keys[1]] = int(semitones), cents
    left, right = st.columns(2, gap="small")
    low, high = (int(end) for end in RANGES["transpose"])
    left.number_input(
        "Semitones",
        low,
        high,
        step=1,
        format="%d",
        key=keys[0],
        on_change=_transposed,
        args=(desk,),
        help=HELP["transpose"],
    )
    right.number_input(
        "Cents",
        -MOST_CENTS,
        MOST_CENTS,
        step=1.0,
        format="%g",
        key=keys[1],
        on_change=_transposed,
        args=(desk,),
        help=HELP["cents"],
    )


@errors.callback
def _transposed(desk: Desk) -> None:
    low, high = RANGES["transpose"]
    semitones, cents = (float(st.session_state[desk.part(one)]) for one in (SEMITONES, CENTS))
    st.session_state[desk.key("transpose")] = min(high, max(low, semitones + cents / 100.0))


def _scale(desk: Desk) -> None:
    """What is drawn to: the kind of scale, and unless it is chromatic, the note that it begins on."""
    key, tonic_key, idle = desk.key("scale"), desk.part(TONIC), "scale" in desk.reasons
    chosen = st.session_state[key] = desk.settings().scale
    tonic = (
        chosen.partition(":")[0] if chosen != scales.CHROMATIC else st.session_state.get(tonic_key, scales.TONICS[0])
    )
    st.selectbox(
        "Scale",
        [scales.CHROMATIC, *(f"{tonic}:{kind}" for kind in scales.SCALES)],
        key=key,
        format_func=_kind,
        disabled=idle,
        help=HELP["scale"],
        persist_state="session",
    )
    if chosen != scales.CHROMATIC:
        st.session_state[tonic_key] = tonic
        st.selectbox(
            "Key",
            scales.TONICS,
            key=tonic_key,
            format_func=scales.written,
            disabled=idle,
            on_change=_tonic,
            args=(desk,),
            help=HELP["tonic"],
        )


def _kind(name: str) -> str:
    kind = scales.titled(name.rpartition(":")[2])
    return kind[:1].upper() + kind[1:]


@errors.callback
def _tonic(desk: Desk) -> None:
    kind = st.session_state[desk.key("scale")].rpartition(":")[2]
    st.session_state[desk.key("scale")] = scales.Scale.parse(f"{st.session_state[desk.part(TONIC)]}:{kind}").name


def _tuning(desk: Desk) -> None:
    st.selectbox(
        "Tuning of A4",
        sorted({*TUNINGS_HZ, desk.settings().tuning_hz}),
        key=desk.key("tuning_hz"),
        format_func=lambda hz: text("tuning_hz", hz) if hz else "As recorded",
        disabled="tuning_hz" in desk.reasons,
        help=HELP["tuning_hz"],
        persist_state="session",
    )
