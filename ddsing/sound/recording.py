"""A recording as the whole dashboard passes it on: its sound once, and what is known of it.

Public: `Recording`, `read`.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsing import names
from ddsing.constants import SAMPLE_RATE
from ddsing.sound import audio as files
from ddsing.sound.audio import AudioInfo


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
    """

    name: str
    audio: np.ndarray
    key: str
    info: AudioInfo
    recipe: dict | None
    remarks: tuple[str, ...] = ()

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
    return Recording(called, found.audio, files.content_hash(found.audio), found.info, found.recipe, found.remarks)
