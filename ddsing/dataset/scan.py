"""What each recording of a voice is: length, format, levels, clipping, silence. Read once per file and remembered."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ddsing.dataset.voices import Voice


@dataclass(frozen=True)
class RecordingFacts:
    """A recording as it was read.

    Attributes
    ----------
    name : str
        Relative to the voice's folder.
    content_hash : str
        Of the sound, see `ddsing.audio.content_hash`; "" if it can't be read.
    peak_dbfs, rms_dbfs : float
        Of the loudest channel, and of the mono sound; -120 for silence.
    clipped_share : float
        Share of the samples that stand at full scale, two or more in a row.
    silent_share : float
        Share of the 4 ms frames that are more than 40 dB below the loudest, or below -70 dB.
    noise_floor_db : float
        The level that the quietest twentieth of the sound stays below; -120 for digital silence.
    voiced_share : float or None
        Share of the frames with a clear pitch, if that is known.
    remarks : tuple[str, ...]
        Sentences, such as that the channels cancel each other.
    error : str
        Why it can't be used, or "".
    """

    name: str
    content_hash: str = ""
    duration_s: float = 0.0
    format: str = ""
    sample_rate_hz: int = 0
    n_channels: int = 0
    n_bytes: int = 0
    peak_dbfs: float = -120.0
    rms_dbfs: float = -120.0
    clipped_share: float = 0.0
    silent_share: float = 1.0
    noise_floor_db: float = -120.0
    voiced_share: float | None = None
    remarks: tuple[str, ...] = ()
    error: str = ""


def scan(
    voice: Voice, *, cache: Path | None = None, progress: Callable[[float], None] | None = None
) -> list[RecordingFacts]:
    """Facts of all recordings of a voice, by name; one that can't be read has its reason as `error`.

    Parameters
    ----------
    cache : Path, optional
        Folder that remembers facts by file name, size and time; else the workspace's own.
    progress : callable, optional
        Told the fraction done; what it raises passes through.
    """
    raise NotImplementedError
