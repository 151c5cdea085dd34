"""The envelope above 8 kHz, for a formant shift: it goes on from the one below, and both move as one.

A harmonic of amplitude a stands for a power density of a² / 2 / f0 per Hz, a noise band of magnitude m for
m² / 3 / 8,000: so what is moved across 8 kHz keeps its level. Beyond the top's end, which is at 12 kHz for harmonics,
the envelope falls by 12 dB an octave; harmonics that are moved above 12 kHz become noise of their power.

Public: `TopEnvelope`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.levels import FLOOR, TILT, Levels
from ddsing.engine.top import HARMONIC, NOISE
from ddsing.sound import bands

if TYPE_CHECKING:
    from ddsing.engine.decoder import Controls

SEAM_HZ = SAMPLE_RATE / 2
_LEAST = np.float32(1e-20)  # power density per Hz
_LOWEST_HZ = 20.0


@dataclass(frozen=True, eq=False)
class TopEnvelope:
    """What a top gives for some frames, and where it is moved.

    Attributes
    ----------
    harmonic, noise : np.ndarray [shape=(n_frames, n_bands), float32]
        Power densities per Hz, in the bands of `ddsing.sound.bands`.
    f0_hz : np.ndarray [shape=(n_frames, 1), float64]
        At least 20.
    factor : float
        By which formants are moved.
    """

    harmonic: np.ndarray
    noise: np.ndarray
    f0_hz: np.ndarray
    factor: float

    @classmethod
    def of(cls, controls: Controls, f0_hz: np.ndarray, factor: float) -> TopEnvelope | None:
        """That of some frames' controls; None where they have no top."""
        if HARMONIC not in controls:
            return None
        f0_hz = np.maximum(np.asarray(f0_hz, np.float64), _LOWEST_HZ)[:, None]
        return cls(controls[HARMONIC], controls[NOISE], f0_hz, factor)

    def harmonics(self, levels: Levels, amps: np.ndarray) -> Levels:
        """Levels of harmonics, in shares of `amps` [shape=(n_frames, 1)], with those above 8 kHz."""
        whole = levels.columns(self._n_columns(float(self.f0_hz.min())))
        hz = self.f0_hz * np.arange(1, whole.shape[1] + 1)
        above = (_log_at(self.harmonic, hz, end_hz=bands.HARMONICS_HZ) + np.log(2.0 * self.f0_hz)) / 2.0 - np.log(
            np.maximum(amps, FLOOR)
        )
        return Levels.all_of(np.where(hz < SEAM_HZ, whole, above), first=1)

    def noises(self, levels: Levels) -> Levels:
        """Levels of noise bands, with those above 8 kHz."""
        step_hz = SEAM_HZ / (levels.known.shape[1] - 1)
        whole = levels.columns(self._n_columns(step_hz))
        hz = step_hz * np.arange(whole.shape[1])
        above = (_log_at(self.noise, hz[None], end_hz=bands.HIGH_HZ) + np.log(3.0 * SEAM_HZ)) / 2.0
        return Levels.all_of(np.where(hz <= SEAM_HZ, whole, above), first=0)

    def _n_columns(self, step_hz: float) -> int:
        return int(bands.HIGH_HZ / min(self.factor, 1.0) / step_hz) + 3

    def moved(self, harmonics: Levels, noises: Levels, n_noise_bands: int) -> Controls:
        """The top's controls, from levels that are as loud as what is moved below 8 kHz."""
        centre_hz = bands.centres_hz(self.noise.shape[1])
        hz = centre_hz / self.factor
        noise = np.exp(2.0 * noises.at(hz / (SEAM_HZ / (n_noise_bands - 1)))) / (3.0 * SEAM_HZ)
        harmonic = np.exp(2.0 * harmonics.at(hz / self.f0_hz - 1.0)) / (2.0 * self.f0_hz)
        sounds = centre_hz < bands.HARMONICS_HZ
        moved = {HARMONIC: harmonic * sounds, NOISE: noise + harmonic * ~sounds}
        return {name: _seamless(new, old) for (name, new), old in zip(moved.items(), (self.harmonic, self.noise))}


def _seamless(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """The bands below 8 kHz, which fill what resamplers leave, change as the first one above does; float32."""
    first = int(np.searchsorted(bands.centres_hz(old.shape[1]), SEAM_HZ))
    change = new[:, first : first + 1] / np.maximum(old[:, first : first + 1], _LEAST)
    return np.concatenate([old[:, :first] * change, new[:, first:]], axis=1).astype(np.float32)


def _log_at(density: np.ndarray, hz: np.ndarray, *, end_hz: float) -> np.ndarray:
    """Logarithms of densities from 8 kHz on [shape=(n_frames, n)]; `hz` has one row, or one for each frame.

    Beyond the last band before `end_hz` they fall by 12 dB an octave.
    """
    centre_hz, levels = bands.centres_hz(density.shape[1]), np.log(np.maximum(density, _LEAST))
    first, last = int(np.searchsorted(centre_hz, SEAM_HZ)), int(np.searchsorted(centre_hz, end_hz)) - 1
    place = np.clip(bands.place(hz, len(centre_hz)) - 1.0, first, last)
    low = np.minimum(place.astype(int), last - 1)
    rows = np.arange(len(levels))[:, None]
    between = levels[rows, low] + (place - low) * (levels[rows, low + 1] - levels[rows, low])
    return between - 2.0 * TILT * np.log2(np.maximum(hz / centre_hz[last], 1.0))
