"""A rendering at 48 kHz: the 16-kHz rendering resampled by a fixed filter, and the instrument's top above it.

What lies below 8 kHz is what `ddsing.engine.render` gives, block by block; the filter passes it up to 7.6 kHz and stops
what it mirrors from 8.2 kHz on. The length is exactly three times that of the 16-kHz rendering, and no sample depends
on the blocks but for rounding.

Public: `blocks`, `upsampled`, `passed`.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import fft

from ddsing.constants import FULL_BAND_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import render
from ddsing.engine.render import Block, Renderable, held
from ddsing.engine.top import HARMONIC, HOP, NOISE, TopStream
from ddsing.units import n_frames as count_frames

TIMES = FULL_BAND_RATE // SAMPLE_RATE  # 3
BLOCK_FRAMES = 250  # half of the 16-kHz rendering's: their arrays are taken from memory that is used again
_REACH = 80  # samples of the 16-kHz sound to each side that a sample depends on
_CUT_HZ = 7_900.0
_SIZE = 8_192  # of the transforms that filter
_UNIT = _SIZE - 2 * _REACH


def blocks(
    part: Renderable[Any],
    *,
    n_samples: int,
    seed: int = 0,
    block_frames: int = BLOCK_FRAMES,
    added_above: Callable[[int, int], np.ndarray] | None = None,
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
    added_above : callable, optional
        Further noise at 48 kHz: gives its samples [float32] from one position up to another.
    options
        Those of `ddsing.engine.render.blocks`.
    """
    n_frames = count_frames(n_samples, centred=False)
    keep_controls = options.pop("keep_controls", False)
    options |= {"seed": seed, "block_frames": block_frames, "keep_controls": True}
    lower = render.blocks(part, n_samples=n_samples, **options)
    ahead, streams, upper = _Ready(2), Upsampler(2), TopStream(seed=seed)
    over = _Ready(2, drop=upper.delay)
    f0_hz = held(np.asarray(part.f0_hz)[:n_frames], slice(0, n_frames + 2))
    start = 0
    for first, block in zip(range(0, n_frames, block_frames), lower):
        assert block.controls is not None
        last = first + block_frames >= n_frames
        ahead.add(streams.next(np.stack([block.harmonic, block.noise])))
        stop = min(first + block_frames, n_frames)
        over.add(upper.next(f0_hz[first:stop], float(f0_hz[stop]), block.controls))
        if last:
            ahead.add(streams.rest())
            for _ in range(2):  # held, so that the last samples have all their frames
                still = {name: block.controls[name][-1:] for name in (HARMONIC, NOISE)}
                over.add(upper.next(f0_hz[n_frames - 1 : n_frames], float(f0_hz[n_frames - 1]), still))
        count = min(ahead.n, over.n, TIMES * n_samples - start)
        sound = ahead.take(count) + over.take(count)
        if added_above is not None:
            sound[1] += added_above(start, start + count)
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

    Parameters
    ----------
    n_sounds : int
        So many side by side: blocks have the shape (n_sounds, n_samples).
    """

    def __init__(self, n_sounds: int) -> None:
        self._before = np.zeros((n_sounds, _REACH), np.float32)  # what the next samples still need

    def next(self, sounds: np.ndarray) -> np.ndarray:
        """The next samples at 48 kHz [shape=(n_sounds, n_samples), float32]."""
        whole = np.concatenate([self._before, np.asarray(sounds, np.float32)], axis=1)
        self._before = whole[:, max(whole.shape[1] - 2 * _REACH, 0) :]
        return _interpolated(whole)

    def rest(self) -> np.ndarray:
        """The last samples, after which there is silence."""
        return _interpolated(np.pad(self._before, [(0, 0), (0, _REACH)]))


def upsampled(sound: np.ndarray) -> np.ndarray:
    """A 16-kHz sound at 48 kHz by the same filter [shape=(3 · n_samples,), float32]."""
    stream = Upsampler(1)
    return np.concatenate([stream.next(sound[None]), stream.rest()], axis=1)[0]


def _interpolated(whole: np.ndarray) -> np.ndarray:
    """Three samples for each of `whole` but for the first and last `_REACH` of its rows."""
    n_sounds, n = len(whole), max(whole.shape[1] - 2 * _REACH, 0)
    n_units = -(-n // _UNIT)
    padded = np.concatenate([whole, np.zeros((n_sounds, n_units * _UNIT - n), np.float32)], axis=1)
    out = np.empty((n_sounds, n_units, _UNIT, TIMES), np.float32)
    for unit in range(n_units):  # each by itself: what it needs fits memory that is used again
        spectrum = fft.rfft(padded[:, unit * _UNIT :][:, :_SIZE], axis=1)
        for phase, response in enumerate(_responses()):
            out[:, unit, :, phase] = fft.irfft(spectrum * response, _SIZE, axis=1)[:, 2 * _REACH :]
    return out.reshape(n_sounds, -1)[:, : n * TIMES]


def passed(frequencies_hz: np.ndarray) -> np.ndarray:
    """How much of a 16-kHz sound's frequencies is left at 48 kHz, 0 to 1 [shape as given, float64]."""
    from scipy import signal  # takes a second to import, and is needed at 48 kHz alone

    _, response = signal.freqz(_filter() / TIMES, worN=np.asarray(frequencies_hz), fs=FULL_BAND_RATE)
    return np.abs(response)


def _filter() -> np.ndarray:
    from scipy import signal

    return signal.firwin(2 * TIMES * _REACH + 1, _CUT_HZ, window=("kaiser", 8.0), fs=FULL_BAND_RATE) * TIMES


def _polyphase() -> np.ndarray:
    """The filter's three phases [shape=(3, 2 · _REACH + 1), float32], each summing up to about 1."""
    return np.pad(_filter(), (0, TIMES - 1)).reshape(-1, TIMES).T.astype(np.float32)


@functools.cache
def _responses() -> np.ndarray:
    """Of the three phases [shape=(3, _SIZE // 2 + 1), complex64]."""
    return fft.rfft(_polyphase(), _SIZE, axis=1)


assert HOP == TIMES * HOP_SAMPLES
