"""CREPE's network in numpy: six convolutions and a classifier over 360 pitch bins, 20 cents apart.

Three things make it some twenty times faster than the plain network. What neighbouring frames multiply in the first
layer is multiplied once (`ddsing.sound.pitch.first_layer`). The other layers are convolved along positions by short
Fourier transforms (`ddsing.sound.pitch.convolution`). Batch normalisation is worked into what follows it.

Reference: Kim, Salamon, Li, Bello, "CREPE: A Convolutional Representation for Pitch Estimation", ICASSP 2018, and the
program crepe 0.0.16.
"""

import collections
import functools
import itertools
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ddsing import hardware
from ddsing.sound import blas
from ddsing.sound.pitch import weights
from ddsing.sound.pitch.convolution import STEP_FRAMES, Convolution, Scratch, rectify
from ddsing.sound.pitch.first_layer import AROUND, FRAME_SAMPLES, N_POSITIONS, FirstLayer

BATCH_FRAMES = 96  # at most; more would leave no room for two in the third cache
_N_THREADS = min(hardware.n_cores(), 8)  # each needs some 110 MB; BLAS's own threads gain little


class Network:
    """CREPE of one capacity. Immutable, may be shared by threads."""

    def __init__(self, capacity: str):
        layers, classifier, bias = weights.load(capacity)
        self._first = FirstLayer(layers[0].kernel[:, 0, :], layers[0].bias)
        self._layers = []
        length = N_POSITIONS // 2
        for before, layer in itertools.pairwise(layers):
            self._layers.append(_Layer(before, layer, length))
            length //= 2
        last = layers[-1]
        by_position = classifier.reshape(length, len(last.scale), -1)
        self._classifier = (by_position * last.scale[:, None]).reshape(classifier.shape)
        self._bias = bias + np.einsum("pco,c->o", by_position, last.shift)

    def n_multiply_adds(self, hop_samples: int) -> float:
        """Of a frame, with what it shares with its neighbours counted once."""
        layers = sum(layer.convolution.n_multiply_adds for layer in self._layers) + self._classifier.size
        return layers + self._first.n_multiply_adds(BATCH_FRAMES, hop_samples) / BATCH_FRAMES

    def blocks(
        self,
        audio: np.ndarray,
        hop_samples: int,
        *,
        lead_samples: int = 0,
        frames: range | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Generator[np.ndarray, None, None]:
        """Activations of consecutive frames, computed side by side on all cores.

        Parameters
        ----------
        audio : np.ndarray [shape=(n_samples,), float32]
            16 kHz mono. Frame k is centred at sample ``hop_samples · k + lead_samples``; outside there are zeros.
        hop_samples : int
            A multiple of 32.
        frames : range, optional
            Which frames; all ``n_samples // hop_samples + 1`` by default. Frames come out the same to the last bit in
            whichever parts they are asked for, if these begin at multiples of 24.

        Yields
        ------
        np.ndarray [shape=(≤ 96, 360), float32]
            Together ``len(frames)`` rows, between 0 and 1.
        """
        frames = range(len(audio) // hop_samples + 1) if frames is None else frames
        own = threading.local()

        def activation(batch: range) -> np.ndarray:
            own.scratch = scratch = getattr(own, "scratch", None) or Scratch()
            n_frames = STEP_FRAMES * -(-len(batch) // STEP_FRAMES)
            stretch = _stretch(audio, batch.start * hop_samples + lead_samples, hop_samples, n_frames)
            return self._activation(stretch, hop_samples, scratch)[: len(batch)]

        n_done = 0
        for block in side_by_side(activation, _batches(frames)):
            yield block
            n_done += len(block)
            if progress:
                progress(n_done / len(frames))

    def _activation(self, stretch: np.ndarray, hop_samples: int, scratch: Scratch) -> np.ndarray:
        """Of a batch [shape=(n_frames, 360), float32]."""
        second = self._layers[0]
        coarse, scale = self._first(stretch, hop_samples, second.convolution, scratch)
        y = second.convolution.product(coarse, scratch)
        y *= scale[:, None]
        x = second.finish(y, scratch)
        for layer in self._layers[1:]:
            x = layer.finish(layer.convolution(x, scratch), scratch)
        x = x.transpose(1, 0, 2).reshape(len(scale), -1) @ self._classifier + self._bias
        return 1.0 / (1.0 + np.exp(-x))


class _Layer:
    """A layer but for the first, with the normalisation of the one before worked into it.

    That is an affine map of each channel, which nothing but a convolution follows: its scale is a part of the kernel,
    and its shift adds the same to each position of every frame.

    Attributes
    ----------
    convolution : Convolution
    """

    def __init__(self, before: weights.Layer, layer: weights.Layer, length: int):
        self.convolution = Convolution(layer.kernel * before.scale[:, None], length)
        by_tap = np.einsum("tio,i->to", layer.kernel.astype(np.float64), before.shift)
        sums = np.pad(np.cumsum(by_tap, axis=0), [(1, 0), (0, 0)])
        begin = np.arange(length) - (len(by_tap) - 1) // 2
        inside = sums[np.minimum(length - begin, len(by_tap))] - sums[np.maximum(-begin, 0)]
        self._offset = (inside + layer.bias).astype(np.float32)  # [length, n_out]
        self._falling = np.flatnonzero(layer.scale < 0)  # channels whose maximum their own scale will turn around

    def finish(self, y: np.ndarray, scratch: Scratch) -> np.ndarray:
        """What follows the convolution, which is used up: the offset, ReLU, and the maximum of each two positions."""
        y += self._offset[:, None]
        even, odd = y[0::2], y[1::2]
        x = np.maximum(even, odd, out=scratch("finished", *even.shape))
        if self._falling.size:
            x[:, :, self._falling] = np.minimum(even[:, :, self._falling], odd[:, :, self._falling])
        return rectify(x)


def _batches(frames: range, n_threads: int = _N_THREADS) -> list[range]:
    """As large as can be, and as many for each thread; the last ones are smaller, so that all threads end together."""
    together = n_threads * BATCH_FRAMES
    n_whole = len(frames) // together * together
    left = len(frames) - n_whole
    few = STEP_FRAMES * -(-left // (n_threads * STEP_FRAMES))
    cuts = [*range(0, n_whole, BATCH_FRAMES), *(range(n_whole, len(frames), few) if left else ()), len(frames)]
    return [frames[first:end] for first, end in itertools.pairwise(cuts)]


def _stretch(audio: np.ndarray, centre: int, hop_samples: int, n_frames: int) -> np.ndarray:
    """What `FirstLayer` reads for a batch of which the first frame has its centre there."""
    start = centre - FRAME_SAMPLES // 2 - AROUND
    stretch = np.zeros((n_frames - 1) * hop_samples + FRAME_SAMPLES + 2 * AROUND, np.float32)
    low, high = max(start, 0), min(start + len(stretch), len(audio))
    if high > low:
        stretch[low - start : high - start] = audio[low:high]
    return stretch


_Item = TypeVar("_Item")


@functools.lru_cache(maxsize=2)
def network(capacity: str) -> Network:
    """The network of a capacity, ``full`` or ``tiny``, built once."""
    return Network(capacity)


def activation(audio: np.ndarray, *, capacity: str = "full", hop_samples: int = 64) -> np.ndarray:
    """All activations of a recording [shape=(n_samples // hop_samples + 1, 360), float32]; see `Network.blocks`."""
    return np.concatenate(list(network(capacity).blocks(np.asarray(audio, np.float32), hop_samples)))


def side_by_side(function: Callable[[range], np.ndarray], items: Iterable[range]) -> Iterator[np.ndarray]:
    """The function's results in order, a few computed ahead; stopping the iteration stops the computing."""
    items = iter(items)
    with blas.single_threaded(), ThreadPoolExecutor(_N_THREADS) as pool:
        waiting = collections.deque(pool.submit(function, item) for item in itertools.islice(items, _N_THREADS + 1))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
                yield result
        finally:
            pool.shutdown(cancel_futures=True)
