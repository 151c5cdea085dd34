"""The group *Pitch* of a transfer's controls: where the melody is moved, and to which notes it is drawn.

Semitones and cents are two fields for one setting, the transposition; the tonic is a part of the setting *scale*. They
follow their setting wherever it is set from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.sound import scales
from ddsing.transfer.settings import RANGES, text
from ddsing.ui.shell import errors, state
from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from collections.abc import Mapping

SEMITONES, CENTS, TONIC = "pitch.semitones", "pitch.cents", "pitch.tonic"
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


def show(reasons: Mapping[str, str]) -> None:
    """The group; `reasons` has why a field does nothing as the others stand."""
    widgets.title("Pitch")
    _slider("octave_shift", "Octave shift", -3, 3, 1, "%d", reasons)
    _transposition()
    _slider("autotune", "Autotune", 0.0, 1.0, 0.1, "%.1f", reasons)
    with widgets.more("Scale and tuning", "pitch"):
        widgets.reason("scale", reasons)  # once for all three, which have the same
        _scale(reasons)
        _slider("autotune_speed_ms", "Autotune speed, ms", 0.0, 1000.0, 10.0, "%.0f", reasons, told=False)
        _tuning(reasons)


def _transposition() -> None:
    """Both fields; they are set anew only where the setting has become another than they say together."""
    key = state.key("transpose")
    wanted = float(st.session_state[key])
    semitones, cents = (float(st.session_state.get(one, 0.0)) for one in (SEMITONES, CENTS))
    if abs(semitones + cents / 100.0 - wanted) > 1e-9:
        semitones, cents = float(int(wanted)), round(100.0 * (wanted - int(wanted)), 6)
    st.session_state[SEMITONES], st.session_state[CENTS] = int(semitones), cents
    left, right = st.columns(2, gap="small")
    low, high = (int(end) for end in RANGES["transpose"])
    left.number_input(
        "Semitones", low, high, step=1, format="%d", key=SEMITONES, on_change=_transposed, help=HELP["transpose"]
    )
    right.number_input(
        "Cents", -MOST_CENTS, MOST_CENTS, step=1.0, format="%g", key=CENTS, on_change=_transposed, help=HELP["cents"]
    )


@errors.callback
def _transposed() -> None:
    low, high = RANGES["transpose"]
    total = float(st.session_state[SEMITONES]) + float(st.session_state[CENTS]) / 100.0
    st.session_state[state.key("transpose")] = min(high, max(low, total))


def _scale(reasons: Mapping[str, str]) -> None:
    """What is drawn to: the kind of scale, and unless it is chromatic, the note that it begins on."""
    key, idle = state.key("scale"), "scale" in reasons
    chosen = st.session_state[key] = state.settings().scale
    tonic = chosen.partition(":")[0] if chosen != scales.CHROMATIC else st.session_state.get(TONIC, scales.TONICS[0])
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
        st.session_state[TONIC] = tonic
        st.selectbox(
            "Key",
            scales.TONICS,
            key=TONIC,
            format_func=scales.written,
            disabled=idle,
            on_change=_tonic,
            help=HELP["tonic"],
        )


def _kind(name: str) -> str:
    kind = scales.titled(name.rpartition(":")[2])
    return kind[:1].upper() + kind[1:]


@errors.callback
def _tonic() -> None:
    kind = st.session_state[state.key("scale")].rpartition(":")[2]
    st.session_state[state.key("scale")] = scales.Scale.parse(f"{st.session_state[TONIC]}:{kind}").name


def _tuning(reasons: Mapping[str, str]) -> None:
    key = state.key("tuning_hz")
    st.selectbox(
        "Tuning of A4",
        sorted({*TUNINGS_HZ, state.settings().tuning_hz}),
        key=key,
        format_func=lambda hz: text("tuning_hz", hz) if hz else "As recorded",
        disabled="tuning_hz" in reasons,
        help=HELP["tuning_hz"],
        persist_state="session",
    )


def _slider(
    field: str,
    label: str,
    low: float,
    high: float,
    step: float,
    number: str,
    reasons: Mapping[str, str],
    *,
    told: bool = True,
) -> None:
    widgets.slider(field, label, low, high, step, number, help_text=HELP[field], reasons=reasons, told=told)
