"""The upper part of a recording, without delay, in stretches of any length.

A linear-phase filter whose delay is taken out.

Public: `Highpass`, `response`.
"""

import functools

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.sound.in_units import InUnits

CROSSOVER_HZ = 2000.0  # half of the amplitude; what lies 200 Hz below is 60 dB down
_N_TAPS = 255
_UNIT_SAMPLES = 16_384 - (_N_TAPS - 1)


@functools.lru_cache(maxsize=8)
def taps(crossover_hz: float = CROSSOVER_HZ) -> np.ndarray:
    """The filter [shape=(255,), float64, read-only]: an impulse less a windowed sinc, as scipy.signal.firwin has it."""
    position = np.arange(_N_TAPS) - _N_TAPS // 2
    cutoff = 2.0 * crossover_hz / SAMPLE_RATE
    filtered = np.hamming(_N_TAPS) * (np.sinc(position) - cutoff * np.sinc(cutoff * position))
    filtered /= np.sum(filtered * np.cos(np.pi * position))  # 1 at the highest frequency
    filtered.flags.writeable = False
    return filtered


def response(frequency_hz: np.ndarray, crossover_hz: float = CROSSOVER_HZ) -> np.ndarray:
    """How much of an amplitude passes, 0 to 1, by frequency; shape kept, float64."""
    position = np.arange(_N_TAPS) - _N_TAPS // 2
    turns = np.multiply.outer(np.asarray(frequency_hz, np.float64) / SAMPLE_RATE, position)
    return np.clip(np.cos(2.0 * np.pi * turns) @ taps(crossover_hz), 0.0, 1.0)


class Highpass(InUnits):
    """What a recording has above a crossover.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono; silence is taken to lie before and after it.
    """

    def __init__(self, audio: np.ndarray, *, crossover_hz: float = CROSSOVER_HZ):
        super().__init__(audio, unit_samples=_UNIT_SAMPLES, margin_samples=(_N_TAPS - 1) // 2)
        self._filter = np.fft.rfft(taps(crossover_hz), _UNIT_SAMPLES + _N_TAPS - 1)

    def filtered(self, heard: np.ndarray) -> np.ndarray:
        """See `InUnits`."""
        return np.fft.irfft(np.fft.rfft(heard) * self._filter, len(heard))[_N_TAPS - 1 :].astype(np.float32)
