"""The sounds of one preparation, decoded once: in files while it lasts, so that memory holds no more than is heard.

What is read to know a recording is kept until it is analysed and its windows are written. A disk that is full keeps
nothing, and a file that has changed since is read again.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ddsing.dataset import disk, scan
from ddsing.dataset.hearing import Heard, hear
from ddsing.dataset.scan import RecordingFacts
from ddsing.dataset.voices import Voice
from ddsing.errors import AudioError, DatasetError

_NAME = ".sounds"


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording's sound, read back; see `ddsing.dataset.hearing.Heard`.

    Attributes
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    clipped, silent : np.ndarray [shape=(ceil(n_samples / 64),), bool]
    """

    audio: np.ndarray
    clipped: np.ndarray
    silent: np.ndarray
    content_hash: str


class Sounds:
    """Those of a voice, by their hash; several threads may add to them. See `kept`.

    Attributes
    ----------
    free_bytes : int
        Of the disk, before anything was kept.
    """

    def __init__(self, voice: Voice):
        self._voice, self._folder = voice, voice.dataset_folder / _NAME
        self.free_bytes = disk.free_bytes(voice)
        self._frames: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # clipped and silent, of the sounds that are kept
        self._stamps: dict[str, list[int]] = {}  # of the recordings' files when they were read, by their names
        self._lock = threading.Lock()

    def offer(self, name: str, heard: Heard, stamp: list[int]) -> None:
        """Keep what was read of a recording whose file had this stamp, if there is room for it."""
        with contextlib.suppress(OSError):
            if disk.free_bytes(self._voice) >= heard.audio.nbytes + disk.SPARE_BYTES:
                self._keep(name, heard, stamp)

    def require(self, facts: RecordingFacts, *, check: Callable[[], None] = lambda: None) -> None:
        """Read a recording if it isn't kept; raises `DatasetError` if its file has changed."""
        path = self._voice.path_of(facts.name)
        stamp = scan.stamp(path)
        if self._stamps.get(facts.name) == stamp:
            return
        try:
            heard = hear(path, check=check)
        except AudioError as error:
            raise DatasetError(f"{facts.name!r} has changed in the meantime: {error} Prepare again.") from None
        if heard.content_hash != facts.content_hash:
            raise DatasetError(f"{facts.name!r} has changed in the meantime. Prepare again.")
        self._keep(facts.name, heard, stamp)

    def of(self, facts: RecordingFacts, *, check: Callable[[], None] = lambda: None) -> Sound:
        """A recording's whole sound; see `require`."""
        self.require(facts, check=check)
        clipped, silent = self._frames[facts.content_hash]
        audio = np.fromfile(self._folder / facts.content_hash, np.float32)
        return Sound(audio, clipped, silent, facts.content_hash)

    def part(self, content_hash: str, begin: int, n_samples: int) -> np.ndarray:
        """Samples of a sound that is kept [shape=(≤ n_samples,), float32], fewer at its end."""
        return np.fromfile(self._folder / content_hash, np.float32, n_samples, offset=4 * begin)

    def forget(self) -> None:
        """Let go of all of them."""
        self._stamps.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _keep(self, name: str, heard: Heard, stamp: list[int]) -> None:
        key = heard.content_hash
        with self._lock:  # one after the other: the disk is no quicker for several
            if key not in self._frames:
                self._folder.mkdir(exist_ok=True)
                heard.audio.tofile(self._folder / key)
                self._frames[key] = heard.clipped, heard.silent
            self._stamps[name] = stamp


@contextlib.contextmanager
def kept(voice: Voice) -> Iterator[Sounds]:
    """The sounds of one preparation of a voice, which is the only one; their files go with it."""
    found = Sounds(voice)
    found.forget()  # of one that was killed
    try:
        yield found
    finally:
        found.forget()
