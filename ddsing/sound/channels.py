"""From several channels to one: when their mean would lose the sound, one of them is used instead.

The mean is what is used, but where the channels cancel each other (one is inverted), and where all but one are
silent: a microphone on one input of two, whose mean would be half as loud.

Public: `Channels`, `Chosen`.
"""

from dataclasses import dataclass, field

import numpy as np

_CANCELLING = 0.1  # of the power that channels which have nothing to do with each other would have together
_SILENT = 1e-4  # of the power of the loudest channel, 40 dB below it: a preamplifier's hiss


@dataclass(frozen=True)
class Chosen:
    """A channel to use instead of the mean, and the sentence that says so."""

    channel: int
    remark: str


@dataclass
class Channels:
    """Listens to channels as they are in a file, block by block."""

    _power: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _mix_power: float = 0.0
    _same: bool = True

    def take(self, block: np.ndarray) -> None:
        """Listen to samples [shape=(n_samples, n_channels), float32]."""
        n_channels = block.shape[1]
        if not len(self._power):
            self._power = np.zeros(n_channels)
        if n_channels != len(self._power):  # as in recordings that were joined
            self._same = False
        if not self._same or n_channels < 2:
            return
        with np.errstate(all="ignore"):  # what is no sound is refused by the decoder
            self._power = self._power + np.square(block, dtype=np.float64).sum(axis=0)
            self._mix_power += float(np.square(block.sum(axis=1, dtype=np.float64)).sum())

    def instead_of_the_mix(self) -> Chosen | None:
        """The channel to use, if the mean of all would lose the sound."""
        if not self._same or len(self._power) < 2 or not self._power.any():
            return None
        loudest = int(self._power.argmax())
        others = np.delete(self._power, loudest)
        if others.max() <= _SILENT * self._power[loudest]:
            name = _name(loudest, len(self._power))
            return Chosen(loudest, f"Only {name} channel has sound, so only that channel is used, at its own level.")
        if self._mix_power < _CANCELLING * float(self._power.sum()):
            name = _name(loudest, len(self._power))
            return Chosen(loudest, f"Its channels cancel each other out when mixed, so only {name} is used.")
        return None


def _name(channel: int, n_channels: int) -> str:
    return ("the left", "the right")[channel] if n_channels == 2 else f"number {channel + 1}"
