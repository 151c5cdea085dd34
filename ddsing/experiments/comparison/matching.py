"""Equal loudness: by how much each of several sounds is turned up or down before they are compared by ear.

The louder of two sounds is taken for the better one, so a comparison begins with equal loudness. The measure is
`measure.level_db`; the level is that of the loudest sound, or less, so that none goes beyond full scale. What is hardly
there at all is turned up by 30 dB and no more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddsing.constants import FRAME_RATE, SAMPLE_RATE
from ddsing.experiments.comparison import measure
from ddsing.transfer.takes import Take

MAX_GAIN_DB = 30.0
_HEADROOM = 0.99  # of full scale


@dataclass(frozen=True)
class Loudness:
    """What a gain is found from.

    Attributes
    ----------
    level_db : float or None
        None for silence.
    peak : float
        1 is full scale.
    """

    level_db: float | None
    peak: float


def of(take: Take, name: str = "result", *, excerpt_s: tuple[float, float] = (0.0, math.inf)) -> Loudness:
    """The loudness of a take's result, or of its ``original``, over what is sung in an excerpt of it."""
    curves = take.curves()
    sung = measure.sung_frames(curves["f0_confidence"], curves["loudness_db"], generation=take.generation)
    audio = excerpt(measure.sound(take, name), excerpt_s, SAMPLE_RATE)
    sung = excerpt(sung, excerpt_s, FRAME_RATE)
    return Loudness(measure.level_db(audio, sung), float(np.abs(audio).max(initial=0.0)))


def excerpt(values: np.ndarray, excerpt_s: tuple[float, float], rate: int) -> np.ndarray:
    """What lies between two times, in seconds; all of it where the excerpt begins beyond its end."""
    first, stop = (min(edge_s * rate, len(values)) for edge_s in excerpt_s)
    return values[round(first) : round(stop)] if first < len(values) else values


def matched_gains_db(sounds: Sequence[Loudness]) -> tuple[float, ...]:
    """The gain of each sound with which all are equally loud and none clips; silence is left as it is."""
    levels = [sound.level_db for sound in sounds if sound.level_db is not None]
    rooms = [sound.level_db + _room_db(sound) for sound in sounds if sound.level_db is not None]
    target = min([max(levels), *rooms]) if levels else 0.0
    return tuple(0.0 if sound.level_db is None else min(target - sound.level_db, MAX_GAIN_DB) for sound in sounds)


def common_gain_db(sounds: Sequence[Loudness]) -> float:
    """One gain for all, 0 dB or as little less as keeps the loudest within full scale."""
    return min([0.0, *(_room_db(sound) for sound in sounds)])


def _room_db(sound: Loudness) -> float:
    return float(20.0 * np.log10(_HEADROOM / max(sound.peak, 1e-9)))
