"""Conversions between units, and how quantities are written for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ddsing.constants import HOP_SAMPLES

if TYPE_CHECKING:  # at run time only with arrays: what only writes sizes and durations does without
    from numpy.typing import ArrayLike

_NOTE_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def hz_to_midi(f0_hz: ArrayLike):
    """MIDI note numbers (A4 = 440 Hz = 69) of frequencies; 0 Hz and below give 0, as in ddsp.core.

    Parameters
    ----------
    f0_hz : array_like [shape=(...), float]
        Frequencies in Hz.

    Returns
    -------
    np.ndarray [shape=(...), float64]
        Fractional MIDI note numbers.
    """
    import numpy as np

    f0_hz = np.asarray(f0_hz, np.float64)
    positive = f0_hz > 0.0
    midi = 12.0 * np.log2(np.where(positive, f0_hz, 440.0) / 440.0) + 69.0
    return np.where(positive, midi, 0.0)


def midi_to_hz(midi: ArrayLike):
    """Frequencies in Hz of MIDI note numbers (69 = A4 = 440 Hz); the shape is kept, in float64."""
    import numpy as np

    return 440.0 * 2.0 ** ((np.asarray(midi, np.float64) - 69.0) / 12.0)


def n_frames(n_samples: int, *, centred: bool) -> int:
    """How many frames a sound has: `centred` ones stand at every 64th sample, its end included; others begin there."""
    return n_samples // HOP_SAMPLES + 1 if centred else -(-n_samples // HOP_SAMPLES)


def note_name(midi: float) -> str:
    """The nearest note's name in scientific pitch notation, such as ``A4`` or ``C♯5``."""
    nearest = round(float(midi))
    return f"{_NOTE_NAMES[nearest % 12]}{nearest // 12 - 1}"


def format_duration(duration_s: float) -> str:
    """A duration as a person says it: ``0.8 s``, ``23 s``, ``4 min 05 s``, ``2 h 10 min``."""
    if duration_s < 9.95:
        return f"{duration_s:.1f} s"
    total_s = round(duration_s)
    if total_s < 60:
        return f"{total_s} s"
    if total_s < 3600:
        return f"{total_s // 60} min {total_s % 60:02d} s"
    return f"{total_s // 3600} h {total_s % 3600 // 60:02d} min"


def format_number(value: float, *, digits: int = 0, sign: bool = False) -> str:
    """A number as it is printed: ``−37``, with the minus as wide as the plus; 0 has no sign, others with `sign` do."""
    number = f"{abs(value):.{digits}f}"
    if float(number) == 0:
        return number
    return ("−" if value < 0 else "+" if sign else "") + number


def format_range(low_s: float, high_s: float) -> str:
    """A time that is not known exactly, rounded outwards: ``2–3 min``, ``40 s–2 min``; one figure if both are one."""
    low_s, high_s = sorted((max(0.0, low_s), max(0.0, high_s)))
    if high_s < 3.0:
        return "a few seconds"
    step_s, unit_s, unit = _precision(high_s)
    high = f"{step_s * math.ceil(high_s / step_s) / unit_s:g} {unit}"
    least_s, least_unit_s, least_unit = (step_s, unit_s, unit) if low_s >= step_s else _precision(low_s)
    low = f"{max(least_s, least_s * math.floor(low_s / least_s)) / least_unit_s:g} {least_unit}"
    if low == high:
        return high
    return f"{low.removesuffix(f' {unit}')}–{high}"


def _precision(seconds: float) -> tuple[float, float, str]:
    """The step of a time shown, its unit in seconds, and how that is written."""
    if seconds < 90.0:
        return (1.0 if seconds < 10.0 else 5.0), 1.0, "s"
    return (60.0, 60.0, "min") if seconds < 5_400.0 else (1_800.0, 3_600.0, "h")


def format_bytes(n_bytes: float) -> str:
    """A size in decimal units, as file managers show it: ``640 B``, ``2.8 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            return f"{n_bytes:.0f} B" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000.0
    raise AssertionError("unreachable")
