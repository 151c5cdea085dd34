"""A recording as the whole dashboard passes it on: its sound once, and what is known of it.

Public: `Recording`, `read`, `own_rate`.
"""

import functools
import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsing import names
from ddsing.constants import FULL_BAND_RATE, SAMPLE_RATE
from ddsing.errors import AudioError
from ddsing.files import key as file_key
from ddsing.sound import audio as files
from ddsing.sound.audio import AudioInfo
from ddsing.sound.kept import Kept

_SAME_S = 0.01  # by which the same sound may differ in length at another rate
_at_own_rate = Kept(64 * 2**20)  # five minutes at 48 kHz


@dataclass(frozen=True, eq=False)
class Recording:
    """A decoded recording.

    Attributes
    ----------
    name : str
        What its file is called.
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono, read-only.
    key : str
        The hash of its sound, see `ddsing.sound.audio.content_hash`: the same sound has the same key in any file.
    info : AudioInfo
        What its file says of itself.
    recipe : dict or None
        How ddsing made it, if it did.
    remarks : tuple[str, ...]
        Sentences about what is odd in it, see `ddsing.sound.audio.Decoded`.
    source : Path, bytes or None
        The file, or its content, from which it can be read again at its own rate.
    """

    name: str
    audio: np.ndarray
    key: str
    info: AudioInfo
    recipe: dict | None
    remarks: tuple[str, ...] = ()
    source: Path | bytes | None = None

    @functools.cached_property
    def wav(self) -> bytes:
        """The sound as it is used, for players: a 24-bit WAV, made when it is first asked for."""
        return files.encode(self.audio)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.audio) / SAMPLE_RATE


def read(source: Path | bytes, *, name: str = "") -> Recording:
    """Decode a file, or a file's content, which has no name of its own; raises `AudioError`."""
    found = files.read(source)
    found.audio.flags.writeable = False
    called = name or (names.read(source.name) if isinstance(source, Path) else "recording")
    key = files.content_hash(found.audio)
    return Recording(called, found.audio, key, found.info, found.recipe, found.remarks, source)


def own_rate(source: Path | bytes | np.ndarray | Recording, audio: np.ndarray) -> tuple[np.ndarray, int]:
    """A recording at its file's own sample rate, up to 48 kHz; as it was decoded where that is not to be had.

    A file of up to five minutes is decoded to that rate once while it is in use.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        What it was decoded to, 16 kHz mono.
    """
    found = source.source if isinstance(source, Recording) else source
    if found is None or isinstance(found, np.ndarray):
        return audio, SAMPLE_RATE
    try:
        rate_hz = min(files.probe(found).sample_rate_hz, FULL_BAND_RATE)
        again = _again(found, rate_hz) if rate_hz > SAMPLE_RATE else audio
    except (AudioError, OSError):
        return audio, SAMPLE_RATE
    if rate_hz <= SAMPLE_RATE or abs(len(again) / rate_hz - len(audio) / SAMPLE_RATE) > _SAME_S:
        return audio, SAMPLE_RATE  # of another length: the file is another one by now
    return again, rate_hz


def _again(source: Path | bytes, rate_hz: int) -> np.ndarray:
    """A file, or a file's content, at another rate [shape=(n_samples,), float32]."""
    content: Hashable = file_key(source) if isinstance(source, Path) else hashlib.sha256(source).hexdigest()
    return _at_own_rate.get((content, rate_hz), lambda: files.read(source, rate_hz=rate_hz).audio)
