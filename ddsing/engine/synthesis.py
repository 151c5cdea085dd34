"""ddsp's `Harmonic` and `FilteredNoise` in numpy, as streams: blocks in, blocks out, nothing depends on the block size.

Conventions: frame k stands at sample 64·k; a control is interpolated between its frame and the next. The phase is
carried in float64 cycles, the noise's overlapping tails are carried to the next block. Where a block ends shows in the
last bits, by the order in which numbers are added up, unless it is said that it goes on.

Reference: ddsp.core (harmonic_synthesis, upsample_with_windows, frequency_filter).
"""

import numpy as np
from scipy import fft

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.model.config import ModelConfig
from ddsing.sound.blas import single_threaded
from ddsing.units import n_frames as count_frames

_NOISE_UNIT_FRAMES = 250  # noise is drawn in units of this many frames, each from its own counter
PART_FRAMES = 16  # whose harmonics stay in the processor's second cache while they are computed


class HarmonicStream:
    """A bank of harmonic sinusoids whose phase goes on from block to block."""

    def __init__(self, config: ModelConfig):
        self._numbers = np.arange(1, config.n_harmonics + 1, dtype=np.float64)
        self._cycles = 0.0  # before the block
        self._f0_sum = 0.0  # of the samples of a block that goes on
        ramp = np.arange(HOP_SAMPLES, dtype=np.float32) / HOP_SAMPLES
        self._rise: np.ndarray
        if config.amp_resample_method == "window":  # overlapping Hann windows
            self._rise = (0.5 - 0.5 * np.cos(np.pi * ramp)).astype(np.float32)
        elif config.amp_resample_method == "nearest":  # each frame's value is held, as in ddsp
            self._rise = np.zeros_like(ramp)
        else:
            self._rise = ramp

    def next(self, f0_hz: np.ndarray, amplitudes: np.ndarray, *, goes_on: bool = False) -> np.ndarray:
        """The signal from frame 0 up to the last frame given.

        Parameters
        ----------
        f0_hz : np.ndarray [shape=(n_frames + 1,)]
        amplitudes : np.ndarray [shape=(n_frames + 1, n_harmonics), float32]
            Amplitude of each harmonic. The last row only closes the interpolation and comes first in the next block.
        goes_on : bool
            Whether the next call goes on with this block: to the bit as if both were one call, if this one ends at a
            multiple of `PART_FRAMES`.

        Returns
        -------
        np.ndarray [shape=(64 · n_frames,), float32]
        """
        f0_hz = np.asarray(f0_hz, np.float64)
        ramp = np.arange(HOP_SAMPLES) / HOP_SAMPLES
        f0_samples = (f0_hz[:-1, None] + np.diff(f0_hz)[:, None] * ramp).ravel()
        sums = np.cumsum(np.append(self._f0_sum, f0_samples))[1:]  # one after the other, as in one block
        cycles = self._cycles + sums / SAMPLE_RATE
        self._f0_sum = float(sums[-1]) if goes_on else 0.0
        if not goes_on:
            self._cycles = float(cycles[-1] % 1.0)
        starts = range(0, len(f0_hz) - 1, PART_FRAMES)
        parts = [slice(start, min(start + PART_FRAMES, len(f0_hz) - 1)) for start in starts]
        return np.concatenate([self._sum(part, f0_samples, cycles, amplitudes) for part in parts])

    def _sum(self, frames: slice, f0_samples: np.ndarray, cycles: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
        """The sum of the harmonics in some of the frames [shape=(64 · n_frames,), float32]."""
        samples = slice(frames.start * HOP_SAMPLES, frames.stop * HOP_SAMPLES)
        f0_hz = f0_samples[samples]
        n_used = int(np.searchsorted(self._numbers * f0_hz.min(), SAMPLE_RATE / 2))  # heard at least somewhere
        n_whole = int(np.searchsorted(self._numbers * f0_hz.max(), SAMPLE_RATE / 2))  # heard throughout
        numbers = self._numbers[:n_used]
        phase = np.outer(cycles[samples], numbers)
        phase -= np.rint(phase)
        waves = phase.astype(np.float32)
        waves *= 2.0 * np.pi
        np.sin(waves, out=waves)
        if n_whole < n_used:
            waves[:, n_whole:] *= np.outer(f0_hz, numbers[n_whole:]) < SAMPLE_RATE / 2
        waves = waves.reshape(frames.stop - frames.start, HOP_SAMPLES, n_used)
        used = amplitudes[:, :n_used]
        edges = np.stack([used[frames], used[frames.start + 1 : frames.stop + 1]], axis=2)
        with single_threaded():
            both = waves @ edges  # of [frames, harmonics, 2]
        return (both[..., 0] * (1.0 - self._rise) + both[..., 1] * self._rise).ravel()


class NoiseStream:
    """White noise through a filter per frame, overlap-added; the draw depends on the seed and the position only."""

    def __init__(self, config: ModelConfig, *, seed: int):
        self._seed = seed
        self._frame = 0
        self._window, self._slices = impulse_window(config)
        self._ir_size = sum(part.stop - part.start for part in self._slices)
        self._skip = (self._ir_size - 1) // 2 - 1  # ddsp's delay compensation
        self._n_fft = fft.next_fast_len(HOP_SAMPLES + self._ir_size - 1, real=True)
        self._n_hops = -(-self._n_fft // HOP_SAMPLES)  # that a frame's sound reaches over
        self._tail = np.zeros(self._n_fft, np.float32)  # of the blocks before
        self._open = np.zeros((0, self._n_hops * HOP_SAMPLES), np.float32)  # the last frames of a block that goes on

    def next(self, magnitudes: np.ndarray, *, goes_on: bool = False) -> np.ndarray:
        """The filtered noise of some frames.

        Parameters
        ----------
        magnitudes : np.ndarray [shape=(n_frames, n_noise_bands), float32]
        goes_on : bool
            Whether the next call goes on with this block: to the bit as if both were one call.

        Returns
        -------
        np.ndarray [shape=(64 · n_frames,), float32]
            Delayed by `delay` samples against the frames, because the filters look ahead.
        """
        n_frames = len(magnitudes)
        impulse = fft.irfft(magnitudes, axis=1) * self._window
        impulse = np.concatenate([impulse[:, part] for part in self._slices], axis=1)
        spectrum = fft.rfft(self._draw(n_frames), self._n_fft, axis=1) * fft.rfft(impulse, self._n_fft, axis=1)
        pieces = fft.irfft(spectrum, self._n_fft, axis=1)
        fresh = np.zeros((n_frames, self._n_hops * HOP_SAMPLES), np.float32)
        fresh[:, : self._n_fft] = pieces
        n_open, sounding = len(self._open), np.concatenate([self._open, fresh])
        out = np.zeros(n_frames * HOP_SAMPLES + self._n_fft, np.float32)
        out[: self._n_fft] = self._tail
        for hop in range(self._n_hops):  # every frame's hop-th stretch lands hop frames later
            heard = max(n_open - hop, 0)  # frames of the call before, whose stretch was
            part = sounding[heard:, hop * HOP_SAMPLES : (hop + 1) * HOP_SAMPLES].ravel()
            start = (heard + hop - n_open) * HOP_SAMPLES
            stop = min(start + part.size, out.size)
            out[start:stop] += part[: stop - start]
        if goes_on:  # what rings is added up in the next call, in the order of one block
            rest = self._tail[n_frames * HOP_SAMPLES :]
            self._tail = np.pad(rest, (0, self._n_fft - len(rest)))
            self._open = sounding[-(self._n_hops - 1) :]
        else:
            self._tail, self._open = out[n_frames * HOP_SAMPLES :].copy(), self._open[:0]
        return out[: n_frames * HOP_SAMPLES]

    @property
    def delay(self) -> int:
        """By how many samples the stream lags behind ddsp's output."""
        return self._skip

    def _draw(self, n_frames: int) -> np.ndarray:
        noise = np.empty((n_frames, HOP_SAMPLES), np.float32)
        filled = 0
        while filled < n_frames:
            unit, offset = divmod(self._frame + filled, _NOISE_UNIT_FRAMES)
            count = min(_NOISE_UNIT_FRAMES - offset, n_frames - filled)
            rng = np.random.Generator(np.random.Philox(key=[self._seed & (2**64 - 1), unit]))
            drawn = rng.random((_NOISE_UNIT_FRAMES, HOP_SAMPLES), np.float32)
            noise[filled : filled + count] = 2.0 * drawn[offset : offset + count] - 1.0
            filled += count
        self._frame += n_frames
        return noise


class NoiseAhead:
    """A `NoiseStream` without its delay: it reads some frames ahead of what it gives out.

    ::

        magnitudes     0 ────────────────► read        frames, handed to the stream
        the stream     ├ delay ┤───────────────┤       samples, late by the delay, which is dropped at the beginning
        given out      0 ────────► stop                samples; what lies beyond waits for the next call

    At the end nothing is left to read, and silence brings out what still rings.
    """

    def __init__(self, config: ModelConfig, n_frames: int, *, seed: int):
        self.read = 0  # frames that the stream was given
        self._stream, self._n_frames, self._n_bands = NoiseStream(config, seed=seed), n_frames, config.n_noise_bands
        self._given = 0  # frames
        self._to_drop = self._stream.delay
        self._waiting = np.zeros(0, np.float32)

    def reach(self, stop: int) -> int:
        """Up to which frame magnitudes are needed for the sound before frame `stop`."""
        return min(stop - (-self._stream.delay // HOP_SAMPLES), self._n_frames)

    def next(self, stop: int, magnitudes: np.ndarray, *, goes_on: bool = False) -> np.ndarray:
        """The noise from where the last call ended up to frame `stop`.

        Parameters
        ----------
        magnitudes : np.ndarray [shape=(reach(stop) - read, n_noise_bands), float32]
        goes_on : bool
            See `NoiseStream.next`.

        Returns
        -------
        np.ndarray [shape=(64 · n_frames,), float32]
        """
        fresh = self._stream.next(magnitudes, goes_on=goes_on)
        self.read += len(magnitudes)
        n_samples = (stop - self._given) * HOP_SAMPLES
        missing = n_samples + self._to_drop - len(self._waiting) - len(fresh)
        if missing > 0:
            silence = np.zeros((count_frames(missing, centred=False), self._n_bands), np.float32)
            fresh = np.concatenate([fresh, self._stream.next(silence)])
        ready = np.concatenate([self._waiting, fresh[self._to_drop :]])
        self._to_drop, self._given, self._waiting = 0, stop, ready[n_samples:]
        return ready[:n_samples]


def impulse_window(config: ModelConfig) -> tuple[np.ndarray, tuple[slice, slice]]:
    """The window on a zero-phase impulse response, and the slices that put it in causal order."""
    ir_size = 2 * (config.n_noise_bands - 1)
    size = config.noise_window_size
    if size <= 0 or size > ir_size:
        size = ir_size
    # tf.signal.hann_window is periodic for an even size and symmetric for an odd one.
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / max(size if size % 2 == 0 else size - 1, 1))
    padding = ir_size - size
    if padding == 0:
        half = ir_size // 2
        return np.fft.fftshift(hann).astype(np.float32), (slice(half, ir_size), slice(0, half))
    half = (size + 1) // 2
    window = np.concatenate([hann[half:], np.zeros(padding), hann[:half]])
    first, second = ir_size - (half - 1) + 1, half + 1
    return window.astype(np.float32), (slice(first, ir_size), slice(0, second))
