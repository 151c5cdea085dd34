"""A head start: before it trains by sound, the decoder learns how loud harmonics and noise are, as measured.

The spectral loss has no gradient for a harmonic that lies below the noise. From random weights its first steps push the
high harmonics there, and noise takes their place: the voice is long dull and hisses. A model that begins with about the
right levels keeps them, and sounds like the voice much sooner.

It is numpy's, so that it runs while TensorFlow is still being loaded.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.decoder_learning import LearningDecoder
from ddsing.engine.encoder import Encoder
from ddsing.engine.wanted_levels import EVERY, SILENCE, wanted_levels
from ddsing.model.config import VOICING_KEY, ModelConfig
from ddsing.sound.blas import single_threaded
from ddsing.units import hz_to_midi

_QUIETEST_DB = -40.0  # of the recordings' loudest frame
_CUT_FRAMES, _BATCH = 60, 8
_DB_PER_NEPER = 20.0 / math.log(10.0)
_BETAS, _EPSILON = (0.9, 0.999), 1e-7  # Keras's Adam


def head_start(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    windows: Sequence[Mapping[str, np.ndarray]],
    *,
    steps: int,
    centred: bool,
    seed: int = 0,
    report: Callable[[int, float], None] = lambda step, error_db: None,
) -> dict[str, np.ndarray]:
    """Weights whose harmonics and noise are about those of the windows.

    Parameters
    ----------
    weights : Mapping[str, np.ndarray]
        Where it begins; names and shapes of `config.weight_shapes()`. An encoder of z stays as it is.
    windows : sequence of Mapping
        As in `wanted_levels`, of one length; `centred` as there.
    steps : int
    seed : int
        Of the order of the windows.
    report : callable, optional
        Told each step and by how much the levels are off, in dB; what it raises passes through.

    Returns
    -------
    dict[str, np.ndarray]
        The weights as given where there is nothing to learn from.
    """
    loudest = max((float(window["loudness_db"].max()) for window in windows), default=0.0)
    quietest_db = loudest + _QUIETEST_DB
    levels = [wanted_levels(window, config, quietest_db=quietest_db, centred=centred)[::EVERY] for window in windows]
    useful = [number for number, level in enumerate(levels) if np.isfinite(level).any()]
    if not useful:
        return dict(weights)
    inputs = [heard(config, weights, windows[number]) for number in useful]
    wanted = [levels[number] for number in useful]
    n_levels = min(_CUT_FRAMES // EVERY, len(wanted[0]))
    n_steps = (n_levels - 1) * EVERY // config.hop_frames + 1
    random = np.random.default_rng(seed)
    decoder = LearningDecoder(config, _bent(config, weights, random))
    adam = _Adam(decoder.vector, steps)
    for step in range(1, steps + 1):
        chosen = random.integers(0, len(useful), _BATCH)
        starts = random.integers(0, len(wanted[0]) - n_levels + 1, _BATCH)
        cuts = [_cut(inputs[n], start * EVERY // config.hop_frames, n_steps) for n, start in zip(chosen, starts)]
        target = np.stack([wanted[n][start : start + n_levels] for n, start in zip(chosen, starts)], axis=1)
        with single_threaded():
            error = learn(decoder, [np.stack(column, axis=1) for column in zip(*cuts)], target)
            adam.step(decoder.gradient)
        report(step, error * _DB_PER_NEPER)
    return dict(weights) | {name: value.copy() for name, value in decoder.weights.items()}


def _bent(config: ModelConfig, weights: Mapping[str, np.ndarray], random: np.random.Generator) -> dict:
    """Weights with which a layer that hears one number tells how large it is.

    Without a bias it does not: layer normalisation leaves of a number times a kernel only the sign. Each channel gets
    the bias with which it changes its sign somewhere from 0 to 1.
    """
    bent = dict(weights)
    for index in range(len(config.input_keys)):
        layer = f"decoder/input_stacks/{index}/layer_with_weights-0/layer_with_weights-0"
        kernel = weights[f"{layer}/kernel"]
        if len(kernel) == 1:
            bent[f"{layer}/bias"] = (-kernel[0] * random.uniform(0.0, 1.0, kernel.shape[1])).astype(np.float32)
    return bent


def heard(config: ModelConfig, weights: Mapping[str, np.ndarray], window: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """What the decoder hears of a window, each [n_steps, width], and last its pitch in Hz."""
    every = slice(None, None, config.hop_frames)
    f0_hz, loudness_db = window["f0_hz"], window["loudness_db"]
    columns = [loudness_db / config.db_range + 1.0, hz_to_midi(f0_hz) / 127.0]
    if config.z:
        columns.append(Encoder(config, weights).encode_window(window["audio"]))
    if config.voicing:
        columns.append(np.clip(window[VOICING_KEY], 0.0, 1.0))
    return [np.asarray(x, np.float32).reshape(len(f0_hz), -1)[every] for x in (*columns, f0_hz)]


def _cut(columns: Sequence[np.ndarray], start: int, n: int) -> list[np.ndarray]:
    return [x[start : start + n] for x in columns]


def learn(decoder: LearningDecoder, inputs: Sequence[np.ndarray], wanted: np.ndarray) -> float:
    """By how many nepers the levels are off; the decoder's gradient is that of this."""
    every = EVERY // decoder.config.hop_frames
    outputs, learn = decoder.decode(inputs[:-1], every)
    f0_hz = inputs[-1][::every].reshape(-1, 1)
    error, on_outputs = level_error(decoder.config, outputs, f0_hz, wanted.reshape(len(outputs), -1))
    learn(on_outputs)
    return error


