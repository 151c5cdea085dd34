"""Pitch curves as tables of text: ``time,frequency,confidence``, in seconds and Hz, 0 Hz where nothing is voiced.

What is read may also come from other programs: Sonic Visualiser and Tony (no header, with or without labels; only rows
that are voiced), CREPE, Praat (columns by spaces, ``--undefined--``), spreadsheets (semicolons or tabs, a BOM).
Columns are told by their header, or are time, frequency and confidence in that order.

Public: `Track`, `read`, `write`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass

import numpy as np

from ddsing.constants import FRAME_RATE
from ddsing.errors import FeaturesError
from ddsing.units import hz_to_midi, midi_to_hz

MAX_BYTES = 30_000_000
HEADER = ("time", "frequency", "confidence")
_TIMES = ("time", "times", "t", "time s", "time_s", "times s", "seconds", "sec", "start", "onset")
_FREQUENCIES = ("frequency", "freq", "f0", "f0 hz", "pitch", "pitch hz", "frequency hz", "hz", "value", "f 0")
_CONFIDENCES = ("confidence", "f0 confidence", "voicing", "voiced prob", "probability", "periodicity", "strength")
_UNDEFINED = ("", "--undefined--", "undefined", "nan", "na", "none", "-")
_HIGHEST_HZ = 8_000.0
_LONGEST_STEP_S = 0.1
_ON_FRAME_S = 1e-5


@dataclass(frozen=True, eq=False)
class Track:
    """A table's rows.

    Attributes
    ----------
    time_s : np.ndarray [shape=(n_rows,), float64]
        Ascending.
    f0_hz : np.ndarray [shape=(n_rows,), float64]
        0 where nothing is voiced.
    confidence : np.ndarray [shape=(n_rows,), float64] or None
        None if the table says nothing about it.
    """

    time_s: np.ndarray
    f0_hz: np.ndarray
    confidence: np.ndarray | None

    def frames(self, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Pitch, 0 where nothing is voiced, and confidence at 250 frames a second [shape=(n_frames,), float32].

        A row at a frame's time is taken as it is. Between two voiced rows the way is straight in semitones, unless they
        are more than three steps apart; elsewhere a frame is as the row that is at most three quarters of a step away.
        """
        at_s = np.arange(n_frames) / FRAME_RATE
        step_s = float(np.median(np.diff(self.time_s)))
        after = np.clip(np.searchsorted(self.time_s, at_s), 1, len(self.time_s) - 1)
        before = after - 1
        width_s = self.time_s[after] - self.time_s[before]
        share = np.clip((at_s - self.time_s[before]) / width_s, 0.0, 1.0)
        nearest = np.where(share < 0.5, before, after)
        exact = np.abs(self.time_s[nearest] - at_s) < _ON_FRAME_S
        far = np.abs(self.time_s[nearest] - at_s) > 0.75 * step_s
        voiced = self.f0_hz > 0
        inside = (at_s >= self.time_s[0]) & (at_s <= self.time_s[-1])
        both = inside & voiced[before] & voiced[after] & (width_s <= 3 * step_s)
        midi = hz_to_midi(self.f0_hz)
        between = midi_to_hz((1 - share) * midi[before] + share * midi[after])
        f0_hz = np.where(both & ~exact, between, self.f0_hz[nearest])
        f0_hz = np.where(~both & (far | ~voiced[nearest]), 0.0, f0_hz).astype(np.float32)
        if self.confidence is None:
            return f0_hz, (f0_hz > 0).astype(np.float32)
        said = (1 - share) * self.confidence[before] + share * self.confidence[after]
        said = np.where(exact, self.confidence[nearest], said)
        return f0_hz, np.where(f0_hz > 0, said, 0.0).astype(np.float32)


def write(f0_hz: np.ndarray, confidence: np.ndarray, **more: np.ndarray) -> bytes:
    """A table of a curve, with further columns by name; numbers with as many digits as give back their bits.

    Parameters
    ----------
    f0_hz : np.ndarray [shape=(n_frames,), float32]
        0 where nothing is voiced.
    confidence : np.ndarray [shape=(n_frames,), float32]
    """
    columns = [f0_hz, confidence, *more.values()]
    lines = [",".join((*HEADER, *more))]
    for frame, row in enumerate(zip(*(np.asarray(one, np.float32) for one in columns))):
        lines.append(",".join([f"{frame / FRAME_RATE:.3f}", *(_digits(value) for value in row)]))
    return ("\n".join(lines) + "\n").encode("ascii")


def _digits(value: np.float32) -> str:
    return np.format_float_positional(value, unique=True, trim="-")


def read(content: bytes) -> Track:
    """The rows of a table; raises `FeaturesError` with one sentence for what can't be one."""
    if len(content) > MAX_BYTES:
        raise FeaturesError(f"The table has {len(content):,} bytes; the limit is {MAX_BYTES:,}.")
    rows = _cells(_text(content))
    if not rows:
        raise FeaturesError("The table is empty. It needs rows of time and frequency, in seconds and Hz.")
    named = _number(rows[0][1][0]) is None and any(letter.isalpha() for cell in rows[0][1] for letter in cell)
    header = [_name(cell) for cell in rows[0][1]] if named else None
    body = rows[1:] if header else rows
    places = _by_name(header) if header else (0, 1, 2)
    if len(body) < 2:
        raise FeaturesError(f"The table has {len(body)} rows of numbers; a pitch curve needs at least two.")
    return _track(body, places, named=header is not None)


