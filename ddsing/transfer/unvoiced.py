"""Keeping consonants and breath: the recording's own noise where it has no pitch, in place of the instrument's buzz.

Where nothing is voiced (`ddsing.sound.voicing`) the harmonics fade. Where something sounds there, the recording itself
is heard above the crossover of `ddsing.sound.highpass`; below it the instrument's noise takes the strength that the
recording has in each band, so that no more of the recording is heard. Both are as much louder or softer than in the
recording as the instrument is asked to be, so that shifts and loudness statistics act on them as well.

At 48 kHz what the recording has above 8 kHz is heard, too, in the place of the noise of the instrument's top, as far up
as the recording goes (`Above`).

Public: `Above`, `Kept`, `above`, `keep`, `Passed`.
"""

from dataclasses import dataclass

import numpy as np
import soxr

from ddsing.constants import FRAME_RATE, FULL_BAND_RATE, SAMPLE_RATE
from ddsing.engine.render import held
from ddsing.engine.shaded import Shade
from ddsing.sound import bands, highpass, noise_bands, upper_band
from ddsing.sound.features import Features
from ddsing.sound.highpass import Highpass
from ddsing.sound.steps import eased
from ddsing.sound.voicing import presence, voicing
from ddsing.transfer.conditioning import Conditioning

NOTHING = "Nothing in the recording sounds without a pitch, so there are no consonants or breath to keep."
_LEAST_REACH_HZ = 10_000.0  # of a recording that is heard above 8 kHz as well
_MOST_DB = 30.0  # that the recording's noise is raised by


@dataclass(frozen=True, eq=False)
class Above:
    """A recording that goes on above 8 kHz.

    Attributes
    ----------
    audio : np.ndarray [shape=(3 · n_samples,), float32]
        48 kHz mono.
    reach_hz : float
        How far up it goes, see `ddsing.sound.upper_band.Spectrum`.
    """

    audio: np.ndarray
    reach_hz: float


def above(audio: np.ndarray, rate_hz: int) -> Above | None:
    """A recording at its own rate [shape=(n_samples,), float32]; None where it hardly goes on above 8 kHz."""
    if rate_hz <= SAMPLE_RATE:
        return None
    spectrum = upper_band.Spectrum()
    spectrum.take(audio[:, None], rate_hz)
    reach_hz = spectrum.reach_hz
    if reach_hz is None or reach_hz < _LEAST_REACH_HZ:
        return None
    return Above(audio if rate_hz == FULL_BAND_RATE else soxr.resample(audio, rate_hz, FULL_BAND_RATE), reach_hz)


@dataclass(frozen=True, eq=False)
class Kept(Shade):
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
    reach_hz : float
        Up to where the recording is heard above 8 kHz as well; 0 for not at all.
    """

    audio: np.ndarray
    fading: np.ndarray
    share: np.ndarray
    level: np.ndarray
    reach_hz: float = 0.0

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

    def top_noise(self, frames: slice, density: np.ndarray) -> np.ndarray:
        """See `Shade`: bands that the recording reaches make room for it."""
        taken = held(self.share, frames)[:, None] ** 2
        return np.where(bands.centres_hz(density.shape[1]) < self.reach_hz, (1.0 - taken) * density, density)


class Passed:
    """The upper part of a recording as it is heard in the result, in stretches of any length.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        At 16 kHz, of which the part above the crossover is heard; at 48 kHz the part that the 16-kHz copy lacks.
    gain : np.ndarray [shape=(n_frames,), float32]
        What it is multiplied with, interpolated between the frames.
    """

    def __init__(self, audio: np.ndarray, gain: np.ndarray, *, rate_hz: int = SAMPLE_RATE):
        self._upper = Highpass(audio) if rate_hz == SAMPLE_RATE else upper_band.UpperBand(audio)
        self._gain, self._hop = gain, rate_hz // FRAME_RATE

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """The samples from `start` up to `stop` [shape=(stop - start,), float32]."""
        first = start // self._hop
        gain = self._gain[first : stop // self._hop + 2]
        if not gain.any():
            return np.zeros(stop - start, np.float32)
        risen = np.interp(np.arange(start, stop) / self._hop - first, np.arange(len(gain)), gain)
        return self._upper.samples(start, stop) * risen.astype(np.float32)


def keep(audio: np.ndarray, features: Features, asked: Conditioning, amount: float, *, reach_hz: float = 0.0) -> Kept:
    """What is kept of a recording at a setting from 0 to 1.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
    features : Features
        The recording's.
    asked : Conditioning
        What the instrument is to sing, on the loudness scale of `features`.
    reach_hz : float
        Up to where the recording will be heard above 8 kHz as well.
    """
    away = amount * (1.0 - voicing(audio, features.f0_confidence))
    share = np.minimum(away, amount * presence(features.heard_db(audio)))
    change_db = np.minimum(eased(asked.loudness_db - features.loudness_db), _MOST_DB)
    fading = np.sqrt(1.0 - _sine(away) ** 2)  # as much power comes as goes
    level = 10.0 ** (change_db / 20.0)
    fading, share, level = (curve.astype(np.float32) for curve in (fading, _sine(share), level))
    return Kept(audio, fading, share, level, reach_hz)


def _sine(share: np.ndarray) -> np.ndarray:
    """0 to 1 as a quarter of a sine [shape kept, float64]."""
    return np.sin(np.pi / 2.0 * share.astype(np.float64))
