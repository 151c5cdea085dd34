"""Keeping consonants and breath: the recording's own noise where it has no pitch, in place of the instrument's buzz.

Where nothing is voiced (`ddsing.sound.voicing`) the harmonics fade. Where something sounds there, the recording itself
is heard above the crossover of `ddsing.sound.highpass`; below it the instrument's noise takes the strength that the
recording has in each band, so that no more of the recording is heard. Both are as much louder or softer than in the
recording as the instrument is asked to be, so that shifts and loudness statistics act on them as well.

Public: `Kept`, `keep`, `Passed`.
"""

from dataclasses import dataclass

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine.render import held
from ddsing.sound import highpass, noise_bands
from ddsing.sound.features import Features
from ddsing.sound.highpass import Highpass
from ddsing.sound.steps import eased
from ddsing.sound.voicing import presence, voicing
from ddsing.transfer.conditioning import Conditioning

NOTHING = "Nothing in the recording sounds without a pitch, so there are no consonants or breath to keep."
_MOST_DB = 30.0  # that the recording's noise is raised by


@dataclass(frozen=True, eq=False)
class Kept:
    """What of a recording is kept, and what fades for it. A `ddsing.engine.shaded.Shade`.

    Attributes
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        The recording.
    fading : np.ndarray [shape=(n_frames,), float32]
        What the harmonics are multiplied with: 1 where something is voiced.
    share : np.ndarray [shape=(n_frames,), float32]
        How far the recording's noise takes the place of the instrument's, 0 to 1.
    level : np.ndarray [shape=(n_frames,), float32]
        What the recording is multiplied with to be as loud as the instrument is asked to be.
    """

    audio: np.ndarray
    fading: np.ndarray
    share: np.ndarray
    level: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """What the recording above the crossover is multiplied with [shape=(n_frames,), float32]."""
        return self.share * self.level

    def harmonic_gain(self, frames: slice) -> np.ndarray:
        """What the harmonics' amplitude is multiplied with [shape=(n_frames,), float32]."""
        return held(self.fading, frames)

    def noise(self, frames: slice, magnitudes: np.ndarray) -> np.ndarray:
        """The noise magnitudes, with the recording's in the place of the instrument's [shape kept, float32]."""
        share = held(self.share, frames)[:, None]
        rows = np.flatnonzero(share)
        if not len(rows):
            return magnitudes
        n_bands = magnitudes.shape[1]
        at = np.minimum(frames.start + rows, len(self.share) - 1)
        own = noise_bands.magnitudes(self.audio, at, n_bands) * self.level[at, None]
        below = 1.0 - highpass.response(np.linspace(0.0, SAMPLE_RATE / 2, n_bands)) ** 2
        taken = share[rows] ** 2
        result = magnitudes.copy()
        result[rows] = np.sqrt((1.0 - taken) * magnitudes[rows] ** 2 + taken * below * own**2)
        return result


class Passed:
    """The upper part of a recording as it is heard in the result, in stretches of any length.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
    gain : np.ndarray [shape=(n_frames,), float32]
        What it is multiplied with, interpolated between the frames.
    """

    def __init__(self, audio: np.ndarray, gain: np.ndarray):
        self._upper, self._gain = Highpass(audio), gain

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """The samples from `start` up to `stop` [shape=(stop - start,), float32]."""
        first = start // HOP_SAMPLES
        gain = self._gain[first : stop // HOP_SAMPLES + 2]
        if not gain.any():
            return np.zeros(stop - start, np.float32)
        risen = np.interp(np.arange(start, stop) / HOP_SAMPLES - first, np.arange(len(gain)), gain)
        return self._upper.samples(start, stop) * risen.astype(np.float32)


def keep(audio: np.ndarray, features: Features, asked: Conditioning, amount: float) -> Kept:
    """What is kept of a recording at a setting from 0 to 1.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
    features : Features
        The recording's.
    asked : Conditioning
        What the instrument is to sing, on the loudness scale of `features`.
    """
    away = amount * (1.0 - voicing(audio, features.f0_confidence))
    share = np.minimum(away, amount * presence(features.heard_db(audio)))
    change_db = np.minimum(eased(asked.loudness_db - features.loudness_db), _MOST_DB)
    curves = np.sqrt(1.0 - _sine(away) ** 2), _sine(share), 10.0 ** (change_db / 20.0)  # as much power comes as goes
    return Kept(audio, *(curve.astype(np.float32) for curve in curves))


def _sine(share: np.ndarray) -> np.ndarray:
    """0 to 1 as a quarter of a sine [shape kept, float64]."""
    return np.sin(np.pi / 2.0 * share.astype(np.float64))
