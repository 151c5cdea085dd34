"""A recording that is filtered in units of a fixed length, each by itself.

What a stretch sounds like does not depend on how the recording is divided, and memory does not grow with its length.
"""

from abc import ABC, abstractmethod

import numpy as np


class InUnits(ABC):
    """A filtered recording, in stretches of any length; silence is taken to lie before and after it.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
    unit_samples : int
        Length of a unit.
    margin_samples : int
        What `filtered` is given on each side of a unit.
    """

    def __init__(self, audio: np.ndarray, *, unit_samples: int, margin_samples: int):
        self._audio, self._length, self._margin = audio, unit_samples, margin_samples
        self._number, self._unit = -1, np.zeros(0, np.float32)

    @abstractmethod
    def filtered(self, heard: np.ndarray) -> np.ndarray:
        """A unit [shape=(unit_samples,), float32] from what lies around it [shape=(unit_samples + 2 · margin,)]."""

    def samples(self, start: int, stop: int) -> np.ndarray:
        """Some consecutive samples [shape=(stop - start,), float32]; beyond the end it is silent."""
        numbers = range(start // self._length, -(-stop // self._length))
        parts = [self._of_unit(number) for number in numbers]
        offset = start - numbers.start * self._length if parts else 0
        return np.concatenate([*parts, np.zeros(0, np.float32)])[offset : offset + stop - start]

    def _of_unit(self, number: int) -> np.ndarray:
        if number != self._number:
            first = number * self._length - self._margin
            heard = np.zeros(self._length + 2 * self._margin, np.float32)
            found = self._audio[max(first, 0) : max(first + len(heard), 0)]
            heard[max(-first, 0) :][: len(found)] = found
            self._number, self._unit = number, self.filtered(heard)
        return self._unit
