"""Between instruments: their controls are decoded side by side, mixed frame by frame, and synthesised once.

- Amplitude and noise are mixed in dB, as loudness is heard: halfway between -20 and -40 dB is -30 dB. Whatever lies
  below -80 dB counts as -80 dB, so that a silent instrument draws the mixture down, but not out of hearing at once.
- The harmonic distribution is mixed linearly: its shares still add up to 1, and a harmonic that only one instrument
  has comes in with its weight. Missing harmonics count as 0.
- The noise's bands lie evenly from 0 Hz to 8 kHz; fewer bands are interpolated to as many as the richest one has.
- f0 is mixed in cents, where the instruments are given different ones.
- How sure the pitch is, is given to those that hear it.
- What lies above 8 kHz is mixed in dB, where all instruments that are heard have a top; else there is none.
- A frame in which one instrument has all the weight has that instrument's controls, bit for bit.

Every instrument is given loudness on its own generation's scale. Memory does not grow with the length, see
`ddsing.engine.render`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ddsing.engine.decoder import Controls
from ddsing.engine.render import Block, Renderer, Solo, blocks, held, solo
from ddsing.engine.top import HARMONIC, NOISE
from ddsing.errors import FeaturesError
from ddsing.model.config import ModelConfig
from ddsing.units import n_frames as count_frames

FLOOR = 1e-4  # -80 dB
_TOP_FLOOR = 1e-16  # of a power density per Hz, far below hearing

_States = tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Mixture:
    """Instruments with what each is to sing, mixed; see `mixture`. A `ddsing.engine.render.Renderable`.

    Attributes
    ----------
    parts : tuple[Solo, ...]
        Those that are heard at all.
    weights : np.ndarray [shape=(n_frames, n_parts), float64]
    config : ModelConfig
    f0_hz : np.ndarray [shape=(n_frames,), float32]
    """

    parts: tuple[Solo, ...]
    weights: np.ndarray
    config: ModelConfig
    f0_hz: np.ndarray

    @property
    def full_band(self) -> bool:
        """Whether its controls have what lies above 8 kHz."""
        return all(part.renderer.top is not None for part in self.parts)

    def initial_state(self) -> _States:
        """The state of each instrument."""
        return tuple(part.initial_state() for part in self.parts)

    def hear(self, frames: slice) -> tuple[Any, ...]:
        """What each instrument can be given of the frames."""
        return tuple(part.hear(frames) for part in self.parts)

    def decode(self, frames: slice, state: _States, heard: tuple[Any, ...] | None = None) -> tuple[Controls, _States]:
        """Controls of consecutive frames, and the state after them."""
        own = heard or (None,) * len(self.parts)
        decoded = [part.decode(frames, before, ready) for part, before, ready in zip(self.parts, state, own)]
        controls = [fitted(own, self.config) for own, _ in decoded]
        return mixed(controls, held(self.weights, frames)), tuple(after for _, after in decoded)


def mixture(
    renderers: Sequence[Renderer],
    f0_hz: Sequence[np.ndarray],
    loudness_db: Sequence[np.ndarray],
    weights: np.ndarray,
    *,
    n_samples: int,
    audio: np.ndarray | None = None,
    z: Sequence[np.ndarray | None] | None = None,
    confidence: np.ndarray | None = None,
) -> Mixture:
    """What one or more instruments sing together; one that is never heard is left out.

    Parameters
    ----------
    renderers : Sequence[Renderer]
    f0_hz, loudness_db : Sequence of np.ndarray [shape=(n_frames,), float]
        What each instrument is given.
    weights : np.ndarray [shape=(n_frames, n_renderers), float]
        Each row adds up to 1.
    z : Sequence of np.ndarray or None, optional
        What each is given instead of the recording's own.
    n_samples, audio, confidence
        As in `ddsing.engine.render.solo`.
    """
    weights = np.asarray(weights, np.float64)
    n_frames = min(len(weights), *(len(curve) for curve in (*f0_hz, *loudness_db)))
    too_short = n_frames < count_frames(n_samples, centred=False)
    if weights.ndim != 2 or weights.shape[1] != len(renderers) or too_short:
        raise FeaturesError(
            f"{len(renderers)} instruments need as many weights, f0 and loudness curves, of the whole length."
        )
    heard = [index for index in range(len(renderers)) if weights[:, index].any()]
    curves = list(zip(renderers, f0_hz, loudness_db, z or [None] * len(renderers)))
    parts = [
        solo(renderer, hz, db, n_samples=n_samples, audio=audio, z=own, confidence=confidence)
        for renderer, hz, db, own in (curves[index] for index in heard)
    ]
    config = common_config([part.config for part in parts])
    tops = [part.renderer.top for part in parts]
    if None in tops or len({top.n_bands for top in tops if top is not None}) > 1:
        parts = [replace(part, renderer=replace(part.renderer, top=None)) for part in parts]
    of_parts = weights if len(heard) == len(renderers) else weights[:, heard]  # a copy has 16 bytes for each frame
    return Mixture(tuple(parts), of_parts, config, mixed_f0([part.f0_hz for part in parts], of_parts))


def render_morph(
    renderers: Sequence[Renderer],
    f0_hz: Sequence[np.ndarray],
    loudness_db: Sequence[np.ndarray],
    weights: np.ndarray,
    *,
    n_samples: int,
    audio: np.ndarray | None = None,
    **options: Any,
) -> Iterator[Block]:
    """Render a `mixture` block by block; the options are those of `ddsing.engine.render.blocks`."""
    together = mixture(renderers, f0_hz, loudness_db, weights, n_samples=n_samples, audio=audio)
    return blocks(together, n_samples=n_samples, **options)


def common_config(configs: Sequence[ModelConfig]) -> ModelConfig:
    """The first configuration, with room for every harmonic and noise band of the others."""
    if len(configs) == 1:
        return configs[0]
    windows = [config.noise_window_size for config in configs]
    return replace(
        configs[0],
        n_harmonics=max(config.n_harmonics for config in configs),
        n_noise_bands=max(config.n_noise_bands for config in configs),
        noise_window_size=0 if 0 in windows else max(windows),  # 0 is as long as can be
    )


def fitted(controls: Controls, config: ModelConfig) -> Controls:
    """Controls with as many harmonics and noise bands as `config` has: silent ones added, bands interpolated."""
    distribution, noise = controls["harmonic_distribution"], controls["noise_magnitudes"]
    missing = config.n_harmonics - distribution.shape[1]
    if missing:
        distribution = np.pad(distribution, [(0, 0), (0, missing)])
    if noise.shape[1] != config.n_noise_bands:
        position = np.linspace(0.0, noise.shape[1] - 1.0, config.n_noise_bands)
        low = np.minimum(position.astype(int), noise.shape[1] - 2)
        share = (position - low).astype(np.float32)
        noise = noise[:, low] + share * (noise[:, low + 1] - noise[:, low])
    fit = {"amps": controls["amps"], "harmonic_distribution": distribution, "noise_magnitudes": noise}
    return fit | {name: controls[name] for name in (HARMONIC, NOISE) if name in controls}


def mixed(parts: Sequence[Controls], weights: np.ndarray) -> Controls:
    """The mixture of fitted controls.

    Parameters
    ----------
    parts : Sequence of Controls
        Per instrument, as `Decoder.decode` returns them, all of one shape.
    weights : np.ndarray [shape=(n_frames, n_instruments), float]
    """
    result = {}
    for name, first in parts[0].items():
        if len(parts) == 1:
            result[name] = first
            continue
        linear = name == "harmonic_distribution"
        floor = _TOP_FLOOR if name in (HARMONIC, NOISE) else FLOOR
        values = [part[name] if linear else np.log(np.maximum(part[name], floor)) for part in parts]
        total = sum(weight[:, None].astype(np.float32) * value for weight, value in zip(weights.T, values))
        blend = np.asarray(total if linear else np.exp(total), np.float32)
        for part, weight in zip(parts, weights.T):
            blend[weight == 1.0] = part[name][weight == 1.0]
        result[name] = blend
    return result


def mixed_f0(f0_hz: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The f0 of the mixture [shape=(n_frames,), float32]: the curves' own where they agree, else between in cents."""
    first = np.asarray(f0_hz[0], np.float32)
    result = first.copy()
    n_frames = len(weights)
    differ = np.any([np.asarray(curve)[:n_frames] != first[:n_frames] for curve in f0_hz], axis=0)
    if differ.any():
        logs = np.log(np.maximum(np.stack([curve[:n_frames] for curve in f0_hz], axis=1), 1e-3))
        result[:n_frames][differ] = np.exp((weights * logs).sum(axis=1))[differ]
        for curve, weight in zip(f0_hz, weights.T):
            alone = differ & (weight == 1.0)
            result[:n_frames][alone] = np.asarray(curve)[:n_frames][alone]
    return result
