"""An edit of a recording's pitch curve: whose it is, and its steps; and the steps with those that were undone.

Public: `PitchEdit`, `History`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ddsing.constants import TRACKER_WORDS
from ddsing.errors import SettingsError
from ddsing.sound.curve import operations
from ddsing.sound.curve.contour import Curve
from ddsing.sound.curve.operations import Operation

MAX_STEPS = 500
_FADE = 5  # frames


@dataclass(frozen=True)
class PitchEdit:
    """Steps that make another curve of the one that a tracker found in a recording.

    Attributes
    ----------
    recording : str
        The hash of its sound, see `ddsing.sound.audio.content_hash`.
    tracker : str
    steps : tuple[Operation, ...]
    """

    recording: str
    tracker: str
    steps: tuple[Operation, ...] = ()

    def __post_init__(self) -> None:
        if not all(isinstance(text, str) and len(text) <= 100 for text in (self.recording, self.tracker)):
            raise SettingsError("The pitch edit does not say which recording it is of.")
        if len(self.steps) > MAX_STEPS:
            raise SettingsError(
                f"A pitch edit can have {MAX_STEPS} steps. Export the curve as CSV, undo all and import the curve."
            )

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def digest(self) -> str:
        """The same for edits that do the same to the same curve."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def apply(self, curve: Curve) -> Curve:
        """The curve after all steps; the same object if there are none."""
        for step in self.steps:
            curve = step.apply(curve)
        return curve

    def misfit(self, recording: str, tracker: str) -> str:
        """Why it can't be applied to what a tracker found in a recording, as a sentence; "" if it can be."""
        if not self:
            return ""
        if recording != self.recording:
            return "The pitch edit was made on another recording, so it was not applied."
        if tracker != self.tracker:
            made, given = (TRACKER_WORDS.get(one, one) for one in (self.tracker, tracker))
            return f"The pitch edit was made on the tracker {made}, not {given}, so it was not applied."
        return ""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        steps = [operations.to_json(step) for step in self.steps]
        return {"recording": self.recording, "tracker": self.tracker, "steps": steps}

    @classmethod
    def from_json(cls, data: Any) -> PitchEdit:
        """The edit of a recipe or a take; raises `SettingsError` if it can't be read."""
        steps = data.get("steps") if isinstance(data, Mapping) else None
        if not isinstance(data, Mapping) or not isinstance(steps, Sequence) or isinstance(steps, str):
            raise SettingsError("The pitch edit can't be read.")
        if len(steps) > MAX_STEPS:
            raise SettingsError(f"The pitch edit has {len(steps):,} steps; the limit is {MAX_STEPS}.")
        found = tuple(map(operations.from_json, steps))
        return cls(data.get("recording"), data.get("tracker"), found)  # type: ignore[arg-type]


@dataclass(frozen=True)
class History:
    """The steps of an edit, of which the last may be undone.

    Attributes
    ----------
    steps : tuple[Operation, ...]
    done : int
        How many of them hold.
    """

    steps: tuple[Operation, ...] = ()
    done: int = 0

    @property
    def held(self) -> tuple[Operation, ...]:
        """The steps that hold."""
        return self.steps[: self.done]

    def and_then(self, *fresh: Operation) -> History:
        """With further steps; those that were undone are gone."""
        steps = (*self.held, *fresh)
        return History(steps, len(steps))

    def undone(self) -> History:
        """Without the last step that holds."""
        return replace(self, done=max(0, self.done - 1))

    def redone(self) -> History:
        """With the step that was undone last."""
        return replace(self, done=min(len(self.steps), self.done + 1))

    def to_text(self) -> str:
        """As text; "" for no steps."""
        if not self.steps:
            return ""
        return json.dumps({"steps": [operations.to_json(step) for step in self.steps], "done": self.done})

    @classmethod
    def from_text(cls, text: str) -> History:
        """What `to_text` gave; no steps for anything else, such as that of another version."""
        try:
            data = json.loads(text)
            steps = tuple(map(operations.from_json, data["steps"]))[:MAX_STEPS]
            return cls(steps, min(max(0, int(data["done"])), len(steps)))
        except (ValueError, TypeError, KeyError, SettingsError):
            return cls()


def harmonic_gain(voiced: np.ndarray) -> np.ndarray | None:
    """What harmonics are multiplied with: 1, and 0 where nothing is voiced, with 20 ms between; None for 1 throughout.

    Parameters
    ----------
    voiced : np.ndarray [shape=(n_frames,), bool]

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32] or None
    """
    if voiced.all():
        return None
    if not voiced.any():
        return np.zeros(len(voiced), np.float32)
    from scipy import ndimage

    distance = ndimage.distance_transform_cdt(~voiced, metric="chessboard")  # frames to the nearest voiced one
    return np.clip(1.0 - distance / _FADE, 0.0, 1.0).astype(np.float32)
