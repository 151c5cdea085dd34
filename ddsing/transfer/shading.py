"""What is done to an instrument's sound beside what it sings: its own part fades, and the recording's noise is added.

Public: `Shading`, `shading`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ddsing.engine.render import Renderable
from ddsing.engine.shaded import Faded, Shade, Shaded
from ddsing.sound import gate
from ddsing.sound.features import Features
from ddsing.transfer import unvoiced
from ddsing.transfer.conditioning import Conditioning
from ddsing.transfer.settings import Settings
from ddsing.transfer.unvoiced import Passed


@dataclass(frozen=True, eq=False)
class Shading:
    """For one take.

    Attributes
    ----------
    shade : Shade or None
        None where nothing fades.
    passed : Passed or None
        The noise that is added, if any, as `ddsing.engine.render.blocks` takes it.
    curves : dict of np.ndarray [shape=(n_frames,)]
        What is kept beside the take to be drawn.
    warnings : tuple[str, ...]
    """

    shade: Shade | None = None
    passed: Passed | None = None
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def of(self, part: Renderable[Any]) -> Renderable[Any]:
        """What is to be rendered; the very same where nothing fades."""
        return part if self.shade is None else Shaded(part, self.shade)


def shading(audio: np.ndarray, features: Features, asked: Conditioning, settings: Settings) -> Shading:
    """The shading that the settings ask for.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        The recording.
    asked : Conditioning
        On the loudness scale of `features`.
    """
    shade: Shade | None = None
    warnings: tuple[str, ...] = ()
    added, curves = None, {}
    if settings.keep_unvoiced > 0:
        kept = unvoiced.keep(audio, features, asked, settings.keep_unvoiced)
        shade, added, curves = kept, kept.gain, {"harmonic_fading": kept.fading, "kept_share": kept.share}
        warnings = () if kept.share.any() else (unvoiced.NOTHING,)
    if settings.gate_db is not None:
        gate_gain = gate.gains(features.heard_db(audio), settings.gate_db)
        shade, added = Faded(gate_gain, shade), None if added is None else added * gate_gain
        curves["gate_gain"] = gate_gain
    return Shading(shade, None if added is None else Passed(audio, added), curves, warnings)
