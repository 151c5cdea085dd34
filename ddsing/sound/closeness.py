"""How close two singings are in timbre, whatever they sing: by long-term spectra, and by the spread of log-mel frames.

Neither needs the two to sing the same vowel at the same time: a spectral loss does, and is lowest for a blur. Levels
are compared as they are where the two should be as loud as each other, and else *level-free*: each frame, or the whole
spectrum, about its own mean.

Public: `octave_levels_db`, `octave_errors_db`, `Mel`, `log_mel_db`, `frechet_db`, `by_pitch_db`.

References: IEC 61260-1 (octave bands); Slaney's mel scale as in librosa; Dowson and Landau 1982 (the distance of two
normal distributions), as Kilgour et al. 2019 use it of sound.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.sound import spectrum

OCTAVES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
HOP_S = 0.016  # of the frames of `log_mel_db`
_WINDOW_S = 0.064
_LONG_S = 0.128
_SILENCE = 1e-12  # of power
_AUDIBLE_DB = 60.0  # below the loudest band: what is weaker is not compared
_SOUNDING_DB = 45.0  # below the loudest frame: what is softer is silence
_SHRINKAGE = 0.02  # of a covariance towards its diagonal, since there may be few frames
_LEAST_FRAMES = 8
_MEL_BREAK_HZ, _MEL_STEP_HZ, _MELS_PER_NEPER = 1000.0, 200.0 / 3.0, 27.0 / np.log(6.4)


@dataclass(frozen=True)
class Mel:
    """Log-mel frames.

    Attributes
    ----------
    db : np.ndarray [shape=(n_frames, n_bands), float64]
        Level of each band, dB.
    sounding : np.ndarray [shape=(n_frames,), bool]
        Where it is no silence.
    """

    db: np.ndarray
    sounding: np.ndarray

    @property
    def heard_db(self) -> np.ndarray:
        """The frames that are no silence [shape=(n_sounding, n_bands), float64]."""
        return self.db[self.sounding]

    @property
    def level_free_db(self) -> np.ndarray:
        """The same, each about its own mean."""
        heard = self.heard_db
        return heard - heard.mean(axis=1, keepdims=True)


def octave_levels_db(audio: np.ndarray, *, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """The long-term level in each octave of `OCTAVES_HZ` that begins below half the rate.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]

    Returns
    -------
    np.ndarray [shape=(n_octaves,), float64]
        dB of power; a sine of amplitude 1 has -3 dB in its octave. -120 dB where nothing sounds.
    """
    size = 2 * round(_LONG_S * sample_rate / 2)
    power = _power(audio, size, size // 4).mean(axis=0)
    window_energy = size * np.square(spectrum.hann(size)).sum()
    power = power * np.where((np.arange(len(power)) == 0) | (np.arange(len(power)) == size // 2), 1.0, 2.0)
    frequency_hz = np.arange(len(power)) * sample_rate / size
    half = np.sqrt(2.0)
    centres = [centre for centre in OCTAVES_HZ if centre / half < sample_rate / 2]
    sums = [power[(frequency_hz >= centre / half) & (frequency_hz < centre * half)].sum() for centre in centres]
    return 10.0 * np.log10(np.maximum(np.array(sums) / window_energy, _SILENCE))


def octave_errors_db(levels_db: np.ndarray, others_db: np.ndarray, *, level_free: bool = True) -> np.ndarray:
    """How much more each octave of `others_db` has than `levels_db`; NaN where neither can be heard.

    Parameters
    ----------
    levels_db, others_db : np.ndarray [shape=(n_octaves,)]
        Of `octave_levels_db`. What lies 60 dB below the loudest octave is taken as that.
    level_free : bool
        Whether their whole levels are made the same before.

    Returns
    -------
    np.ndarray [shape=(n_octaves,), float64]
        dB, signed.
    """
    one, two = (np.asarray(levels, np.float64) for levels in (levels_db, others_db))
    if level_free:
        one, two = (levels - _total_db(levels) for levels in (one, two))
    least = one.max() - _AUDIBLE_DB
    heard = (one > least) | (two > least)
    return np.where(heard, np.maximum(two, least) - np.maximum(one, least), np.nan)


def log_mel_db(audio: np.ndarray, *, sample_rate: int = SAMPLE_RATE, n_bands: int = 40) -> Mel:
    """Log-mel frames of a sound, one every 16 ms, from 50 Hz to half the rate."""
    size, hop = (2 * round(seconds * sample_rate / 2) for seconds in (_WINDOW_S, HOP_S))
    power = _power(audio, size, hop)
    db = 10.0 * np.log10(np.maximum(power @ _filters(size, sample_rate, n_bands), _SILENCE * size))
    level_db = 10.0 * np.log10(np.maximum(power.sum(axis=1), _SILENCE))
    sounding = level_db > max(level_db.max(initial=-np.inf) - _SOUNDING_DB, 10.0 * np.log10(_SILENCE * size))
    loudest = db.max(initial=-120.0)
    return Mel(np.maximum(db, loudest - 2 * _SOUNDING_DB), sounding)


def frechet_db(frames: np.ndarray, others: np.ndarray) -> float | None:
    """The Fréchet distance of two sets of frames as normal distributions: dB, root mean square over the bands.

    Zero where mean and covariance are the same, whatever the order of the frames; `c` for the same frames, `c` dB
    louder in all bands. None where one of them has fewer than eight frames.

    Parameters
    ----------
    frames, others : np.ndarray [shape=(n_frames, n_bands)]
    """
    if min(len(frames), len(others)) < _LEAST_FRAMES:
        return None
    (mean, covariance), (other_mean, other_covariance) = _normal(frames), _normal(others)
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    crossed = np.linalg.eigvalsh(root @ other_covariance @ root)
    spread = np.trace(covariance) + np.trace(other_covariance) - 2.0 * np.sqrt(np.maximum(crossed, 0.0)).sum()
    squared = np.square(mean - other_mean).sum() + max(spread, 0.0)
    return float(np.sqrt(squared / len(mean)))


def by_pitch_db(
    frames: np.ndarray, f0_hz: np.ndarray, others: np.ndarray, others_f0_hz: np.ndarray, *, octaves: float = 0.25
) -> float | None:
    """The distance of two sets of frames, pitch by pitch: root mean square over the bands, mean over the pitches.

    Parameters
    ----------
    frames, others : np.ndarray [shape=(n_frames, n_bands)]
        dB.
    f0_hz, others_f0_hz : np.ndarray [shape=(n_frames,)]
        Pitch of each frame; NaN or 0 where there is none, which are not compared.
    octaves : float
        How much pitch counts as one.

    Returns
    -------
    float or None
        dB, each step counted as often as the first has it; None where they have no pitch in common.
    """
    steps, other_steps = (_pitch_steps(pitch, octaves) for pitch in (f0_hz, others_f0_hz))
    distances, counts = [], []
    for step in np.unique(steps[np.isfinite(steps)]):
        one, two = frames[steps == step], others[other_steps == step]
        if len(two):
            distances.append(np.sqrt(np.square(one.mean(axis=0) - two.mean(axis=0)).mean()))
            counts.append(len(one))
    return float(np.average(distances, weights=counts)) if counts else None


def _pitch_steps(f0_hz: np.ndarray, octaves: float) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(f0_hz) > 0, np.round(np.log2(np.asarray(f0_hz, np.float64)) / octaves), np.nan)


def _power(audio: np.ndarray, size: int, hop: int) -> np.ndarray:
    """Power spectra of the frames that lie wholly in a sound, at least one [shape=(n_frames, size // 2 + 1)]."""
    whole = max((len(audio) - size) // hop + 1, 1)
    pieces = spectrum.frames(np.asarray(audio, np.float32), size, hop)[:whole]
    return np.square(spectrum.magnitudes(pieces), dtype=np.float64)


def _normal(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    covariance = np.cov(frames, rowvar=False)
    return frames.mean(axis=0), (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance))


def _total_db(levels_db: np.ndarray) -> float:
    return float(10.0 * np.log10(np.maximum(np.sum(10.0 ** (levels_db / 10.0)), _SILENCE)))


@lru_cache(maxsize=8)
def _filters(size: int, sample_rate: int, n_bands: int) -> np.ndarray:
    """Triangles, of the same width on the mel scale, each summing to 1 [shape=(size // 2 + 1, n_bands), float64]."""
    edges = _to_hz(np.linspace(_to_mel(50.0), _to_mel(sample_rate / 2), n_bands + 2))
    edges = np.maximum.accumulate(edges)
    frequency_hz = (np.arange(size // 2 + 1) * sample_rate / size)[:, None]
    rising = (frequency_hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency_hz) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(np.minimum(rising, falling), 0.0)
    return triangles / np.maximum(triangles.sum(axis=0), 1e-12)


def _to_mel(hz: float) -> float:
    if hz < _MEL_BREAK_HZ:
        return hz / _MEL_STEP_HZ
    return float(_MEL_BREAK_HZ / _MEL_STEP_HZ + _MELS_PER_NEPER * np.log(hz / _MEL_BREAK_HZ))


def _to_hz(mel: np.ndarray) -> np.ndarray:
    above = mel - _MEL_BREAK_HZ / _MEL_STEP_HZ
    return np.where(above < 0, mel * _MEL_STEP_HZ, _MEL_BREAK_HZ * np.exp(np.maximum(above, 0.0) / _MELS_PER_NEPER))
