"""What is done to a rendering after the network, frame by frame: harmonics fade, noise is changed.

The network hears nothing of it, so that wherever nothing fades the controls are the network's own, bit for bit.
Everything depends on the frame alone, and not on how the rendering is divided into blocks.

Public: `Shade`, `Shaded`, `Faded`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ddsing.engine.changed import Changed
from ddsing.engine.decoder import Controls
from ddsing.engine.render import held
from ddsing.engine.top import HARMONIC, NOISE


class Shade(ABC):
    """What is done to the controls of some frames; noise stays unless a shade says otherwise."""

    @abstractmethod
    def harmonic_gain(self, frames: slice) -> np.ndarray:
        """What the harmonics' amplitude is multiplied with [shape=(n_frames,), float32]."""

    def noise(self, frames: slice, magnitudes: np.ndarray) -> np.ndarray:
        """The noise magnitudes changed [shape=(n_frames, n_noise_bands), float32]."""
        return magnitudes

    def top_noise(self, frames: slice, density: np.ndarray) -> np.ndarray:
        """The power density of the noise above 8 kHz changed [shape=(n_frames, n_bands), float32]."""
        return density


@dataclass(frozen=True, eq=False)
class Shaded(Changed):
    """A rendering under a shade. A `ddsing.engine.render.Renderable`."""

    shade: Shade

    def changed(self, controls: Controls, frames: slice) -> Controls:
        """The controls of some frames under the shade."""
        gain = self.shade.harmonic_gain(frames)[:, None]
        noise = self.shade.noise(frames, controls["noise_magnitudes"])
        changed = {"amps": controls["amps"] * gain, "noise_magnitudes": noise}
        if HARMONIC in controls:  # a power, above 8 kHz
            changed[HARMONIC] = controls[HARMONIC] * gain**2
            changed[NOISE] = self.shade.top_noise(frames, controls[NOISE])
        return controls | changed


@dataclass(frozen=True, eq=False)
class Faded(Shade):
    """Harmonics and noise faded alike, after another shade if there is one.

    Attributes
    ----------
    gain : np.ndarray [shape=(n_frames,), float32]
    before : Shade or None
    """

    gain: np.ndarray
    before: Shade | None = None

    def harmonic_gain(self, frames: slice) -> np.ndarray:
        """See `Shade`."""
        gain = held(self.gain, frames)
        return gain if self.before is None else gain * self.before.harmonic_gain(frames)

    def noise(self, frames: slice, magnitudes: np.ndarray) -> np.ndarray:
        """See `Shade`."""
        changed = magnitudes if self.before is None else self.before.noise(frames, magnitudes)
        return changed * held(self.gain, frames)[:, None]

    def top_noise(self, frames: slice, density: np.ndarray) -> np.ndarray:
        """See `Shade`."""
        changed = density if self.before is None else self.before.top_noise(frames, density)
        return changed * held(self.gain, frames)[:, None] ** 2
