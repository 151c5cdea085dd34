"""The room of the recordings, learnt beside the voice and dropped when it sings: the voice comes out dry.

A short filter of reflections is added to what the model plays before that is compared with the recording. It begins
some milliseconds after the sound itself, so that it can't colour the voice, and its taps die away over their length, so
that it can't hold notes. It is no part of the model: the instrument has no room.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor

SLOTS = ("taps", "m", "v")  # the filter, and Adam's averages of its gradient and of the square
_GAP_S = 0.004  # before the first reflection
_FALL = 3.0 * np.log(10.0)  # of the taps over their length, in nepers: 60 dB


class Room:
    """A filter of `room_ms` in training."""

    def __init__(self, room_ms: float):
        tf = runtime.tensorflow()
        self.n_taps = max(1, round(room_ms * SAMPLE_RATE / 1000))
        time = np.arange(self.n_taps)
        shape = np.exp(-_FALL * time / self.n_taps) * (time >= _GAP_S * SAMPLE_RATE)
        self._shape = shape.astype(np.float32)
        self.variables = tf.Module()
        for name in SLOTS:
            setattr(self.variables, name, tf.Variable(tf.zeros([self.n_taps]), name=name, trainable=name == "taps"))

    @property
    def taps(self) -> Any:
        """What is learnt: the taps before they die away."""
        return self.variables.taps

    def response(self) -> Tensor:
        """The reflections [n_taps], the first of which would be the sound itself; it is 0."""
        return self.taps * self._shape

    def heard(self, audio: Tensor) -> Tensor:
        """Sound [batch, n_samples] as it is in the room; what sounded before it has left nothing."""
        tf = runtime.tensorflow()
        n_samples = audio.shape[1]
        size = [1 << (n_samples + self.n_taps - 1).bit_length()]
        product = tf.signal.rfft(audio, size) * tf.signal.rfft(self.response()[tf.newaxis], size)
        return audio + tf.signal.irfft(product, size)[:, :n_samples]

    @property
    def shapes(self) -> dict[str, tuple[int]]:
        """The variables by their paths in a checkpoint."""
        return {f"room/{name}": (self.n_taps,) for name in SLOTS}

    def state(self) -> dict[str, np.ndarray]:
        """What `go_on` stands by."""
        return {f"room/{name}": getattr(self.variables, name).numpy() for name in SLOTS}

    def go_on(self, state: Mapping[str, np.ndarray] | None) -> None:
        """Stand where a checkpoint's variables stood; without them, begin anew."""
        for name in SLOTS:
            value = np.zeros(self.n_taps, np.float32) if state is None else state[f"room/{name}"]
            getattr(self.variables, name).assign(value)
