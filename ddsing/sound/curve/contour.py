"""A pitch curve, and what its movement consists of.

Within a stretch that is sung without a gap or a jump, pitch in cents is the sum of a slow contour (notes and glides)
and what moves faster (vibrato). They are told apart at 3 Hz by a Butterworth low-pass that runs forwards and backwards,
so that neither lags: singers' vibrato is at 4.5 to 7.5 Hz, notes and glides are below.

References: Prame, "Measurements of the vibrato rate of ten singers", JASA 96 (1994), for the rates; Gustafsson,
"Determining the initial states in forward-backward filtering", IEEE Trans. Signal Process. 44 (1996), for the filter
(`scipy.signal.sosfiltfilt`); Gabor, "Theory of communication", J. IEE 93 (1946), for phase and depth of the vibrato.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ddsing.constants import FRAME_RATE
from ddsing.sound.features import CLEAR, Features
from ddsing.units import hz_to_midi, midi_to_hz

LOWEST_MIDI, HIGHEST_MIDI = 0.0, 110.0  # 8.2 Hz, and the highest that a shifted f0 may reach
VIBRATO_FROM_HZ = 3.0
_ORDER = 6
JUMP = 1.5  # semitones from one frame to the next that no voice glides
_AROUND = 250  # frames beside a stretch that the filters look at
_LEAST = 13  # frames: a shorter piece has no vibrato


@dataclass(frozen=True, eq=False)
class Curve:
    """A pitch curve.

    Attributes
    ----------
    f0_hz, confidence : np.ndarray [shape=(n_frames,), float32]
        Hz, above 0 in every frame of a tracker; 0 to 1.
    voiced : np.ndarray [shape=(n_frames,), bool]
        Whether harmonics are to sound. A tracker leaves that open, so all are.
    """

    f0_hz: np.ndarray
    confidence: np.ndarray
    voiced: np.ndarray

    @classmethod
    def of(cls, features: Features) -> Curve:
        """The curve as it was tracked."""
        return cls(features.f0_hz, features.f0_confidence, np.ones(len(features.f0_hz), bool))

    @property
    def sung(self) -> np.ndarray:
        """Voiced frames with a clear pitch [shape=(n_frames,), bool]."""
        return self.voiced & (self.confidence >= CLEAR) & (self.f0_hz > 0)

    @property
    def midi(self) -> np.ndarray:
        """Pitch in semitones [shape=(n_frames,), float64]."""
        return hz_to_midi(self.f0_hz)

    def with_midi(self, frames: np.ndarray, midi: np.ndarray) -> Curve:
        """With another pitch in some frames, within what can be sung; the others stay bit-identical.

        Parameters
        ----------
        frames : np.ndarray [shape=(n,), int]
        midi : np.ndarray [shape=(n,), float]
        """
        f0_hz = self.f0_hz.copy()
        f0_hz[frames] = midi_to_hz(np.clip(midi, LOWEST_MIDI, HIGHEST_MIDI))
        return Curve(f0_hz, self.confidence, self.voiced)


def pieces(curve: Curve, start: int, end: int) -> Iterator[slice]:
    """What is sung without a gap or a jump, of a stretch and a second around it."""
    start, end = max(0, start - _AROUND), min(len(curve.f0_hz), end + _AROUND)
    sung, midi = curve.sung[start:end], curve.midi[start:end]
    joined = sung[1:] & sung[:-1] & (np.abs(np.diff(midi)) <= JUMP)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        yield slice(start + int(first), start + int(last) + 1)


def split(midi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slow contour and the vibrato of a piece [shape=(n_frames,), float64]; their sum is the piece.

    Parameters
    ----------
    midi : np.ndarray [shape=(n_frames,), float]
        Semitones, or any other unit of musical distance.
    """
    from scipy import signal

    midi = np.asarray(midi, np.float64)
    if len(midi) < _LEAST:
        return midi, np.zeros_like(midi)
    slow = signal.sosfiltfilt(_lowpass().copy(), midi, padlen=min(len(midi) - 1, FRAME_RATE))
    return slow, midi - slow


@functools.lru_cache(maxsize=1)
def _lowpass() -> np.ndarray:
    """The filter in second-order sections [shape=(_ORDER / 2, 6), float64, read-only]: scipy takes a copy only."""
    from scipy import signal

    sections = signal.butter(_ORDER, VIBRATO_FROM_HZ, fs=FRAME_RATE, output="sos")
    sections.flags.writeable = False
    return sections


def quicker(vibrato: np.ndarray, rate: float) -> np.ndarray:
    """A vibrato `rate` times as fast, each moment as deep as it was.

    Its analytic signal has depth and phase; the phase goes `rate` times as far from where it began.
    """
    from scipy import signal

    if rate == 1.0 or len(vibrato) < _LEAST:
        return vibrato
    n_padding = len(vibrato) - 1
    mirrored = np.pad(vibrato, n_padding, mode="reflect", reflect_type="odd")  # a transform's ends meet
    analytic = signal.hilbert(mirrored)[n_padding : n_padding + len(vibrato)]
    phase = np.unwrap(np.angle(analytic))
    return np.abs(analytic) * np.cos(phase[0] + rate * (phase - phase[0]))


def smoothed(midi: np.ndarray, width_s: float) -> np.ndarray:
    """A moving average with a Hann window that is `width_s` wide; at the ends with what there is of it."""
    half = max(1, round(width_s * FRAME_RATE / 2))
    window = np.hanning(2 * half + 1 + 2)[1:-1]
    weights = np.convolve(np.ones(len(midi)), window)[half : half + len(midi)]
    return np.convolve(midi, window)[half : half + len(midi)] / weights


def filled(f0_hz: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Pitch where it is not known on straight lines in semitones between what is, held at both ends.

    Parameters
    ----------
    f0_hz : np.ndarray [shape=(n_frames,), float32]
    known : np.ndarray [shape=(n_frames,), bool]

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32]
        As it was where it is known, and everywhere if it is known nowhere.
    """
    if not known.any():
        return f0_hz
    there, missing = np.flatnonzero(known), np.flatnonzero(~known)
    out = np.array(f0_hz, np.float32)
    out[missing] = midi_to_hz(np.interp(missing, there, hz_to_midi(f0_hz[there])))
    return out


def eased(n_frames: int, *, edge: int = 10) -> np.ndarray:
    """1 in a stretch, and over 40 ms at its ends up from 0 and down to it [shape=(n_frames,), float64]."""
    edge = min(edge, n_frames // 2)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / max(edge, 1))
    return np.concatenate([rise, np.ones(n_frames - 2 * edge), rise[::-1]])
