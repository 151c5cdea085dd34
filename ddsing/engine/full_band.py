"""A rendering at 48 kHz: the 16-kHz rendering resampled by a fixed filter, and the instrument's top above it.

What lies below 8 kHz is what `ddsing.engine.render` gives, block by block; the filter passes it up to 7.6 kHz and stops
what it mirrors from 8.2 kHz on. The length is exactly three times that of the 16-kHz rendering, and no sample depends
on the blocks but for rounding.

Public: `blocks`, `upsampled`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import fft, signal

from ddsing.constants import FULL_BAND_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import render
from ddsing.engine.render import BLOCK_FRAMES, Block, Renderable, held
from ddsing.engine.top import HARMONIC, HOP, NOISE, TopStream
from ddsing.units import n_frames as count_frames

TIMES = FULL_BAND_RATE // SAMPLE_RATE  # 3
_REACH = 80  # samples of the 16-kHz sound to each side that a sample depends on
_CUT_HZ = 7_900.0


def blocks(
    part: Renderable[Any],
    *,
    n_samples: int,
    seed: int = 0,
    **options: Any,
) -> Iterator[Block]:
    """Render at 48 kHz, block by block; a `Block` starts and counts at 48 kHz then.

    Parameters
    ----------
    part : Renderable
        One whose controls have a top, see `ddsing.engine.top`.
    n_samples : int
        Of the 16-kHz rendering.
    seed : int
        Of the noise.
    options
        Those of `ddsing.engine.render.blocks`.
    """
    n_frames = count_frames(n_samples, centred=False)
    keep_controls = options.pop("keep_controls", False)
    block_frames = options.get("block_frames", BLOCK_FRAMES)
    lower = render.blocks(part, n_samples=n_samples, seed=seed, keep_controls=True, **options)
    ahead, streams, upper = _Ready(2), [Upsampler(), Upsampler()], TopStream(seed=seed)
    over = _Ready(2, drop=upper.delay)
    f0_hz = held(np.asarray(part.f0_hz)[:n_frames], slice(0, n_frames + 2))
    start = 0
    for first, block in zip(range(0, n_frames, block_frames), lower):
        assert block.controls is not None
        last = first + block_frames >= n_frames
        ahead.add(np.stack([stream.next(sound) for stream, sound in zip(streams, (block.harmonic, block.noise))]))
        stop = min(first + block_frames, n_frames)
        over.add(upper.next(f0_hz[first:stop], float(f0_hz[stop]), block.controls))
        if last:
            ahead.add(np.stack([stream.rest() for stream in streams]))
            for _ in range(2):  # held, so that the last samples have all their frames
                still = {name: block.controls[name][-1:] for name in (HARMONIC, NOISE)}
                over.add(upper.next(f0_hz[n_frames - 1 : n_frames], float(f0_hz[n_frames - 1]), still))
        count = min(ahead.n, over.n, TIMES * n_samples - start)
        sound = ahead.take(count) + over.take(count)
        kept = block.controls if keep_controls else None
        yield replace(block, start=start, harmonic=sound[0], noise=sound[1], controls=kept)
        start += count


class _Ready:
    """Sounds side by side, of which some samples are there and not given out yet."""

    def __init__(self, n_sounds: int, *, drop: int = 0):
        self._sound, self._drop = np.zeros((n_sounds, 0), np.float32), drop

    @property
    def n(self) -> int:
        """How many samples there are."""
        return self._sound.shape[1]

    def add(self, sound: np.ndarray) -> None:
        """Append samples [shape=(n_sounds, n_samples), float32]; the first ones of all are dropped."""
        dropped = min(self._drop, sound.shape[1])
        self._drop -= dropped
        self._sound = np.concatenate([self._sound, sound[:, dropped:]], axis=1)

    def take(self, count: int) -> np.ndarray:
        """The first samples [shape=(n_sounds, count), float32], which are gone then."""
        taken, self._sound = self._sound[:, :count], self._sound[:, count:]
        return taken


class Upsampler:
    """From 16 to 48 kHz as a stream: blocks in, three times their samples out, in the end as many as three times all.

    What comes out is not late: it ends `_REACH` samples before what came in, until `rest`.
    """

    def __init__(self) -> None:
        self._before = np.zeros(_REACH, np.float32)  # of the sound, what the next samples still need

    def next(self, sound: np.ndarray) -> np.ndarray:
        """The next samples at 48 kHz [float32]."""
        whole = np.concatenate([self._before, np.asarray(sound, np.float32)])
        if len(whole) <= 2 * _REACH:
            self._before = whole
            return np.zeros(0, np.float32)
        self._before = whole[-2 * _REACH :]
        return _interpolated(whole)

    def rest(self) -> np.ndarray:
        """The last samples, after which there is silence."""
        return _interpolated(np.concatenate([self._before, np.zeros(_REACH, np.float32)]))


def upsampled(sound: np.ndarray) -> np.ndarray:
    """A 16-kHz sound at 48 kHz by the same filter [shape=(3 · n_samples,), float32]."""
    stream = Upsampler()
    return np.concatenate([stream.next(sound), stream.rest()])


def _interpolated(whole: np.ndarray) -> np.ndarray:
    """Three samples for each of `whole` but for the first and last `_REACH`."""
    n = len(whole) - 2 * _REACH
    if n <= 0:
        return np.zeros(0, np.float32)
    size = fft.next_fast_len(len(whole), real=True)
    spectrum = fft.rfft(whole, size)
    out = np.empty((n, TIMES), np.float32)
    for phase, taps in enumerate(_TAPS):
        out[:, phase] = fft.irfft(spectrum * fft.rfft(taps, size), size)[2 * _REACH : 2 * _REACH + n]
    return out.ravel()


def _polyphase() -> np.ndarray:
    """The filter's three phases [shape=(3, 2 · _REACH + 1), float32], each summing up to about 1."""
    half = TIMES * _REACH
    whole = signal.firwin(2 * half + 1, _CUT_HZ, window=("kaiser", 8.0), fs=FULL_BAND_RATE) * TIMES
    padded = np.concatenate([whole, np.zeros(TIMES - 1)])
    taps = np.zeros((TIMES, 2 * _REACH + 1))
    for phase in range(TIMES):
        taps[phase] = padded[phase::TIMES]
    return taps.astype(np.float32)


_TAPS = _polyphase()
assert HOP == TIMES * HOP_SAMPLES
