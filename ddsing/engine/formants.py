"""Formant shift: the spectral envelope is warped along frequency, f0 stays.

What a network gives for a frame is a sampled envelope: harmonic k stands at k·f0, noise bands lie evenly from 0 Hz to
8 kHz. To move formants by a factor, each harmonic takes the amplitude that the envelope has at its frequency divided by
the factor, interpolated in dB between the harmonics on both sides; so do noise bands. Below the lowest harmonic its
amplitude is held; above the highest (below 8 kHz) the envelope falls by 12 dB an octave, as a voice's source does
(G. Fant, Acoustic Theory of Speech Production, 1960). Both parts keep their energy, frame by frame; harmonics above
8 kHz stay silent, and what a full-band instrument's top gives there stays. Each frame is warped by itself, so that
nothing depends on the block size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.changed import Changed
from ddsing.engine.render import Renderable, held

if TYPE_CHECKING:
    from ddsing.engine.decoder import Controls

_FLOOR = np.float32(1e-7)  # -140 dB, as low as networks go
_TILT = np.float32(12.0 * np.log(10.0) / 20.0)  # 12 dB, as a natural logarithm


@dataclass(frozen=True, eq=False)
class Shifted(Changed):
    """What is rendered, with its formants moved; see `shifted`. A `ddsing.engine.render.Renderable`.

    Attributes
    ----------
    semitones : float
    """

    semitones: float

    def changed(self, controls: Controls, frames: slice) -> Controls:
        """The controls of some frames, warped."""
        return warped(controls, held(self.part.f0_hz, frames), self.semitones)


def shifted(part: Renderable[Any], semitones: float) -> Renderable[Any]:
    """`part` with its formants moved by so many semitones; `part` itself for 0."""
    return Shifted(part, semitones) if semitones else part


def warped(controls: Controls, f0_hz: np.ndarray, semitones: float) -> Controls:
    """The controls with their envelopes moved; entries other than the decoder's three stay as they are.

    Parameters
    ----------
    controls : Controls
        As `ddsing.engine.decoder.Decoder.decode` returns them.
    f0_hz : np.ndarray [shape=(n_frames,), float]
        Of the same frames.
    semitones : float
        Upwards.
    """
    factor = 2.0 ** (semitones / 12.0)
    amps, distribution = _harmonics(controls["amps"], controls["harmonic_distribution"], f0_hz, factor)
    noise = _noise(controls["noise_magnitudes"], factor)
    return {**controls, "amps": amps, "harmonic_distribution": distribution, "noise_magnitudes": noise}


def _harmonics(
    amps: np.ndarray, distribution: np.ndarray, f0_hz: np.ndarray, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes and distribution; the distribution's rows add up to 1 again, the energy is the amplitudes'."""
    numbers = np.arange(1, distribution.shape[1] + 1, dtype=np.float32)
    audible = np.asarray(f0_hz, np.float32)[:, None] * numbers < SAMPLE_RATE / 2
    heard = distribution * audible
    moved = _resampled(heard, np.maximum(audible.sum(axis=1), 1), numbers / factor - 1.0, first=1) * audible
    total = moved.sum(axis=1, keepdims=True)
    moved = moved / np.where(total > 0.0, total, np.float32(1.0))
    return amps * _gain((heard * heard).sum(axis=1), (moved * moved).sum(axis=1)), moved


def _noise(magnitudes: np.ndarray, factor: float) -> np.ndarray:
    n_bands = magnitudes.shape[1]
    weights = np.ones(n_bands, np.float32)
    weights[[0, -1]] = 0.5  # of the energy: 0 Hz and 8 kHz bound half a band
    moved = _resampled(magnitudes, np.full(len(magnitudes), n_bands), np.arange(n_bands) / factor, first=0)
    before, after = ((values * values * weights).sum(axis=1) for values in (magnitudes, moved))
    return moved * _gain(before, after)


def _resampled(values: np.ndarray, n_known: np.ndarray, places: np.ndarray, *, first: int) -> np.ndarray:
    """Rows read at fractional places, linear in dB; beyond their known values they fall by 12 dB an octave.

    Parameters
    ----------
    values : np.ndarray [shape=(n_frames, n), float32]
    n_known : np.ndarray [shape=(n_frames,), int]
        How many of a row count, at least one.
    places : np.ndarray [shape=(n,), float]
        Columns, between which is interpolated; those below 0 read the first.
    first : int
        The first column's frequency in steps between columns: 1 for harmonics, 0 for bands from 0 Hz on.
    """
    places = np.maximum(places, 0.0)
    low = places.astype(int)
    share = (places - low).astype(np.float32)
    levels = np.log(np.maximum(values, _FLOOR))
    columns = np.arange(max(values.shape[1], low[-1] + 2), dtype=np.float32)
    last = np.take_along_axis(levels, n_known[:, None] - 1, axis=1)
    octaves = np.log2(np.maximum(columns + first, 1.0) / (n_known[:, None] - 1 + first)).astype(np.float32)
    levels = np.pad(levels, [(0, 0), (0, len(columns) - values.shape[1])])
    levels = np.where(columns < n_known[:, None], levels, last - _TILT * octaves)
    return np.exp(levels[:, low] + share * (levels[:, low + 1] - levels[:, low]))


def _gain(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The gain that keeps the energy [shape=(n_frames, 1), float32]."""
    return np.sqrt(before / np.where(after > 0.0, after, np.float32(1.0)))[:, None].astype(np.float32)
