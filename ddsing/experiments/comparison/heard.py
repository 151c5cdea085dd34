"""How loud a take's sounds are and how they look, kept on disk: a page with many takes need not read their sound.

Kept in the workspace's cache, a file for each take; a sound counts by its file's size and time of change.

Public: `Heard`, `of`, `remember`.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ddsing import files
from ddsing.constants import SAMPLE_RATE
from ddsing.errors import TakeError
from ddsing.experiments.comparison.matching import Loudness
from ddsing.sound import wave
from ddsing.sound.wave import Wave
from ddsing.transfer.take import Take

SOUNDS = ("result", "original", "harmonic", "noise")
FOLDER = "heard"  # in the cache
_VERSION = 1
_measuring = threading.Lock()  # a page that shows a take may ask while the work that made it still measures


@dataclass(frozen=True)
class Heard:
    """A sound of a take: its `loudness`, from which gains are found, and its `wave`."""

    loudness: Loudness
    wave: Wave


def of(cache: Path, take: Take, name: str = "result") -> Heard:
    """One of a take's `SOUNDS`, from the cache or measured now; raises `TakeError` if it can't be read.

    Parameters
    ----------
    cache : Path
        The workspace's folder for what can be computed again.
    """
    known = _kept(cache, take, name)[0]
    if known is not None:
        return known
    with _measuring:
        known, kept = _kept(cache, take, name)  # by the work that has just made the take, it may be by now
        if known is None:
            stamp, known = _stamp(take, name), _measure(take, name)
            with contextlib.suppress(OSError):  # a full disk only means that it is measured again
                path = _path(cache, take)
                path.parent.mkdir(parents=True, exist_ok=True)
                files.write_json(path, kept | {name: _to_json(known, stamp)}, indent=None, durable=False)
    return known


def _kept(cache: Path, take: Take, name: str) -> tuple[Heard | None, dict]:
    """What is kept of a sound, and of all sounds of its take."""
    kept = files.read_json(_path(cache, take)) or {}
    return _parse(kept.get(name), _stamp(take, name)), kept


def remember(cache: Path, take: Take) -> None:
    """Measure all of a take's sounds that are there, for the next time that it is shown."""
    for name in SOUNDS:
        with contextlib.suppress(TakeError):
            of(cache, take, name)


def _path(cache: Path, take: Take) -> Path:
    return cache / FOLDER / f"{take.id}.json"


def _stamp(take: Take, name: str) -> list[int]:
    try:
        return list(files.stamp(take.folder / f"{name}.wav"))
    except OSError:
        raise TakeError(f"The {name} of the take {take.name!r} no longer exists.") from None


def _measure(take: Take, name: str) -> Heard:
    from ddsing.experiments.comparison import matching, measure

    sound = measure.sound(take, name)
    audio = sound if take.rate_hz == SAMPLE_RATE else measure.sound(take, name, rate_hz=take.rate_hz)
    return Heard(matching.loudness(audio, rate_hz=take.rate_hz), wave.of(sound))


def _to_json(heard: Heard, stamp: list[int]) -> dict:
    return {
        "version": _VERSION,
        "file": stamp,
        "level_lufs": heard.loudness.level_lufs,
        "peak": heard.loudness.peak,
        "duration_s": heard.wave.duration_s,
        "levels": list(heard.wave.levels),
    }


def _parse(data: object, stamp: list[int]) -> Heard | None:
    if not isinstance(data, Mapping) or (data.get("version"), data.get("file")) != (_VERSION, stamp):
        return None
    try:
        level = None if data["level_lufs"] is None else float(data["level_lufs"])
        figures = (float(data["peak"]), float(data["duration_s"]), 0.0 if level is None else level)
        levels = tuple(min(wave.FULL, max(0, int(one))) for one in data["levels"])[: wave.N_PARTS]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not all(map(math.isfinite, figures)):
        return None
    return Heard(Loudness(level, figures[0]), Wave(figures[1], levels))
