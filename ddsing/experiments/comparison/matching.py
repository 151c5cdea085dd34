"""Equal loudness: by how much each of several sounds is turned up or down before they are compared by ear.

The louder of two sounds is taken for the better one, so a comparison begins with equal loudness. The measure is the
integrated loudness of ITU-R BS.1770-4, in LUFS, as `pyloudnorm` computes it: K-weighted power in blocks of 400 ms, of
which those below -70 LUFS and those 10 LU below the others, the pauses, don't count. The standard has no figure for
what is shorter than a block; such a sound is measured as one block of its own length.

The common level is that of the loudest sound, or less, so that none goes beyond full scale. What is hardly there at all
is turned up by 30 dB and no more.

Reference: C. J. Steinmetz and J. D. Reiss, "pyloudnorm", 150th AES Convention, 2021.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.transfer.take import Take

MAX_GAIN_DB = 30.0
_HEADROOM = 0.99  # of full scale
_BLOCK_S = 0.4


@dataclass(frozen=True)
class Loudness:
    """What a gain is found from.

    Attributes
    ----------
    level_lufs : float or None
        None for silence.
    peak : float
        1 is full scale.
    """

    level_lufs: float | None
    peak: float


def method() -> str:
    """What equal loudness is measured by: ``pyloudnorm 0.2.0 after ITU-R BS.1770``."""
    return f"pyloudnorm {metadata.version('pyloudnorm')} after ITU-R BS.1770"


def of(take: Take, name: str = "result", *, excerpt_s: tuple[float, float] = (0.0, math.inf)) -> Loudness:
    """The loudness of a take's result, or of another of its sounds, in an excerpt of it."""
    from ddsing.experiments.comparison import measure  # whose imports take a while, which gains need not wait for

    audio = excerpt(measure.sound(take, name, rate_hz=take.rate_hz), excerpt_s, take.rate_hz)
    return loudness(audio, rate_hz=take.rate_hz)


def loudness(audio: np.ndarray, *, rate_hz: int = SAMPLE_RATE) -> Loudness:
    """The loudness of a sound [shape=(n_samples,), float32]."""
    return Loudness(integrated_lufs(audio, rate_hz=rate_hz), float(np.abs(audio).max(initial=0.0)))


def integrated_lufs(audio: np.ndarray, *, rate_hz: int = SAMPLE_RATE) -> float | None:
    """Loudness of a sound as one number.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        Mono.

    Returns
    -------
    float or None
        LUFS; None for silence, which is what lies below -70 LUFS throughout.
    """
    import pyloudnorm

    if not len(audio):
        return None
    block_s = min(_BLOCK_S, (len(audio) - 0.5) / rate_hz)  # half a sample less, so that rounding asks for none more
    level = pyloudnorm.Meter(rate_hz, block_size=block_s).integrated_loudness(np.asarray(audio, np.float64))
    return float(level) if math.isfinite(level) else None


def excerpt(values: np.ndarray, excerpt_s: tuple[float, float], rate: int) -> np.ndarray:
    """What lies between two times, in seconds; all of it where the excerpt begins beyond its end."""
    first, stop = (min(edge_s * rate, len(values)) for edge_s in excerpt_s)
    return values[round(first) : round(stop)] if first < len(values) else values


def matched_gains_db(sounds: Sequence[Loudness]) -> tuple[float, ...]:
    """The gain of each sound with which all are equally loud and none clips; silence is left as it is."""
    levels = [sound.level_lufs for sound in sounds if sound.level_lufs is not None]
    rooms = [sound.level_lufs + _room_db(sound) for sound in sounds if sound.level_lufs is not None]
    target = min([max(levels), *rooms]) if levels else 0.0
    return tuple(0.0 if sound.level_lufs is None else min(target - sound.level_lufs, MAX_GAIN_DB) for sound in sounds)


def common_gain_db(sounds: Sequence[Loudness]) -> float:
    """One gain for all, 0 dB or as little less as keeps the loudest within full scale."""
    return min([0.0, *(_room_db(sound) for sound in sounds)])


def _room_db(sound: Loudness) -> float:
    return float(20.0 * np.log10(_HEADROOM / max(sound.peak, 1e-9)))
