"""What is done to a rendering after the network, frame by frame: harmonics fade, noise is changed.

The network hears nothing of it, so that wherever nothing fades the controls are the network's own, bit for bit.
Everything depends on the frame alone, and not on how the rendering is divided into blocks.

Public: `Shade`, `Shaded`, `Faded`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ddsing.engine.decoder import Controls
from ddsing.engine.render import Renderable, held
from ddsing.engine.top import HARMONIC, NOISE
from ddsing.model.config import ModelConfig


class Shade(Protocol):
    """What is done to the controls of some frames."""

    def harmonic_gain(self, frames: slice) -> np.ndarray:
        """What the harmonics' amplitude is multiplied with [shape=(n_frames,), float32]."""
        ...

    def noise(self, frames: slice, magnitudes: np.ndarray) -> np.ndarray:
        """The noise magnitudes changed [shape=(n_frames, n_noise_bands), float32]."""
        ...


@dataclass(frozen=True, eq=False)
class Shaded:
    """A rendering under a shade. A `ddsing.engine.render.Renderable`."""

    part: Renderable[Any]
    shade: Shade

    @property
    def config(self) -> ModelConfig:
        """The rendering's."""
        return self.part.config

    @property
    def f0_hz(self) -> np.ndarray:
        """The rendering's."""
        return self.part.f0_hz

    def initial_state(self) -> Any:
        """What `decode` takes before the first frame."""
        return self.part.initial_state()

    def decode(self, frames: slice, state: Any) -> tuple[Controls, Any]:
        """Controls of consecutive frames, changed, and the state after them."""
        controls, state = self.part.decode(frames, state)
        gain = self.shade.harmonic_gain(frames)[:, None]
        noise = self.shade.noise(frames, controls["noise_magnitudes"])
        changed = {"amps": controls["amps"] * gain, "noise_magnitudes": noise}
        if HARMONIC in controls:  # a power, above 8 kHz
            changed[HARMONIC] = controls[HARMONIC] * gain**2
            if isinstance(self.shade, Faded):
                changed[NOISE] = controls[NOISE] * held(self.shade.gain, frames)[:, None] ** 2
        return controls | changed, state


@dataclass(frozen=True, eq=False)
class Faded:
    """Harmonics and noise faded alike, after another shade if there is one. A `Shade`.

    Attributes
    ----------
    gain : np.ndarray [shape=(n_frames,), float32]
    before : Shade or None
    """

    gain: np.ndarray
    before: Shade | None = None

    def harmonic_gain(self, frames: slice) -> np.ndarray:
        """What the harmonics' amplitude is multiplied with [shape=(n_frames,), float32]."""
        gain = held(self.gain, frames)
        return gain if self.before is None else gain * self.before.harmonic_gain(frames)

    def noise(self, frames: slice, magnitudes: np.ndarray) -> np.ndarray:
        """The noise magnitudes changed [shape=(n_frames, n_noise_bands), float32]."""
        changed = magnitudes if self.before is None else self.before.noise(frames, magnitudes)
        return changed * held(self.gain, frames)[:, None]