def level_error(
    config: ModelConfig, outputs: np.ndarray, f0_hz: np.ndarray, wanted: np.ndarray
) -> tuple[float, np.ndarray]:
    """The mean distance of logarithms, and its gradient.

    Parameters
    ----------
    outputs : np.ndarray [shape=(n, n_outputs), float32]
        Of the decoder, before scaling.
    f0_hz : np.ndarray [shape=(n, 1), float32]
    wanted : np.ndarray [shape=(n, n_harmonics + n_noise_bands), float32]
        As `wanted_levels` gives it.

    Returns
    -------
    error : float
    on_outputs : np.ndarray [shape=(n, n_outputs), float32]
    """
    shifted = outputs.copy()
    shifted[:, 1 + config.n_harmonics :] += np.float32(config.noise_initial_bias)
    scaled, slope = _scaled(config, shifted)
    loud, shares, noise = np.split(scaled, [1, 1 + config.n_harmonics], axis=1)
    if config.normalize_below_nyquist:
        silent = f0_hz * np.arange(1, config.n_harmonics + 1, dtype=np.float32) >= SAMPLE_RATE / 2
        shares, slope[:, 1 : 1 + config.n_harmonics] = (
            np.where(silent, np.float32(0.0), x) for x in (shares, slope[:, 1 : 1 + config.n_harmonics])
        )
    total = shares.sum(axis=1, keepdims=True)
    total[total == 0.0] = 1e-7
    played = np.concatenate([loud * shares / total, noise], axis=1) + np.float32(SILENCE)
    known = np.isfinite(wanted)
    apart = np.where(known, np.log(played) - wanted, np.float32(0.0))
    n = max(int(known.sum()), 1)
    on_played = np.sign(apart) / (played * np.float32(n))
    on_amplitudes = on_played[:, : config.n_harmonics] / total
    on_loud = (on_amplitudes * shares).sum(axis=1, keepdims=True)
    on_shares = loud * (on_amplitudes - on_loud / total)
    on_scaled = np.concatenate([on_loud, on_shares, on_played[:, config.n_harmonics :]], axis=1)
    return float(np.abs(apart).sum()) / n, on_scaled * slope


def _scaled(config: ModelConfig, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ddsp's `exp_sigmoid`, and its slope."""
    exponent = np.float32(math.log(config.scale_exponent))
    away = np.exp(-np.clip(x, -80.0, 80.0))
    power = np.float32(config.scale_max_value) * np.exp(-exponent * np.log1p(away))
    return power + np.float32(config.scale_threshold), power * exponent * (away / (1.0 + away))


class _Adam:
    """Keras's Adam on one vector, the rate falling to a tenth over the steps."""

    def __init__(self, vector: np.ndarray, steps: int):
        self._vector, self._decay_steps, self._n = vector, max(steps // 10, 1), 0
        self._mean, self._square = np.zeros_like(vector), np.zeros_like(vector)

    def step(self, gradient: np.ndarray) -> None:
        rate = 2e-3 * 0.8 ** (self._n / self._decay_steps)
        self._n += 1
        first, second = _BETAS
        self._mean += np.float32(1.0 - first) * (gradient - self._mean)
        self._square += np.float32(1.0 - second) * (gradient * gradient - self._square)
        rate *= math.sqrt(1.0 - second**self._n) / (1.0 - first**self._n)
        self._vector -= np.float32(rate) * self._mean / (np.sqrt(self._square) + np.float32(_EPSILON))
