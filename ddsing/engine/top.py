"""The sound above 8 kHz: what a `Top` makes of a frame, and its synthesis at 48 kHz.

Conventions: 48 kHz, frame k stands at sample 192·k. Each frame is one spectrum: noise of random phases, drawn from the
seed and the position only, and below 12 kHz the harmonics that go on where those of the 16-kHz model end, with the
phase that theirs have. Frames overlap by two thirds. Nothing depends on the blocks in which it is asked for.

Public: `inputs`, `powers`, `TopStream`.
"""

from collections.abc import Mapping

import numpy as np
from scipy import fft

from ddsing.constants import FRAME_RATE, FULL_BAND_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.model.config import ModelConfig
from ddsing.model.top import Top
from ddsing.sound import bands
from ddsing.sound.blas import single_threaded
from ddsing.units import hz_to_midi

HOP = FULL_BAND_RATE // FRAME_RATE  # 192 samples
FRAME = 3 * HOP  # of the overlapping Hann windows, whose squares add up to 9/8
HARMONIC, NOISE = "top_harmonic", "top_noise"  # the controls that a top adds
_FIRST, _STOP = int(bands.LOW_HZ * FRAME / FULL_BAND_RATE), FRAME // 2  # bins that sound
_BIN_HZ = FULL_BAND_RATE / FRAME
_UNIT_FRAMES = 250  # noise is drawn in units of this many frames, each from its own counter
_AT_ONCE = 125  # frames: their arrays fit memory that is used again
_KEY = 0x746F70  # the top's draws are not those of the noise below it
_QUARTERS = 4  # of the band below 8 kHz
_SHARE = 5  # the column of the inputs that has how much is harmonic, 0 to 1
_LEAST = 1e-12  # power of full scale, below which nothing is told apart
_PHASES = np.exp(2j * np.pi * np.arange(256) / 256).astype(np.complex64)  # that noise has: a byte chooses one
_LOBE = np.arange(-3, 4)  # bins around a harmonic; beyond them a Hann window is 40 dB down
_HARMONIC_BINS = slice(round(bands.LOW_HZ / _BIN_HZ) - 3, round(bands.HARMONICS_HZ / _BIN_HZ) + 4)


def inputs(
    config: ModelConfig, controls: Mapping[str, np.ndarray], f0_hz: np.ndarray, loudness_db: np.ndarray
) -> np.ndarray:
    """What a top reads of some frames [shape=(n_frames, N_INPUTS), float32].

    Loudness and pitch with their squares and product, the logarithm of the harmonic power and of the noise in each
    quarter below 8 kHz, and the share that is harmonic (`_SHARE`).
    """
    loud = np.asarray(loudness_db, np.float64) / config.db_range + 1.0
    midi = hz_to_midi(f0_hz) / 127.0
    harmonic, noise = _quarters(config, controls, np.asarray(f0_hz, np.float64))
    share = harmonic.sum(axis=1) / (harmonic.sum(axis=1) + noise.sum(axis=1) + _LEAST)
    columns = [loud, midi, loud * loud, midi * midi, loud * midi, share]
    logs = np.log(np.concatenate([harmonic, noise], axis=1) + _LEAST)
    return np.concatenate([np.stack(columns, axis=1), logs], axis=1).astype(np.float32)


