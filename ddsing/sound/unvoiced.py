"""How well a transfer keeps what a recording sounds like where it has no pitch: two figures.

Unvoiced frames are those of the recording whose pitch is not clear (confidence below 0.5, as a median over five frames,
so that a dip of a frame or two within a note is none) and that are noise (`ddsing.sound.noisiness`), although something
is to be heard; voiced frames are those with a clear pitch. `by_confidence` leaves out whether they are noise, so that
glides and changes of note count as well: most of what it adds has a pitch, which a transfer goes on singing
(`benchmarks.consonants` has how much). The rows of `benchmarks.sound` count otherwise: each frame by its own
confidence, silences as well, with the energy at all frequencies. A frame is 64 samples, centred on its time. Both
figures take whole sounds of one length, at 16 kHz.

Public: `frames`, `energy_kept`, `buzz_db`.
"""

from dataclasses import dataclass

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.sound import loudness, voicing
from ddsing.sound.features import CLEAR
from ddsing.sound.highpass import CROSSOVER_HZ, Highpass
from ddsing.sound.steps import steady


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of a recording; the rest is silence, or neither.

    Attributes
    ----------
    unvoiced, voiced : np.ndarray [shape=(n_frames,), bool]
    """

    unvoiced: np.ndarray
    voiced: np.ndarray


def frames(recording: np.ndarray, f0_confidence: np.ndarray, *, by_confidence: bool = False) -> Frames:
    """Which frames of a recording have a pitch, and which sound without one.

    Parameters
    ----------
    recording : np.ndarray [shape=(n_samples,), float32]
    f0_confidence : np.ndarray [shape=(n_frames,), float32]
        From the full tracker for figures that are to be compared.
    """
    sounding = voicing.presence(loudness.compute(recording)) > 0.5
    clear = steady(f0_confidence) >= CLEAR
    without = ~clear if by_confidence else voicing.unvoiced(recording, f0_confidence)
    return Frames(sounding & without, sounding & clear)


def energy_kept(
    result: np.ndarray,
    recording: np.ndarray,
    f0_confidence: np.ndarray,
    *,
    from_hz: float = CROSSOVER_HZ,
    by_confidence: bool = False,
) -> float | None:
    """The share of the recording's energy above `from_hz` in unvoiced frames that the result has too.

    The result is first brought to the recording's level: by the median difference of their loudness over the voiced
    frames. In each frame no more counts than the recording has, so that too much in one never makes up for another.

    Parameters
    ----------
    result, recording : np.ndarray [shape=(n_samples,), float32]
    f0_confidence : np.ndarray [shape=(n_frames,), float32]
        The recording's.

    Returns
    -------
    float or None
        0 to 1; None where no frame is unvoiced.
    """
    found = frames(recording, f0_confidence, by_confidence=by_confidence)
    of_recording = _energy(Highpass(recording, crossover_hz=from_hz).samples(0, len(recording)))[found.unvoiced]
    if not of_recording.sum() > 0.0:
        return None
    difference_db = (loudness.compute(result) - loudness.compute(recording))[found.voiced]
    level_db = float(np.median(difference_db)) if len(difference_db) else 0.0
    of_result = _energy(Highpass(result, crossover_hz=from_hz).samples(0, len(result)))[found.unvoiced]
    kept = np.minimum(of_result * 10.0 ** (-level_db / 10.0), of_recording)
    return float(kept.sum() / of_recording.sum())


def buzz_db(
    harmonic: np.ndarray, recording: np.ndarray, f0_confidence: np.ndarray, *, by_confidence: bool = False
) -> float | None:
    """How loud the harmonics are where the recording has no pitch: mean power there against the voiced frames, in dB.

    Parameters
    ----------
    harmonic : np.ndarray [shape=(n_samples,), float32]
        The harmonic part of a result.
    recording, f0_confidence
        As in `energy_kept`.

    Returns
    -------
    float or None
        dB, not below -120; None without unvoiced frames, or without harmonics in voiced ones.
    """
    found, energy = frames(recording, f0_confidence, by_confidence=by_confidence), _energy(harmonic)
    if not found.unvoiced.any() or not found.voiced.any() or not energy[found.voiced].mean() > 0.0:
        return None
    ratio = energy[found.unvoiced].mean() / energy[found.voiced].mean()
    return float(max(10.0 * np.log10(max(ratio, 1e-12)), -120.0))


def _energy(audio: np.ndarray) -> np.ndarray:
    """The energy of each frame [shape=(n_samples // 64 + 1,), float64]."""
    n_frames = len(audio) // HOP_SAMPLES + 1
    padded = np.zeros(n_frames * HOP_SAMPLES)
    half = HOP_SAMPLES // 2
    padded[half : half + len(audio)] = audio[: len(padded) - half]
    return (padded.reshape(n_frames, HOP_SAMPLES) ** 2).sum(axis=1)
