"""A voice of 250 frames a second, heard as ddsp-vst plays its models: by power, 50 times a second.

The plug-in gives a model power where such a voice was taught loudness. How much power the voice's own sound has at each
pitch and loudness follows from its controls, without rendering: harmonics of amplitude a have a²/2 each, the noise a
third of its bands' mean square. Sung softer and louder at some pitches, that is turned around: `PowerMap` gives the
loudness at which the voice has the power that is asked for. The network takes its five steps of each 20 ms with its
inputs held; harmonics above the plug-in's are left out with their share of the amplitude, noise bands are interpolated.

`Approximation` is a decoder like any other, of a configuration that hears power; `measure` says how far from the voice
it is, on the built-in phrase.

Public: `PowerMap`, `Approximation`, `Measured`, `fit`, `measure`, `difference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ddsing.constants import DB_RANGE, FRAME_RATE, HOP_SAMPLES, POWER, SAMPLE_RATE
from ddsing.engine import render
from ddsing.engine.decoder import Controls, Decoder, Heard, always_sure
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import DatasetStatistics
from ddsing.sound import loudness, phrase, spectrum
from ddsing.units import hz_to_midi, midi_to_hz

N_HARMONICS, N_NOISE_BANDS = 60, 65  # the plug-in's
STEPS = 5  # of the network, in a frame of the plug-in
_N_PITCHES, _N_POWERS = 9, 33
_BEYOND_MIDI = 3.0  # what is tried below and above the voice's range
_BELOW_DB, _ABOVE_DB = 20.0, 6.0
_RAMP_S, _HELD_S = 1.5, 0.2
_NOISE_SHARE = 1.0 / 3.0  # the mean square of uniform noise from -1 to 1
_FFT, _N_BANDS, _LOWEST_HZ, _HEARD_DB = 1024, 40, 60.0, 50.0


@dataclass(frozen=True, eq=False)
class PowerMap:
    """The loudness at which a voice has some power; bilinear between its nodes, held beyond them.

    Attributes
    ----------
    pitches_midi : np.ndarray [shape=(n_pitches,), float32]
        Evenly spaced.
    loudness : np.ndarray [shape=(n_pitches, n_powers), float32]
        As the network hears it: 0 for silence, 1 for 0 dB; the powers go evenly from -80 to 0 dB.
    """

    pitches_midi: np.ndarray
    loudness: np.ndarray

    def at(self, midi: np.ndarray, power_db: np.ndarray) -> np.ndarray:
        """The loudness, as the network hears it [shape of both, float32]."""
        n_pitches, n_powers = self.loudness.shape
        low, high = self.pitches_midi[[0, -1]]
        row, across = _between((np.asarray(midi) - low) / (high - low), n_pitches)
        column, up = _between(np.asarray(power_db) / DB_RANGE[POWER] + 1.0, n_powers)
        table = self.loudness.astype(np.float64)
        lower = table[row, column] + up * (table[row, column + 1] - table[row, column])
        upper = table[row + 1, column] + up * (table[row + 1, column + 1] - table[row + 1, column])
        return (lower + across * (upper - lower)).astype(np.float32)


def _between(position: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The node before a position from 0 to 1, and how far it is from there to the next."""
    at = np.clip(position, 0.0, 1.0) * (n - 1)
    before = np.minimum(at.astype(int), n - 2)
    return before, at - before


