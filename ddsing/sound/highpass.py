"""The upper part of a recording, without delay, in stretches of any length.

A linear-phase filter whose delay is taken out. It is applied in units of a fixed length, each by itself, so that what a
stretch sounds like does not depend on how the recording is divided, and memory does not grow with its length.

Public: `Highpass`, `response`.
"""

import functools

import numpy as np

from ddsing.constants import SAMPLE_RATE

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


class Highpass:
    """What a recording has above a crossover.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono; silence is taken to lie before and after it.
    """

    def __init__(self, audio: np.ndarray, *, crossover_hz: float = CROSSOVER_HZ):
        self._audio = audio
        self._n_fft = _UNIT_SAMPLES + _N_TAPS - 1
        self._filter = np.fft.rfft(taps(crossover_hz), self._n_fft)
        self._number, self._unit = -1, np.zeros(0, np.float32)

    def samples(self, start: int, stop: int) -> np.ndarray:
        """Some consecutive samples [shape=(stop - start,), float32]; beyond the end it is silent."""
        numbers = range(start // _UNIT_SAMPLES, -(-stop // _UNIT_SAMPLES))
        parts = [self._of_unit(number) for number in numbers]
        offset = start - numbers.start * _UNIT_SAMPLES if parts else 0
        return np.concatenate([*parts, np.zeros(0, np.float32)])[offset : offset + stop - start]

    def _of_unit(self, number: int) -> np.ndarray:
        if number != self._number:
            half = (_N_TAPS - 1) // 2
            first = number * _UNIT_SAMPLES - half
            heard = np.zeros(self._n_fft, np.float32)
            found = self._audio[max(first, 0) : max(first + self._n_fft, 0)]
            heard[max(-first, 0) :][: len(found)] = found
            both = np.fft.irfft(np.fft.rfft(heard) * self._filter, self._n_fft)
            self._unit = both[_N_TAPS - 1 :].astype(np.float32)
            self._number = number
        return self._unit
