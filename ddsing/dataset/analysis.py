"""A recording's features for a dataset, on disk once per sound and tracker.

Frames are those of ddsp's own preparation (padding 'same'): a frame's window begins at its time. So f0 at a time is
that of the sound 32 ms later, and loudness that of 16 ms later. The file is ``<hash of the sound>-<tracker>.npz``.

The activations of long recordings are kept part by part while the work is under way, in a folder beside the file: what
was stopped or killed goes on with the part it had reached, and gives the same result as one go.
"""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ddsing.constants import HOP_SAMPLES, TRACKERS
from ddsing.dataset.hearing import Heard
from ddsing.files import atomic, read_arrays, write_arrays
from ddsing.sound import loudness, pitch
from ddsing.sound.pitch.viterbi import N_BINS
from ddsing.units import hz_to_midi

_VERSION = 1  # of all that is in a file
_PART_FRAMES = 7520  # about half a minute; a multiple of 32
WINDOW_FRAMES = 1000
WINDOW_SAMPLES = WINDOW_FRAMES * HOP_SAMPLES
CLEAR = 0.5  # the confidence from which a pitch is clear
PART_BYTES_PER_FRAME = 4 * N_BINS


@dataclass(frozen=True, eq=False)
class RecordingFeatures:
    """Features of a recording; arrays [shape=(n_frames,)], of at least a window's 1,000 frames.

    Attributes
    ----------
    f0_hz, f0_confidence, loudness_db, power_db : float32
    silent, clipped : bool
        See `ddsing.dataset.hearing`.
    """

    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    power_db: np.ndarray
    silent: np.ndarray
    clipped: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """Frames with a clear pitch [shape=(n_frames,), bool]."""
        return (self.f0_confidence >= CLEAR) & ~self.silent

    @property
    def midi(self) -> np.ndarray:
        """Pitch as MIDI numbers [shape=(n_frames,), float64]."""
        return hz_to_midi(self.f0_hz)


class FeatureFolder:
    """The folder of a dataset's feature files."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, audio_hash: str, tracker: str) -> Path:
        """Where the features of a sound are."""
        return self.folder / f"{audio_hash}-{tracker}.npz"

    def get(self, audio_hash: str, tracker: str) -> RecordingFeatures | None:
        """Features that were computed before, or None."""
        names = [field.name for field in fields(RecordingFeatures)]
        arrays = read_arrays(self.path(audio_hash, tracker), ("version", *names))
        if arrays is None or arrays.pop("version") != _VERSION:
            return None
        found = RecordingFeatures(**arrays)
        lengths = {getattr(found, name).shape for name in names}
        return found if len(lengths) == 1 and min(lengths)[0] >= WINDOW_FRAMES else None

    def best(self, audio_hash: str) -> tuple[str, RecordingFeatures] | None:
        """(tracker, features) by the best tracker there is."""
        found = ((tracker, self.get(audio_hash, tracker)) for tracker in TRACKERS)
        return next(((tracker, known) for tracker, known in found if known is not None), None)

    def compute(
        self, heard: Heard, tracker: str, *, progress: Callable[[float], None] = lambda fraction: None
    ) -> RecordingFeatures:
        """Analyse a recording, or what was left of it; what `progress` raises passes through."""
        audio = heard.audio
        if len(audio) < WINDOW_SAMPLES:
            audio = np.pad(audio, (0, WINDOW_SAMPLES - len(audio)))
        f0_hz, confidence = self._pitch(audio, heard.content_hash, tracker, progress)
        found = RecordingFeatures(
            f0_hz,
            np.nan_to_num(confidence),
            loudness.compute(audio, padding="same"),
            loudness.power_db(audio),
            np.pad(heard.silent, (0, len(f0_hz) - len(heard.silent)), constant_values=True),
            np.pad(heard.clipped, (0, len(f0_hz) - len(heard.clipped))),
        )
        arrays = {field.name: getattr(found, field.name) for field in fields(found)}
        write_arrays(self.path(heard.content_hash, tracker), version=_VERSION, **arrays)
        shutil.rmtree(self._parts_folder(heard.content_hash, tracker), ignore_errors=True)
        return found

    def _parts_folder(self, audio_hash, tracker):
        return self.folder / f"{audio_hash}-{tracker}.parts"

    def _pitch(self, audio, audio_hash, tracker, progress):
        tracking = pitch.Tracking(audio, tracker=tracker, padding="same", part_frames=_PART_FRAMES)
        folder = self._parts_folder(audio_hash, tracker)
        folder.mkdir(parents=True, exist_ok=True)
        known = [_read_part(folder, part) for part in tracking.parts]
        to_do = sum(len(part) for part, active in zip(tracking.parts, known) if active is None)
        done = 0
        for number, part in enumerate(tracking.parts):
            if known[number] is not None:
                continue
            blocks = []
            with contextlib.closing(tracking.blocks(part)) as computing:
                for block in computing:
                    blocks.append(block)
                    done += len(block)
                    progress(done / to_do)
            known[number] = np.concatenate(blocks)
            if len(tracking.parts) > 1:
                _write_part(folder, part, known[number])
                known[number] = _read_part(folder, part)  # on disk, not in memory
        return tracking.finish(known)


def _part_path(folder, part):
    return folder / f"{part.start:08d}.f32"


def _write_part(folder, part, active):
    with atomic(_part_path(folder, part)) as file:
        file.write(np.ascontiguousarray(active, np.float32).data)


def _read_part(folder, part):
    """Activations of a part as a map of its file, or None."""
    path = _part_path(folder, part)
    try:
        if path.stat().st_size != len(part) * PART_BYTES_PER_FRAME:
            return None
        return np.memmap(path, np.float32, "r", shape=(len(part), N_BINS))
    except OSError:
        return None
