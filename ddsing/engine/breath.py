"""Breath: the noise of an instrument made louder or softer beside its harmonics, after the network.

The noise bands are scaled, and with a top the power of its noise; harmonics stay as they are, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing.engine.changed import Changed
from ddsing.engine.render import Renderable
from ddsing.engine.top import NOISE

if TYPE_CHECKING:
    from ddsing.engine.decoder import Controls


@dataclass(frozen=True, eq=False)
class Breathy(Changed):
    """What is rendered, with more or less noise; see `breathy`. A `ddsing.engine.render.Renderable`.

    Attributes
    ----------
    breath_db : float
    """

    breath_db: float

    def changed(self, controls: Controls, frames: slice) -> Controls:
        """The controls of some frames, their noise scaled."""
        gain = np.float32(10.0 ** (self.breath_db / 20.0))
        louder = {"noise_magnitudes": controls["noise_magnitudes"] * gain}
        if NOISE in controls:  # a power, above 8 kHz
            louder[NOISE] = controls[NOISE] * gain**2
        return controls | louder


def breathy(part: Renderable[Any], breath_db: float) -> Renderable[Any]:
    """`part` with its noise louder by so many dB; `part` itself for 0."""
    return Breathy(part, breath_db) if breath_db else part
