"""A pitch edit within a transfer: the features with the edited curve, and where harmonics are silent.

Public: `Edited`, `apply`, `repaired`, `read`, `write`, `exported`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ddsing.engine.render import Renderable, held
from ddsing.engine.shaded import Shade, Shaded
from ddsing.errors import FeaturesError
from ddsing.sound.audio import content_hash
from ddsing.sound.curve import midi, operations, segments, slips, tables
from ddsing.sound.curve.contour import Curve
from ddsing.sound.curve.edit import PitchEdit, harmonic_gain
from ddsing.sound.curve.operations import Operation
from ddsing.sound.features import Features
from ddsing.transfer.take import Take

SUFFIXES = (".csv", ".tsv", ".txt", ".mid", ".midi")
_LOUDEST_DB, _RANGE_DB = 0.0, 48.0  # of a note that gets the largest velocity, and down to the smallest


@dataclass(frozen=True, eq=False)
class Edited:
    """What an edit makes of a recording's features.

    Attributes
    ----------
    features : list[Features]
        The same objects where there is nothing to edit.
    voiced : np.ndarray [shape=(n_frames,), bool] or None
        Where harmonics are to sound; None for everywhere.
    edit : PitchEdit or None
        The edit that was applied.
    warnings : tuple[str, ...]
    """

    features: list[Features]
    voiced: np.ndarray | None = None
    edit: PitchEdit | None = None
    warnings: tuple[str, ...] = ()

    def of(self, part: Renderable[Any]) -> Renderable[Any]:
        """What is to be rendered, its harmonics silent where nothing is voiced; the very same if all frames are."""
        gain = None if self.voiced is None else harmonic_gain(self.voiced)
        return part if gain is None else Shaded(part, _Silence(gain))

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """What is kept beside a take's other curves: ``voiced`` [shape=(n_frames,), bool] unless all frames are."""
        return {} if self.voiced is None else {"voiced": self.voiced}


@dataclass(frozen=True, eq=False)
class _Silence(Shade):
    """Harmonics alone fade, by what they are multiplied with [shape=(n_frames,), float32]."""

    gain: np.ndarray

    def harmonic_gain(self, frames: slice) -> np.ndarray:
        """See `Shade`; the last frame is held beyond the end."""
        return held(self.gain, frames)


def apply(edit: PitchEdit | None, features: Sequence[Features], audio: np.ndarray, *, audio_hash: str = "") -> Edited:
    """Apply an edit to the features of one recording, on one or several loudness scales.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        The recording. An edit of another one, or of another tracker, is not applied, which a warning says.
    audio_hash : str
        That of its content, where it is known.
    """
    if not edit:
        return Edited(list(features))
    misfit = edit.misfit(audio_hash or content_hash(audio), features[0].tracker)
    if misfit:
        return Edited(list(features), warnings=(misfit,))
    curve = edit.apply(Curve.of(features[0]))
    made = [replace(one, f0_hz=curve.f0_hz, f0_confidence=curve.confidence) for one in features]
    return Edited(made, None if curve.voiced.all() else curve.voiced, edit)


def repaired(features: Features, audio: np.ndarray, edit: PitchEdit | None = None) -> PitchEdit:
    """An edit, or one of the recording without any step, with the repairs of the octave slips that are found then."""
    recording = content_hash(audio)
    if edit is None or edit.misfit(recording, features.tracker):
        edit = PitchEdit(recording, features.tracker)
    found = slips.find(edit.apply(Curve.of(features)))
    steps = (operations.Repair(slip.start, slip.end, slip.octaves) for slip in found)
    return replace(edit, steps=(*edit.steps, *steps))


def read(name: str, content: bytes, n_frames: int) -> Operation:
    """The step that a file stands for: a curve from a table, notes from MIDI, by the ending of its name."""
    suffix = Path(name).suffix.lower()
    if suffix in (".mid", ".midi"):
        notes = [note for note in midi.read(content) if note.start < n_frames]
        if not notes:
            raise FeaturesError("All notes of the MIDI file begin after the recording's end.")
        return operations.Notes(tuple((note.start, note.end, note.midi) for note in notes))
    if suffix not in SUFFIXES:
        raise FeaturesError(f"{name[:200]!r} is no pitch curve; its name must end in {', '.join(SUFFIXES)}.")
    f0_hz, confidence = tables.read(content).frames(n_frames)
    if not f0_hz.any():
        raise FeaturesError("The table has nothing voiced within the recording's length.")
    return operations.Imported.of(f0_hz, confidence)


def write(name: str, curve: Curve, loudness_db: np.ndarray | None = None) -> bytes:
    """A curve as a table or as MIDI notes, by the ending of a file's name.

    Parameters
    ----------
    loudness_db : np.ndarray [shape=(n_frames,), float32], optional
        One more column of a table, and the notes' velocities.
    """
    suffix = Path(name).suffix.lower()
    if suffix in (".mid", ".midi"):
        notes = segments.notes(curve)
        if not notes:
            raise FeaturesError("The curve has no notes to write: nothing is sung in it with a clear pitch.")
        loud = [] if loudness_db is None else [float(loudness_db[note.start : note.end].mean()) for note in notes]
        return midi.write(notes, velocities=[_velocity(db) for db in loud])
    f0_hz = np.where(curve.voiced, curve.f0_hz, np.float32(0))
    return tables.write(f0_hz, curve.confidence, **({} if loudness_db is None else {"loudness_db": loudness_db}))


def exported(take: Take, name: str) -> bytes:
    """The pitch curve that a take was made from, with its edit, as a table or as MIDI notes by a file's name."""
    if Path(name).suffix.lower() not in SUFFIXES:
        raise FeaturesError(f"{name[:200]!r} is no name for a pitch curve; it must end in {', '.join(SUFFIXES)}.")
    curves = take.curves()
    voiced = curves["voiced"] if "voiced" in curves else np.ones(len(curves["f0_hz"]), bool)
    return write(name, Curve(curves["f0_hz"], curves["f0_confidence"], voiced))


def _velocity(loudness_db: float) -> int:
    return round(1 + 126 * float(np.clip(1 + (loudness_db - _LOUDEST_DB) / _RANGE_DB, 0, 1)))