def _quarters(
    config: ModelConfig, controls: Mapping[str, np.ndarray], f0_hz: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Harmonic power and noise in each quarter of the band below 8 kHz [shape=(n_frames, 4), float64]."""
    power = np.square(controls["amps"] * controls["harmonic_distribution"], dtype=np.float64) / 2.0
    quarter_hz, number = SAMPLE_RATE / 2 / _QUARTERS, np.arange(1, config.n_harmonics + 1)
    quarter = np.minimum(f0_hz[:, None] * number / quarter_hz, _QUARTERS).astype(int)  # those above 8 kHz are one more
    place = quarter + (_QUARTERS + 1) * np.arange(len(f0_hz))[:, None]
    sums = np.bincount(place.ravel(), power.ravel(), (_QUARTERS + 1) * len(f0_hz)).reshape(-1, _QUARTERS + 1)
    noise = np.square(controls["noise_magnitudes"], dtype=np.float64) / 3.0  # the noise is even from -1 to 1
    parts = np.array_split(noise, _QUARTERS, axis=1)  # the last ones empty, where a model has fewer bands
    means = [part.sum(axis=1) / max(1, part.shape[1]) for part in parts]
    return sums[:, :_QUARTERS], np.stack(means, axis=1) / _QUARTERS


def powers(
    top: Top,
    config: ModelConfig,
    controls: Mapping[str, np.ndarray],
    f0_hz: np.ndarray,
    loudness_db: np.ndarray,
) -> dict[str, np.ndarray]:
    """The top of some frames: `HARMONIC` and `NOISE`, power densities [shape=(n_frames, n_bands), float32] per Hz."""
    values = inputs(config, controls, f0_hz, loudness_db)
    with single_threaded():
        log_power = ((np.clip(values, top.low, top.high) - top.centre) / top.scale) @ top.kernel + top.bias
    density = np.exp(np.clip(log_power, top.least, top.most))
    most = np.where(bands.centres_hz(top.n_bands) < bands.HARMONICS_HZ, top.harmonic_share, np.float32(0.0))
    harmonic = density * values[:, _SHARE, None] * most
    return {HARMONIC: harmonic, NOISE: density - harmonic}


class TopStream:
    """The top's two parts as a stream: frames in, samples out, one and a half frames late."""

    def __init__(self, *, seed: int):
        self._seed, self._frame, self._cycles = seed & (2**64 - 1), 0, 0.0
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(FRAME) / FRAME)
        self._window = (window * np.sqrt(_BIN_HZ * 4.0 / 9.0) * FRAME).astype(np.float32)  # of the noise
        self._tails = np.zeros((2, FRAME - HOP), np.float32)
        self._spectra = np.zeros((2, _AT_ONCE, FRAME // 2 + 1), np.complex64)
        self._unit, self._drawn = -1, np.zeros((0, 0), np.complex64)

    delay = FRAME // 2  # by how many samples the stream lags behind the frames

    def next(self, f0_hz: np.ndarray, following_hz: float, controls: Mapping[str, np.ndarray]) -> np.ndarray:
        """The harmonic part and the noise of some frames.

        Parameters
        ----------
        f0_hz : np.ndarray [shape=(n_frames,), float]
        following_hz : float
            f0 of the frame after them.
        controls : Mapping
            `HARMONIC` and `NOISE` of these frames, see `powers`.

        Returns
        -------
        np.ndarray [shape=(2, 192 · n_frames), float32]
            Late by `delay` samples.
        """
        n_frames, ends = len(f0_hz), np.append(f0_hz, following_hz)
        out = np.zeros((2, n_frames * HOP + FRAME - HOP), np.float32)
        out[:, : FRAME - HOP] = self._tails
        hops = out.reshape(2, -1, HOP)
        for first in range(0, n_frames, _AT_ONCE):
            stop = min(first + _AT_ONCE, n_frames)
            some = slice(first, stop)
            frames = self._frames(ends[first : stop + 1], controls[HARMONIC][some], controls[NOISE][some])
            for part in range(FRAME // HOP):
                hops[:, first + part : stop + part] += frames[:, :, part * HOP : (part + 1) * HOP]
        self._tails = out[:, n_frames * HOP :].copy()
        return out[:, : n_frames * HOP]

    def _frames(self, f0_hz: np.ndarray, harmonic: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Windowed frames of both parts [shape=(2, n_frames, FRAME), float32]; `f0_hz` has one frame more."""
        spectra = self._spectra[:, : len(noise)]  # what is 0 in it stays so
        spectra[0, :, _HARMONIC_BINS] = self._harmonics(f0_hz, harmonic)
        spectra[1, :, _FIRST:_STOP] = np.sqrt(_at_bins(noise)) * self._phases(len(noise))
        frames = fft.irfft(spectra, FRAME, axis=2)
        frames[1] *= self._window
        return frames

    def _phases(self, n_frames: int) -> np.ndarray:
        """Numbers of random phase and size 1 [shape=(n_frames, n_bins), complex64], the next ones."""
        parts = []
        while n_frames:
            unit, offset = divmod(self._frame, _UNIT_FRAMES)
            if unit != self._unit:
                rng = np.random.Generator(np.random.Philox(key=[self._seed, unit + (_KEY << 32)]))
                drawn = np.frombuffer(rng.bytes(_UNIT_FRAMES * (_STOP - _FIRST)), np.uint8)
                self._unit, self._drawn = unit, np.take(_PHASES, drawn).reshape(_UNIT_FRAMES, -1)
            parts.append(self._drawn[offset : offset + n_frames])
            self._frame += len(parts[-1])
            n_frames -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _harmonics(self, f0_hz: np.ndarray, power: np.ndarray) -> np.ndarray:
        """Spectra of windowed harmonics at `_HARMONIC_BINS` [shape=(n_frames, n_bins), complex64]."""
        now = np.asarray(f0_hz[:-1], np.float64)
        steps = (now * HOP_SAMPLES + np.diff(np.asarray(f0_hz, np.float64)) * (HOP_SAMPLES - 1) / 2) / SAMPLE_RATE
        cycles = self._cycles + np.concatenate([[0.0], np.cumsum(steps)])
        self._cycles = float(cycles[-1] % 1.0)
        cycles = cycles[:-1] + now / SAMPLE_RATE  # a sample of the model's has moved on already when it sounds
        spectra = np.zeros((len(now), _HARMONIC_BINS.stop - _HARMONIC_BINS.start), np.complex64)
        sounding = np.flatnonzero((power.max(axis=1) > _LEAST / FULL_BAND_RATE) & (now > 20.0))
        if not len(sounding):
            return spectra
        first = np.ceil(bands.LOW_HZ / now[sounding]).astype(int)
        count = np.floor(bands.HARMONICS_HZ / now[sounding]).astype(int) - first + 1
        frame = np.repeat(sounding, count)
        number = np.arange(len(frame)) + np.repeat(first - np.cumsum(count) + count, count)
        hz, turn = number * now[frame], number * cycles[frame]
        nearest = np.rint(hz / _BIN_HZ).astype(int)
        lobe = _LOBES[np.rint((hz / _BIN_HZ - nearest + 0.5) * _FINENESS).astype(int)]
        size = np.sqrt(2.0 * now[frame] * _interpolated(power, frame, hz)) * (FRAME / 4 / 1.5)  # windows add up to 3/2
        size *= 1.0 - 2.0 * (nearest & 1)  # the frame's middle is its origin
        angle = (2.0 * np.pi * (turn - np.rint(turn))).astype(np.float32)
        bins = ((frame * spectra.shape[1] + nearest - _HARMONIC_BINS.start)[:, None] + _LOBE).ravel()
        for part, wave in ((spectra.real, np.sin(angle)), (spectra.imag, -np.cos(angle))):
            part[:] = np.bincount(bins, ((size * wave)[:, None] * lobe).ravel(), spectra.size).reshape(part.shape)
        return spectra


def _at_bins(power: np.ndarray) -> np.ndarray:
    """Power densities of all frames at the bins that sound [shape=(n_frames, n_bins), float32]."""
    padded = _edged(power)
    place = bands.place(np.arange(_FIRST, _STOP) * _BIN_HZ, power.shape[1])
    below = np.minimum(place.astype(int), power.shape[1])
    share = (place - below).astype(np.float32)
    return padded[:, below] * (1.0 - share) + padded[:, below + 1] * share


def _edged(power: np.ndarray) -> np.ndarray:
    """Power densities with a 0 at both ends of each row; np.pad takes as long as all that follows."""
    padded = np.zeros((len(power), power.shape[1] + 2), power.dtype)
    padded[:, 1:-1] = power
    return padded


def _interpolated(power: np.ndarray, frame: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """Power densities of some frames at some frequencies, as `ddsing.sound.bands.bands` interpolates them."""
    padded = _edged(power)
    place = bands.place(hz, power.shape[1])
    below = np.minimum(place.astype(int), power.shape[1])
    share = place - below
    return padded[frame, below] * (1.0 - share) + padded[frame, below + 1] * share


def _hann_lobe(offset: np.ndarray) -> np.ndarray:
    """The transform of a Hann window at some bins from its middle, 1 there."""
    square = offset * offset
    one = np.abs(square - 1.0) < 1e-9
    return np.where(one, 0.5, np.sinc(offset) / np.where(one, 1.0, 1.0 - square))


_FINENESS = 2_048  # places between two bins for which the lobe is known: rounding to them is 70 dB down
_LOBES = _hann_lobe(_LOBE - (np.arange(_FINENESS + 1) / _FINENESS - 0.5)[:, None]) * (1.0 - 2.0 * (_LOBE & 1))
