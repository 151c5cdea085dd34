"""What a recording seems to be, from simple signs: one voice that sings, speech, several pitches at once, or no pitch.

They are hints. What is measured, over the frames that sound:

- *voiced*: the share with a clear pitch;
- *steady*: of the voiced ones, the share whose pitch, averaged over a period of vibrato, moves by less than 0.7
  semitones in 0.2 s: most of singing, hardly anything of speech;
- *several*: of the louder ones, the share that one series of harmonics does not explain although it is tonal: some of
  the power, below the ninth harmonic, lies between the harmonics, or the tracker is unsure of a clear spectrum. Two
  voices at the octave are not noticed, and reverberation adds to it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.dataset.hearing import Heard
from ddsing.sound.features import CLEAR
from ddsing.units import hz_to_midi

KINDS = ("sung", "speech", "several", "unpitched")
_LEAST_VOICED, _LEAST_STEADY, _MOST_SEVERAL = 0.25, 0.08, 0.45
_TELLING_FRAMES = 375  # 1.5 s voiced; of less, steadiness says nothing
_VIBRATO_FRAMES, _MOVE_FRAMES, _MOVE_SEMITONES = 45, 50, 0.7
_N_SPECTRA, _SPECTRUM_SAMPLES = 300, 2048
_UNEXPLAINED, _TONAL = 0.15, 0.85
_HALF_WIDTH_HZ, _HALF_WIDTH = 20.0, 0.03  # around a harmonic: of the analysis window, and of vibrato


@dataclass(frozen=True)
class Signs:
    """The shares above, and the kind of `KINDS` that they point to."""

    kind: str
    voiced: float
    steady: float
    several: float


def measure(heard: Heard, f0_hz: np.ndarray, f0_confidence: np.ndarray) -> Signs:
    """The signs of a recording that is not silent.

    Parameters
    ----------
    f0_hz, f0_confidence : np.ndarray [shape=(n_frames,), float32]
        250 frames a second.
    """
    n_frames = min(len(f0_hz), len(heard.silent))
    f0_hz, f0_confidence = f0_hz[:n_frames], f0_confidence[:n_frames]
    sounding = ~heard.silent[:n_frames]
    voiced = sounding & (f0_confidence >= CLEAR)
    share = float(voiced.sum() / max(sounding.sum(), 1))
    steady = _steady_share(hz_to_midi(f0_hz), voiced)
    several = _several_share(heard.audio, heard.level_db[:n_frames], sounding, f0_hz, f0_confidence)
    kind = "sung"
    if several > _MOST_SEVERAL:
        kind = "several"
    elif share < _LEAST_VOICED:
        kind = "unpitched"
    elif voiced.sum() >= _TELLING_FRAMES and steady < _LEAST_STEADY:
        kind = "speech"
    return Signs(kind, share, steady, several)


def _steady_share(midi: np.ndarray, voiced: np.ndarray):
    if len(midi) <= _MOVE_FRAMES or not voiced.any():
        return 0.0
    smooth = uniform_filter1d(midi, _VIBRATO_FRAMES, mode="nearest")
    half = _MOVE_FRAMES // 2
    moved = np.full(len(midi), np.inf)
    moved[half:-half] = np.abs(smooth[_MOVE_FRAMES:] - smooth[:-_MOVE_FRAMES])
    within = uniform_filter1d(voiced.astype(float), _MOVE_FRAMES, mode="constant") > 0.98
    return float((voiced & within & (moved < _MOVE_SEMITONES)).sum() / voiced.sum())


def _several_share(
    audio: np.ndarray, level_db: np.ndarray, sounding: np.ndarray, f0_hz: np.ndarray, f0_confidence: np.ndarray
):
    if not sounding.any():
        return 0.0
    louder = np.flatnonzero(sounding & (level_db >= np.percentile(level_db[sounding], 60)))
    frames = louder[:: max(1, len(louder) // _N_SPECTRA)]
    padded = np.pad(audio, _SPECTRUM_SAMPLES // 2)
    spectra = np.lib.stride_tricks.sliding_window_view(padded, _SPECTRUM_SAMPLES)[frames * HOP_SAMPLES]
    power = np.abs(np.fft.rfft(spectra * np.hanning(_SPECTRUM_SAMPLES), axis=1)) ** 2
    hz = np.fft.rfftfreq(_SPECTRUM_SAMPLES, 1.0 / SAMPLE_RATE)
    count = 0
    for row, frame in zip(power, frames):
        if f0_confidence[frame] >= CLEAR:
            count += _unexplained(row, hz, float(f0_hz[frame])) > _UNEXPLAINED
        else:
            count += _tonality(row[(hz > 60.0) & (hz < 5000.0)]) > _TONAL
    return float(count / len(frames))


def _unexplained(power: np.ndarray, hz: np.ndarray, f0_hz: float):
    """Share of the power between the harmonics; the tracker may be an octave too high."""
    band = (hz > 50.0) & (hz < min(8.5 * f0_hz, 7000.0))
    total = power[band].sum()
    shares = [1.0]
    for fundamental_hz in (f0_hz, f0_hz / 2.0) if total > 0.0 else ():
        number = np.maximum(np.round(hz / fundamental_hz), 1.0)
        near = np.abs(hz - number * fundamental_hz) < np.maximum(_HALF_WIDTH_HZ, _HALF_WIDTH * number * fundamental_hz)
        shares.append(float(1.0 - power[band & near].sum() / total))
    return min(shares)


def _tonality(power: np.ndarray):
    """Share of the power in the eight strongest peaks."""
    rest, found = power.copy(), 0.0
    for _ in range(8):
        peak = int(rest.argmax())
        around = slice(max(peak - 3, 0), peak + 4)
        found += float(rest[around].sum())
        rest[around] = 0.0
    return found / max(float(power.sum()), 1e-30)
