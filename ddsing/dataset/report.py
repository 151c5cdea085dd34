"""The report before training: what a voice's recordings cover, and whether that is enough."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ddsing.dataset.scan import RecordingFacts
from ddsing.dataset.voices import Voice

LEVELS = ("good", "usable", "poor", "unusable")


@dataclass(frozen=True)
class Verdict:
    """A level of `LEVELS`, the sentence that says it, and the reasons, most important first."""

    level: str
    sentence: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What a voice's recordings cover.

    Attributes
    ----------
    minutes, minutes_voiced : float
        Of usable recordings; with a clear pitch.
    pitch_seconds : Mapping[int, float]
        Seconds of clear pitch by MIDI note.
    loudness_seconds : Mapping[int, float]
        Seconds of sound by loudness in dB, in steps of 5 dB: the key is the lower end.
    confidence_shares : tuple[float, ...]
        Ten shares of the sounding frames, by confidence from 0 to 1.
    clipped_files : tuple[str, ...]
    noise_floor_db : float or None
        Median over the recordings; None where nothing sounds.
    voices_hint : str
        Signs of more than one voice, in a sentence; "" if there are none.
    recordings : tuple[RecordingFacts, ...]
    remarks : Mapping[str, tuple[str, ...]]
        What is to be said of each recording, by name.
    tracker : str
        Of the pitch: the slowest tracker whose result was there, else the one that was asked for.
    """

    voice: str
    tracker: str
    minutes: float
    minutes_voiced: float
    pitch_seconds: Mapping[int, float]
    loudness_seconds: Mapping[int, float]
    confidence_shares: tuple[float, ...]
    clipped_files: tuple[str, ...]
    noise_floor_db: float | None
    voices_hint: str
    verdict: Verdict
    recordings: tuple[RecordingFacts, ...]
    remarks: Mapping[str, tuple[str, ...]]

    def to_json(self) -> dict:
        """A plain dictionary."""
        raise NotImplementedError


def report(voice: Voice, *, tracker: str = "tiny", progress: Callable[[str, float], None] | None = None) -> Report:
    """Read and analyse all recordings; quick the second time.

    Parameters
    ----------
    progress : callable, optional
        Told the stage in words and the fraction of it all; what it raises passes through.
    """
    raise NotImplementedError
