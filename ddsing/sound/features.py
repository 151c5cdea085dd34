"""What a model hears of a recording: f0, its confidence, and loudness, at 250 frames a second.

Frames lie in one of two ways, called as in `ddsing.sound.loudness` and `ddsing.sound.pitch`. With the padding
``center``, as in a transfer, a frame tells of the sound around its time. With ``same``, as ddsp prepares datasets, it
tells of the sound that begins there: f0 of the sound 32 ms later, loudness of that 16 ms later.

Pitch is the slow part; it is kept on disk by the recording's content and the tracker, so that no recording is analysed
twice. In a transfer loudness, which takes milliseconds, is computed for the generation that is asked for, and kept in
memory.
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
from ddsing.sound.kept import Kept
from ddsing.units import hz_to_midi, n_frames

CLEAR = 0.5  # the confidence from which a pitch is clear
CENTER, SAME = "center", "same"
_VERSION = 1  # of the pitch code: another number makes old entries unused
_loudness = Kept(16 * 2**20)  # an hour of sound has 3.6 MB


@dataclass(frozen=True, eq=False)
class Features:
    """Features of a recording.

    Attributes
    ----------
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(n_frames,), float32]
        Hz; 0 to 1; dB on the scale of `generation`. ``n_frames = n_samples // 64 + 1``, or ``ceil(n_samples / 64)``
        with the padding ``same``.
    reused : bool
        Whether the pitch came from the disk.
    padding : str
        ``center`` or ``same``, see above.
    """

    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    tracker: str
    generation: int
    reused: bool = False
    padding: str = CENTER

    @property
    def midi(self) -> np.ndarray:
        """Pitch as MIDI numbers [shape=(n_frames,), float64]."""
        return hz_to_midi(self.f0_hz)

    def heard_db(self, audio: np.ndarray) -> np.ndarray:
        """Loudness of the recording on the scale of generation 3, whatever these features have [shape=(n_frames,)]."""
        return self.loudness_db if self.generation == 3 else loudness_of(audio)


class FeatureCache:
    """Arrays of features on disk, by the hash of the sound and the tracker.

    With the padding ``center`` these are pitch tracks in ``<hash>-<tracker>-v1.npz``; with ``same`` they are all that a
    dataset needs of a recording, in ``<hash>-<tracker>.npz``, which tells its version inside.

    Parameters
    ----------
    max_bytes : float or None
        The least recently used go first, and a full disk only means that nothing is kept. Of a folder without a limit
        nothing goes, and a full disk is an `OSError`.
    """

    def __init__(self, folder: Path, *, padding: str = CENTER, max_bytes: float | None = 500e6):
        self.folder = Path(folder)
        self.padding = padding
        self.max_bytes = max_bytes

    def path(self, audio_hash: str, tracker: str) -> Path:
        """Where the features of a sound are."""
        ending = "" if self.padding == SAME else f"-v{_VERSION}"
        return self.folder / f"{audio_hash}-{tracker}{ending}.npz"

    def get(self, audio_hash: str, tracker: str) -> dict[str, np.ndarray] | None:
        """The arrays by name, among them ``f0_hz`` and ``f0_confidence``; None if they are not there as they were."""
        path = self.path(audio_hash, tracker)
        arrays = read_arrays(path)
        if arrays is None or not {"f0_hz", "f0_confidence"} <= arrays.keys():
            return None
        if self.padding == SAME and arrays.pop("version", None) != _VERSION:
            return None
        if self.max_bytes is not None:
            with contextlib.suppress(OSError):  # a cache that can only be read is one too
                os.utime(path)
        return arrays

    def put(
        self, audio_hash: str, tracker: str, f0_hz: np.ndarray, f0_confidence: np.ndarray, **more: np.ndarray
    ) -> None:
        """Keep a track, and what else belongs to it."""
        arrays = {"f0_hz": f0_hz, "f0_confidence": f0_confidence, **more}
        if self.padding == SAME:
            arrays = {"version": np.asarray(_VERSION), **arrays}
        with contextlib.suppress(*([] if self.max_bytes is None else [OSError])):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_arrays(self.path(audio_hash, tracker), **arrays)
            self._trim()

    def has(self, audio_hash: str, tracker: str) -> bool:
        """Whether there is something for a sound."""
        with contextlib.suppress(OSError):  # a folder that can't be looked into
            return self.path(audio_hash, tracker).is_file()
        return False

    def size_bytes(self) -> int:
        """What the cache takes on disk."""
        return sum(size for _, size, _ in self._entries())

    def clear(self) -> None:
        """Forget everything."""
        leftovers = self._found(".*.tmp")  # of a run that was killed
        for path in [*(path for _, _, path in self._entries()), *leftovers]:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _entries(self) -> list[tuple[int, int, Path]]:
        entries = []
        for path in self._found("*.npz"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        return sorted(entries)

    def _found(self, pattern: str) -> list[Path]:
        """Files in the folder; none where it can't be looked into."""
        try:
            return list(self.folder.glob(pattern))
        except OSError:
            return []

    def _trim(self) -> None:
        if self.max_bytes is None:
            return
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
    audio_hash: str = "",
) -> Features:
    """Features of a recording.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono; at least one sample.
    tracker : str
        ``full``, ``fast``, ``tiny`` or ``instant``, see `ddsing.sound.pitch`.
    generation : int
        ddsp generation of the loudness, see `ddsing.sound.loudness`.
    audio_hash : str
        That of its content, where it is known.
    """
    if not len(audio):
        raise FeaturesError("The recording is empty: it has no samples.")
    if tracker not in TRACKERS:
        raise FeaturesError(f"Unknown pitch tracker {tracker!r}; use instant, full, fast or tiny.")
    audio_hash = audio_hash or content_hash(audio)
    known = cache.get(audio_hash, tracker) if cache else None
    shape = (n_frames(len(audio), centred=True),)
    if known is not None and known["f0_hz"].shape == known["f0_confidence"].shape == shape:
        f0_hz, f0_confidence, reused = known["f0_hz"], known["f0_confidence"], True
    else:
        (f0_hz, f0_confidence), reused = pitch.track(audio, tracker=tracker, progress=progress), False
        if cache:
            cache.put(audio_hash, tracker, f0_hz, f0_confidence)
    if progress:
        progress(1.0)
    loudness_db = loudness_of(audio, generation=generation, audio_hash=audio_hash)
    return Features(f0_hz, f0_confidence, loudness_db, tracker, generation, reused)


def loudness_of(audio: np.ndarray, *, generation: int = 3, audio_hash: str = "") -> np.ndarray:
    """Loudness as `ddsing.sound.loudness.compute` has it, computed once while it is in use.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    audio_hash : str
        That of its content, where it is known.

    Returns
    -------
    np.ndarray [shape=(n_samples // 64 + 1,), float32]
        dB; read-only.
    """
    key = (audio_hash or content_hash(audio), generation)
    return _loudness.get(key, lambda: loudness.compute(audio, generation=generation))
