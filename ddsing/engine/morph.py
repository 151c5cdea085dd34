"""Between instruments: their controls are decoded side by side, mixed frame by frame, and synthesised once.

- Amplitude and noise are mixed in dB, as loudness is heard: halfway between -20 and -40 dB is -30 dB. Whatever lies
  below -80 dB counts as -80 dB, so that a silent instrument draws the mixture down, but not out of hearing at once.
- The harmonic distribution is mixed linearly: its shares still add up to 1, and a harmonic that only one instrument
  has comes in with its weight. Missing harmonics count as 0.
- The noise's bands lie evenly from 0 Hz to 8 kHz; fewer bands are interpolated to as many as the richest one has.
- f0 is mixed in cents, where the instruments are given different ones.
- A frame in which one instrument has all the weight has that instrument's controls, bit for bit.

Every instrument is given loudness on its own generation's scale. Memory does not grow with the length, see
`ddsing.engine.render`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.render import Block, Model, render_blocks
from ddsing.errors import FeaturesError
from ddsing.model.config import ModelConfig

FLOOR = 1e-4  # -80 dB


def render_morph(
    models: Sequence[Model],
    f0_hz: Sequence[np.ndarray],
    loudness_db: Sequence[np.ndarray],
    weights: np.ndarray,
    *,
    n_samples: int,
    audio: np.ndarray | None = None,
    **options,
) -> Iterator[Block]:
    """Render a mixture block by block.

    Parameters
    ----------
    models : Sequence[Model]
    f0_hz, loudness_db : Sequence of np.ndarray [shape=(n_frames,), float]
        What each model is given, as `render_blocks` takes it.
    weights : np.ndarray [shape=(n_frames, n_models), float]
        Each row adds up to 1.
    n_samples, audio, options
        As in `render_blocks`.
    """
    model, mixed_hz, first_db = mixture(models, f0_hz, loudness_db, weights, audio=audio, n_samples=n_samples)
    return render_blocks(model, mixed_hz, first_db, n_samples=n_samples, **options)


def mixture(models, f0_hz, loudness_db, weights, *, n_samples: int, audio=None) -> tuple[Model, np.ndarray, np.ndarray]:
    """A model that decodes the mixture, the f0 that it sounds at, and a loudness to call it with (not used)."""
    weights = np.asarray(weights, np.float64)
    n_frames = min(len(weights), *(len(curve) for curve in (*f0_hz, *loudness_db)))
    if weights.ndim != 2 or weights.shape[1] != len(models) or n_frames < -(-n_samples // HOP_SAMPLES):
        raise FeaturesError(
            f"{len(models)} instruments need as many weights, f0 and loudness curves, of the whole length."
        )
    used = [index for index in range(len(models)) if weights[:, index].any()]
    models, f0_hz, loudness_db = ([x[index] for index in used] for x in (models, f0_hz, loudness_db))
    z = [_z(model, audio, n_frames, n_samples) for model in models]
    decoder = MorphDecoder(models, f0_hz, loudness_db, z, weights[:, used])
    return Model(decoder.config, decoder, None), mixed_f0(f0_hz, weights[:, used]), loudness_db[0]  # type: ignore[arg-type]


class MorphDecoder:
    """Decodes like `ddsing.engine.decoder.Decoder`; the position is part of the state, so threads may share one."""

    def __init__(self, models, f0_hz, loudness_db, z, weights):
        self.config = common_config([model.config for model in models])
        self._models = models
        self._inputs = list(zip(f0_hz, loudness_db, z))
        self._weights = weights

    def initial_state(self):
        """(frame, the state of each model)."""
        return 0, tuple(model.decoder.initial_state() for model in self._models)

    def decode(self, f0_hz, loudness_db, z, state):
        """Controls of the next ``len(f0_hz)`` frames, and the state after them; the last frame is held."""
        position, states = state
        stop = position + len(f0_hz)
        parts, after = [], []
        for model, inputs, before in zip(self._models, self._inputs, states):
            curves = [None if x is None else _between(x, position, stop) for x in inputs]
            controls, reached = model.decoder.decode(*curves, before)
            parts.append(fitted(controls, self.config))
            after.append(reached)
        return mixed(parts, _between(self._weights, position, stop)), (stop, tuple(after))


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


def fitted(controls, config: ModelConfig) -> dict[str, np.ndarray]:
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
    return {"amps": controls["amps"], "harmonic_distribution": distribution, "noise_magnitudes": noise}


def mixed(parts: Sequence[dict], weights: np.ndarray) -> dict[str, np.ndarray]:
    """The mixture of fitted controls.

    Parameters
    ----------
    parts : Sequence of dict
        Per instrument, as `Decoder.decode` returns them, all of one shape.
    weights : np.ndarray [shape=(n_frames, n_instruments), float]
    """
    result = {}
    for name, first in parts[0].items():
        if len(parts) == 1:
            result[name] = first
            continue
        linear = name == "harmonic_distribution"
        values = [part[name] if linear else np.log(np.maximum(part[name], FLOOR)) for part in parts]
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


def _z(model, audio, n_frames, n_samples):
    if model.encoder is None:
        return None
    if audio is None:
        raise FeaturesError("One of these instruments takes its z from a recording: give the audio with its features.")
    return model.encoder.encode(audio, min(n_frames, -(-n_samples // HOP_SAMPLES)))


def _between(values, start, stop):
    """Rows `start` to `stop`, the last one repeated beyond the end."""
    found = values[start:stop]
    missing = stop - start - len(found)
    return found if not missing else np.concatenate([found, np.repeat(values[-1:], missing, axis=0)])
