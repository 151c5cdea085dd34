"""Formant shift: the spectral envelope is warped along frequency, f0 stays.

What a network gives for a frame is a sampled envelope: harmonic k stands at k·f0, noise bands lie evenly from 0 Hz to
8 kHz. To move formants by a factor, each harmonic takes the amplitude that the envelope has at its frequency divided by
the factor, interpolated in dB between the harmonics on both sides; so do noise bands. Below the lowest harmonic its
amplitude is held; above the highest (below 8 kHz) the envelope falls by 12 dB an octave, as a voice's source does
(G. Fant, Acoustic Theory of Speech Production, 1960). Both parts keep their energy, frame by frame; harmonics above
8 kHz stay silent.

With a top, the envelope goes on above 8 kHz, and moves as a whole (`ddsing.engine.top_formants`): what was below 8 kHz
and is moved above it, is heard in the top, and what is moved down from above is what the top gives there. Each frame is
warped by itself, so that nothing depends on the block size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.changed import Changed
from ddsing.engine.levels import Levels
from ddsing.engine.render import Renderable, held
from ddsing.engine.top_formants import TopEnvelope

if TYPE_CHECKING:
    from ddsing.engine.decoder import Controls


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
    top = TopEnvelope.of(controls, f0_hz, factor)
    amps, distribution, harmonics = _harmonics(controls["amps"], controls["harmonic_distribution"], f0_hz, factor, top)
    magnitudes, noises = _noise(controls["noise_magnitudes"], factor, top)
    moved = {"amps": amps, "harmonic_distribution": distribution, "noise_magnitudes": magnitudes}
    return {**controls, **moved, **({} if top is None else top.moved(harmonics, noises, magnitudes.shape[1]))}


def _harmonics(
    amps: np.ndarray, distribution: np.ndarray, f0_hz: np.ndarray, factor: float, top: TopEnvelope | None
) -> tuple[np.ndarray, np.ndarray, Levels]:
    """Amplitudes and distribution, whose rows add up to 1 while the energy stays; and the envelope before it moves."""
    numbers = np.arange(1, distribution.shape[1] + 1, dtype=np.float32)
    audible = np.asarray(f0_hz, np.float32)[:, None] * numbers < SAMPLE_RATE / 2
    heard = distribution * audible
    levels = Levels.of(heard, np.maximum(audible.sum(axis=1), 1), first=1)
    if top is not None:
        levels = top.harmonics(levels, amps)
    moved = np.exp(levels.at(numbers / factor - 1.0)) * audible
    total = moved.sum(axis=1, keepdims=True)
    moved = moved / np.where(total > 0.0, total, np.float32(1.0))
    gain = _gain((heard * heard).sum(axis=1), (moved * moved).sum(axis=1))
    return amps * gain, moved, levels.raised(amps * gain / np.where(total > 0.0, total, np.float32(1.0)))


def _noise(magnitudes: np.ndarray, factor: float, top: TopEnvelope | None) -> tuple[np.ndarray, Levels]:
    """The magnitudes, and the envelope before it moves."""
    n_bands = magnitudes.shape[1]
    weights = np.ones(n_bands, np.float32)
    weights[[0, -1]] = 0.5  # of the energy: 0 Hz and 8 kHz bound half a band
    levels = Levels.of(magnitudes, np.full(len(magnitudes), n_bands), first=0)
    if top is not None:
        levels = top.noises(levels)
    moved = np.exp(levels.at(np.arange(n_bands) / factor))
    before, after = ((values * values * weights).sum(axis=1) for values in (magnitudes, moved))
    gain = _gain(before, after)
    return moved * gain, levels.raised(gain)


def _gain(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The gain that keeps the energy [shape=(n_frames, 1), float32]."""
    return np.sqrt(before / np.where(after > 0.0, after, np.float32(1.0)))[:, None].astype(np.float32)