class Approximation(Decoder):
    """A decoder that hears power at 50 frames a second, made of one that hears loudness at 250.

    Parameters
    ----------
    config : ModelConfig
        Of a model without z that hears loudness.
    weights : Mapping[str, np.ndarray]
    powers : PowerMap
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray], powers: PowerMap):
        self._voice = Decoder(*always_sure(config, weights))
        self._powers = powers
        self._noise = noise_bands(config.n_noise_bands)
        self.weights = self._voice.weights
        self.config = replace(
            self._voice.config,
            generation=POWER,
            n_harmonics=N_HARMONICS,
            n_noise_bands=N_NOISE_BANDS,
            noise_window_size=0,
            amp_resample_method="linear",
        )

    def decode(
        self,
        f0_hz: np.ndarray,
        loudness_db: np.ndarray,
        z: np.ndarray | None,
        state: np.ndarray,
        confidence: np.ndarray | None = None,
        heard: Heard | None = None,
    ) -> tuple[Controls, np.ndarray]:
        """As `Decoder.decode`; `loudness_db` is the power, and the frames are the plug-in's."""
        power = self._powers.at(hz_to_midi(np.asarray(f0_hz, np.float64)), loudness_db)
        as_db = (power - 1.0) * self._voice.config.db_range
        held = (np.repeat(np.asarray(f0_hz), STEPS), np.repeat(as_db, STEPS))
        controls, state = self._voice.decode(*held, None, state)
        return self._plugs({name: values[STEPS - 1 :: STEPS] for name, values in controls.items()}), state

    def hear(
        self,
        f0_hz: np.ndarray,
        loudness_db: np.ndarray,
        z: np.ndarray | None = None,
        confidence: np.ndarray | None = None,
    ) -> None:
        """Nothing: what the network is given here is not what it hears."""

    def _plugs(self, controls: Controls) -> Controls:
        """With as many harmonics and noise bands as the plug-in plays."""
        kept = controls["harmonic_distribution"][:, :N_HARMONICS]
        kept = np.pad(kept, ((0, 0), (0, N_HARMONICS - kept.shape[1])))
        share = kept.sum(axis=1, keepdims=True)
        return {
            "amps": controls["amps"] * share,
            "harmonic_distribution": kept / np.maximum(share, np.float32(1e-7)),
            "noise_magnitudes": controls["noise_magnitudes"] @ self._noise,
        }


def noise_bands(n_bands: int) -> np.ndarray:
    """What makes the plug-in's noise bands of others, from 0 to 8 kHz [shape=(n_bands, 65), float32]."""
    at = np.linspace(0.0, n_bands - 1.0, N_NOISE_BANDS)
    return np.maximum(0.0, 1.0 - np.abs(at[None] - np.arange(n_bands)[:, None])).astype(np.float32)


def fit(config: ModelConfig, weights: Mapping[str, np.ndarray], statistics: DatasetStatistics | None) -> PowerMap:
    """Which loudness gives which power, over a voice's range: louder and softer at some pitches."""
    decoder = Decoder(*always_sure(config, weights))
    low, high = (statistics and statistics.pitch_range_midi) or phrase.DEFAULT_RANGE_MIDI
    soft, loud = (statistics and statistics.loudness_range_db) or phrase.DEFAULT_RANGE_DB[config.generation]
    pitches = np.linspace(low - _BEYOND_MIDI, high + _BEYOND_MIDI, _N_PITCHES)
    soft, loud = max(-config.db_range, soft - _BELOW_DB), loud + _ABOVE_DB
    rows = [_turned_around(*_swept(decoder, midi, soft, loud), config.db_range) for midi in pitches]
    return PowerMap(pitches.astype(np.float32), np.array(rows, np.float32))


def _swept(decoder: Decoder, midi: float, soft: float, loud: float) -> tuple[np.ndarray, np.ndarray]:
    """Loudness from soft to loud at one pitch, and the power that it has there, the mean of the way up and down."""
    held, n = round(_HELD_S * FRAME_RATE), round(_RAMP_S * FRAME_RATE)
    up = np.linspace(soft, loud, n)
    levels = np.concatenate([np.full(held, soft), up, np.full(held, loud), up[::-1]])
    f0_hz = np.full(len(levels), midi_to_hz(midi))
    controls, _ = decoder.decode(f0_hz, levels, None, decoder.initial_state())
    power_db = 10.0 * np.log10(np.maximum(power(controls), 1e-20))
    return up, (power_db[held : held + n] + power_db[-n:][::-1]) / 2


def power(controls: Controls) -> np.ndarray:
    """The mean square of what controls sound like [shape=(n_frames,), float64]."""
    harmonics = controls["amps"].astype(np.float64) * controls["harmonic_distribution"]
    noise = controls["noise_magnitudes"].astype(np.float64)
    return (harmonics**2).sum(axis=1) / 2 + _NOISE_SHARE * (noise**2).mean(axis=1)


