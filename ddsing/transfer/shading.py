"""What is done to an instrument's sound beside what it sings: its own part fades, and the recording's noise is added.

Public: `Shading`, `shading`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ddsing.constants import FULL_BAND_RATE
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
    passed_above : Passed or None
        That which is added above 8 kHz, as `ddsing.engine.full_band.blocks` takes it.
    curves : dict of np.ndarray [shape=(n_frames,)]
        What is kept beside the take to be drawn.
    warnings : tuple[str, ...]
    """

    shade: Shade | None = None
    passed: Passed | None = None
    passed_above: Passed | None = None
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def of(self, part: Renderable[Any]) -> Renderable[Any]:
        """What is to be rendered; the very same where nothing fades."""
        return part if self.shade is None else Shaded(part, self.shade)


def shading(
    audio: np.ndarray,
    features: Features,
    asked: Conditioning,
    settings: Settings,
    *,
    own: tuple[np.ndarray, int] | None = None,
) -> Shading:
    """The shading that the settings ask for.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        The recording.
    asked : Conditioning
        On the loudness scale of `features`.
    own : (np.ndarray, int), optional
        The recording at its own rate, and that rate, where the result has what lies above 8 kHz.
    """
    shade: Shade | None = None
    warnings: tuple[str, ...] = ()
    added, above, curves = None, None, {}
    if settings.keep_unvoiced > 0:
        above = None if own is None else unvoiced.above(*own)
        reach_hz = 0.0 if above is None else above.reach_hz
        kept = unvoiced.keep(audio, features, asked, settings.keep_unvoiced, reach_hz=reach_hz)
        shade, added, curves = kept, kept.gain, {"harmonic_fading": kept.fading, "kept_share": kept.share}
        warnings = () if kept.share.any() else (unvoiced.NOTHING,)
    if settings.gate_db is not None:
        gate_gain = gate.gains(features.heard_db(audio), settings.gate_db)
        shade, added = Faded(gate_gain, shade), None if added is None else added * gate_gain
        curves["gate_gain"] = gate_gain
    if added is None:
        return Shading(shade, curves=curves, warnings=warnings)
    passed_above = None if above is None else Passed(above.audio, added, rate_hz=FULL_BAND_RATE)
    return Shading(shade, Passed(audio, added), passed_above, curves, warnings)