def _text(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """(line number, cells) of the lines that are not empty and no comments."""
    lines = [(number, line) for number, line in enumerate(text.replace("\0", "").splitlines(), 1) if line.strip()]
    lines = [(number, line) for number, line in lines if not line.lstrip().startswith(("#", "%"))]
    if not lines:
        return []
    sample = [line for _, line in lines[:20]]
    if len(lines) > 1:
        sample = sample[1:]
    separator = next((one for one in "\t;," if 2 * sum(one in line for line in sample) >= len(sample)), None)
    if separator is None:
        return [(number, line.split()) for number, line in lines]
    try:
        cells = [next(csv.reader(io.StringIO(line), delimiter=separator), []) for _, line in lines]
    except csv.Error:
        raise FeaturesError("The table can't be read: its quotation marks don't match. Export it again.") from None
    return [(number, [cell.strip() for cell in row]) for (number, _), row in zip(lines, cells) if row]


def _name(cell: str) -> str:
    """A column's name without units' brackets and case: ``F0_Hz`` and ``f0 (Hz)`` are one."""
    return " ".join(re.sub(r"[^a-z0-9]+", " ", cell.lower()).split())


def _by_name(header: list[str]) -> tuple[int, int, int | None]:
    def find(names: tuple[str, ...]) -> int | None:
        return next((header.index(name) for name in names if name in header), None)

    time, frequency = find(_TIMES), find(_FREQUENCIES)
    if time is None or frequency is None:
        said = ", ".join(name or "(no name)" for name in header[:8])
        raise FeaturesError(f"The table's columns are {said[:200]}; it needs time and frequency, in seconds and Hz.")
    return time, frequency, find(_CONFIDENCES)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _track(body: list[tuple[int, list[str]]], places: tuple[int, int, int | None], *, named: bool) -> Track:
    time, frequency, third = places
    times, pitches, said = [], [], []
    for number, cells in body:
        if len(cells) <= max(time, frequency):
            raise FeaturesError(f"Line {number} of the table has no time and frequency: {','.join(cells)[:60]!r}.")
        times.append(_value(cells[time], number, "time"))
        pitches.append(0.0 if cells[frequency].lower() in _UNDEFINED else _value(cells[frequency], number, "frequency"))
        cell = cells[third] if third is not None and third < len(cells) else ""
        said.append(_number(cell))
    time_s, f0_hz = np.array(times), np.maximum(np.array(pitches), 0.0)  # pYIN's are negative where it hears none
    _check(time_s, f0_hz, body)
    known = all(one is not None and 0.0 <= one <= 1.0 for one in said)
    if named and third is not None and not known:
        raise FeaturesError("The table's confidence must be a number from 0 to 1 in every row. Leave the column out.")
    return Track(time_s, f0_hz, np.array(said, np.float64) if known else None)


def _value(cell: str, number: int, what: str) -> float:
    value = _number(cell)
    if value is None and re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell):
        raise FeaturesError(
            f"The {what} in line {number} of the table is {cell[:40]!r}, with a decimal comma. "
            "Export it with decimal points."
        )
    if value is None or not math.isfinite(value):
        raise FeaturesError(f"The {what} in line {number} of the table is {cell[:40]!r}; it must be a number.")
    return value


def _check(time_s: np.ndarray, f0_hz: np.ndarray, body: list[tuple[int, list[str]]]) -> None:
    wrong = np.flatnonzero(np.diff(time_s) <= 0)
    if len(wrong):
        number, cells = body[int(wrong[0]) + 1]
        comma = len(cells) >= 4 and all(re.fullmatch(r"[+-]?\d+", cell) for cell in cells[:4])
        hint = " If it has decimal commas, export it with decimal points." if comma else ""
        raise FeaturesError(f"The times of the table must ascend; in line {number} they don't.{hint}")
    if time_s[0] < -1.0:
        raise FeaturesError(f"The table's first time is {time_s[0]:g} s; times count from the recording's beginning.")
    step_s = float(np.median(np.diff(time_s)))
    if step_s > _LONGEST_STEP_S:
        raise FeaturesError(
            f"The rows of the table are {step_s:g} s apart; a pitch curve has one at least every {_LONGEST_STEP_S:g} "
            "s. Times must be in seconds; notes can be imported as MIDI."
        )
    if not f0_hz.any():
        raise FeaturesError("Nothing is voiced in the table: all its frequencies are 0.")
    if f0_hz.max() > _HIGHEST_HZ:
        raise FeaturesError(f"The table has a frequency of {f0_hz.max():g} Hz; the limit is {_HIGHEST_HZ:g} Hz.")