def _turned_around(levels_db: np.ndarray, power_db: np.ndarray, range_db: float) -> np.ndarray:
    """The network's loudness at the map's powers; beyond what was reached, as much louder or softer as is asked for."""
    rising = np.maximum.accumulate(power_db) + 1e-6 * np.arange(len(power_db))
    wanted = np.linspace(-DB_RANGE[POWER], 0.0, _N_POWERS)
    beyond = np.minimum(wanted - rising[0], 0.0) + np.maximum(wanted - rising[-1], 0.0)
    found = np.interp(wanted, rising, levels_db) + beyond
    return np.clip(found, -range_db, levels_db[-1]) / range_db + 1.0


@dataclass(frozen=True)
class Measured:
    """How far a rendering is from the one that is meant.

    Attributes
    ----------
    harmonics_db : float
        The mean difference of those harmonics that are at most 40 dB below the strongest.
    spectrum_db : float
        The mean difference of what is rendered, in 40 bands spaced as we hear.
    """

    harmonics_db: float
    spectrum_db: float


def measure(
    config: ModelConfig, weights: Mapping[str, np.ndarray], powers: PowerMap, statistics: DatasetStatistics | None
) -> Measured:
    """Render the phrase by the voice, hear it as the plug-in would, and render what the approximation makes of it."""
    ranges = (statistics.pitch_range_midi, statistics.loudness_range_db) if statistics else (None, None)
    f0_hz, loudness_db = phrase.phrase(*ranges, generation=config.generation)
    n_samples = len(f0_hz) * HOP_SAMPLES
    voice, other = render.load(config, weights), Approximation(config, weights, powers)
    exact = render.render(voice, f0_hz, loudness_db, n_samples=n_samples, keep_controls=True)
    power_db = loudness.compute(exact.audio, generation=POWER)[: len(f0_hz)]
    heard = render.Renderer(other.config, other, None)
    near = render.render(heard, f0_hz, power_db, n_samples=n_samples, keep_controls=True)
    return difference(exact, near)


def difference(exact: render.Rendering, near: render.Rendering) -> Measured:
    """How far a rendering is from another; both keep their controls."""
    assert exact.controls is not None and near.controls is not None
    return Measured(
        _difference_db(_harmonics(exact.controls)[::STEPS], _harmonics(near.controls)[::STEPS], 40.0),
        _difference_db(_bands(exact.audio), _bands(near.audio), _HEARD_DB),
    )


def _harmonics(controls: Controls) -> np.ndarray:
    """Amplitudes of as many harmonics as the plug-in has."""
    found = (controls["amps"] * controls["harmonic_distribution"])[:, :N_HARMONICS]
    return np.pad(found, ((0, 0), (0, N_HARMONICS - found.shape[1])))


def _bands(audio: np.ndarray) -> np.ndarray:
    """Amplitudes in bands that are evenly spaced in mel, frame by frame of 20 ms."""
    magnitudes = spectrum.magnitudes(spectrum.frames(audio, _FFT, STEPS * HOP_SAMPLES))
    low, high = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (_LOWEST_HZ, SAMPLE_RATE / 2))
    edges_hz = 700.0 * (10.0 ** (np.linspace(low, high, _N_BANDS + 1) / 2595.0) - 1.0)
    bins = np.unique(np.round(edges_hz * _FFT / SAMPLE_RATE).astype(int))
    return np.sqrt(np.add.reduceat(magnitudes**2, bins[:-1], axis=1) / np.diff(bins))


def _difference_db(exact: np.ndarray, near: np.ndarray, heard_db: float) -> float:
    """The mean difference of what is at most so much below the loudest of its frame, in frames that are heard."""
    loudest = exact.max(axis=1, keepdims=True)
    heard = (exact > loudest * 10.0 ** (-heard_db / 20.0)) & (loudest > 10.0 ** (-heard_db / 20.0) * loudest.max())
    if not heard.any():
        return 0.0
    floor = 1e-7
    return float(np.abs(20.0 * np.log10(np.maximum(near, floor)[heard] / np.maximum(exact, floor)[heard])).mean())
