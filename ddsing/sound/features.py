"""What a model hears of a recording: f0, its confidence, and loudness, at 250 frames a second.

Pitch is the slow part; it is kept on disk by the recording's content and the tracker, so that no recording is analysed
twice. Loudness takes milliseconds and is computed anew, for the generation that is asked for.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsing.constants import TRACKERS
from ddsing.errors import FeaturesError
from ddsing.files import read_arrays, write_arrays
from ddsing.sound import loudness, pitch
from ddsing.sound.audio import content_hash
from ddsing.units import n_frames

_VERSION = 1  # of the pitch code: another number makes old entries unused


@dataclass(frozen=True, eq=False)
class Features:
    """Features of a recording.

    Attributes
    ----------
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(n_frames,), float32]
        Hz; 0 to 1; dB on the scale of `generation`. ``n_frames = n_samples // 64 + 1``.
    reused : bool
        Whether the pitch came from the cache.
    """

    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    tracker: str
    generation: int
    reused: bool = False


class FeatureCache:
    """Pitch tracks on disk, bounded; the least recently used go first."""

    def __init__(self, folder: Path, *, max_bytes: float = 500e6):
        self.folder = Path(folder)
        self.max_bytes = max_bytes

    def get(self, audio_hash: str, tracker: str):
        """(f0_hz, f0_confidence), or None."""
        path = self._path(audio_hash, tracker)
        arrays = read_arrays(path, ("f0_hz", "f0_confidence"))
        if arrays is None:
            return None
        with contextlib.suppress(OSError):  # a cache that can only be read is one too
            os.utime(path)
        return arrays["f0_hz"], arrays["f0_confidence"]

    def put(self, audio_hash: str, tracker: str, f0_hz, f0_confidence) -> None:
        """Keep a track; a full disk only means that it is not kept."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_arrays(self._path(audio_hash, tracker), f0_hz=f0_hz, f0_confidence=f0_confidence)
            self._trim()

    def has(self, audio_hash: str, tracker: str) -> bool:
        """Whether a recording's pitch is known."""
        return self._path(audio_hash, tracker).is_file()

    def size_bytes(self) -> int:
        """What the cache takes on disk."""
        return sum(size for _, size, _ in self._entries())

    def clear(self) -> None:
        """Forget everything."""
        leftovers = self.folder.glob(".*.tmp")  # of a run that was killed
        for path in [*(path for _, _, path in self._entries()), *leftovers]:
            path.unlink(missing_ok=True)

    def _path(self, audio_hash, tracker):
        return self.folder / f"{audio_hash}-{tracker}-v{_VERSION}.npz"

    def _entries(self):
        entries = []
        for path in self.folder.glob("*.npz"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        return sorted(entries)

    def _trim(self):
        entries = self._entries()
        excess = sum(size for _, size, _ in entries) - self.max_bytes
        for _, size, path in entries[:-1]:
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size


def extract(
    audio: np.ndarray,
    *,
    tracker: str = "full",
    generation: int = 3,
    cache: FeatureCache | None = None,
    progress: Callable[[float], None] | None = None,
) -> Features:
    """Features of a recording.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono; at least one sample.
    tracker : str
        ``full``, ``fast`` or ``tiny``, see `ddsing.sound.pitch`.
    generation : int
        ddsp generation of the loudness, see `ddsing.sound.loudness`.
    """
    if not len(audio):
        raise FeaturesError("The recording is empty: it holds no samples.")
    if tracker not in TRACKERS:
        raise FeaturesError(f"There is no pitch tracker {tracker!r}; use full, fast or tiny.")
    audio_hash = content_hash(audio)
    known = cache.get(audio_hash, tracker) if cache else None
    shape = (n_frames(len(audio), centred=True),)
    if known is not None and not known[0].shape == known[1].shape == shape:
        known = None
    f0_hz, f0_confidence = known or pitch.track(audio, tracker=tracker, progress=progress)
    if cache and known is None:
        cache.put(audio_hash, tracker, f0_hz, f0_confidence)
    if progress:
        progress(1.0)
    loudness_db = loudness.compute(audio, generation=generation)
    return Features(f0_hz, f0_confidence, loudness_db, tracker, generation, known is not None)
