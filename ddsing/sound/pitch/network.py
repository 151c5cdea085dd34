"""CREPE's network in numpy: six convolutions and a classifier over 360 pitch bins, 20 cents apart.

Two things make it several times faster than the plain network. The first layer's outputs whose kernel lies wholly
inside the frame are the same for all the frames that overlap there, so they are computed once for the recording (a
frame's normalisation is an affine map and is applied afterwards). The other layers are convolved along the position
axis by FFT.

Reference: Kim, Salamon, Li, Bello, "CREPE: A Convolutional Representation for Pitch Estimation", ICASSP 2018, and the
program crepe 0.0.16.
"""

import collections
import functools
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ddsing import hardware
from ddsing.sound import blas
from ddsing.sound.pitch import weights

FRAME_SAMPLES = 1024
_STRIDE = 4
_N_POSITIONS = FRAME_SAMPLES // _STRIDE
_WIDTH = 512  # of the first kernel
_LEFT = 254  # zeros that 'same' padding puts before the frame
_INSIDE = slice(64, 192)  # positions of the first layer whose kernel lies inside the frame
_EDGE_STEP = 16  # edge positions are computed in groups, each with the taps that its group needs
_EDGES = (*range(0, _INSIDE.start, _EDGE_STEP), *range(_INSIDE.stop, _N_POSITIONS, _EDGE_STEP))
_BATCH_FRAMES = 32
_N_THREADS = min(hardware.n_cores(), 8)  # each needs some 150 MB; BLAS's own threads, and SciPy's, gain little


class Network:
    """CREPE of one capacity. Immutable, may be shared by threads."""

    def __init__(self, capacity: str):
        self._layers, self._classifier, self._bias = weights.load(capacity)
        first = self._layers[0]
        self._first = np.ascontiguousarray(first.kernel[:, 0, :])  # [512, n_out]
        self._tap_sum = self._first.sum(axis=0)
        self._transforms: list[tuple[int, int, np.ndarray]] = []
        length = _N_POSITIONS // 2
        for layer in self._layers[1:]:
            self._transforms.append((length, *_kernel_transform(layer.kernel, length)))
            length //= 2

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
            A multiple of 4.
        frames : range, optional
            Which frames; all ``n_samples // hop_samples + 1`` by default. Frames come out the same to the last bit in
            whichever parts they are asked for, if these begin at multiples of 32.

        Yields
        ------
        np.ndarray [shape=(≤ 32, 360), float32]
            Together ``len(frames)`` rows, between 0 and 1.
        """
        frames = range(len(audio) // hop_samples + 1) if frames is None else frames
        batches = [frames[first : first + _BATCH_FRAMES] for first in range(0, len(frames), _BATCH_FRAMES)]
        n_done = 0
        for block in side_by_side(lambda batch: self._batch(audio, batch, hop_samples, lead_samples), batches):
            yield block
            n_done += len(block)
            if progress:
                progress(n_done / len(frames))

    def _batch(self, audio: np.ndarray, frames: range, hop_samples: int, lead_samples: int) -> np.ndarray:
        start = frames.start * hop_samples + lead_samples - FRAME_SAMPLES // 2
        stretch = np.zeros((len(frames) - 1) * hop_samples + FRAME_SAMPLES, np.float32)
        low, high = max(start, 0), min(start + len(stretch), len(audio))
        if high > low:
            stretch[low - start : high - start] = audio[low:high]
        return self._activation(stretch, len(frames), hop_samples)

    def _activation(self, stretch: np.ndarray, n_frames: int, hop_samples: int) -> np.ndarray:
        x = self._first_layer(stretch, n_frames, hop_samples)
        x = _finish(x, self._layers[0])
        for layer, (length, n_fft, kernel) in zip(self._layers[1:], self._transforms):
            x = _convolve(x, kernel, n_fft, length)
            x += layer.bias
            x = _finish(x, layer)
        x = x.reshape(n_frames, -1) @ self._classifier + self._bias
        return 1.0 / (1.0 + np.exp(-x))

    def _first_layer(self, stretch: np.ndarray, n_frames: int, hop_samples: int) -> np.ndarray:
        """The first convolution of the normalised frames [n_frames, 256, n_out].

        The kernel of position p lies on samples 4·p - 254 to 4·p + 257 of its frame::

                              0                    frame                    1023
                              ├────────────────────────────────────────────┤
            p = 0     ├─ zeros ─┼───────┤
            p = 64              ├───────────────┤            inside from here …
            p = 191                                ├───────────────┤    … to here
            p = 255                                             ├───┼─ zeros ─┤
        """
        frames = _windows(stretch, FRAME_SAMPLES)[::hop_samples][:n_frames]
        mean = frames.mean(axis=1, dtype=np.float32)
        normal = frames - mean[:, None]
        deviation = np.maximum(normal.std(axis=1), np.float32(1e-8))
        normal /= deviation[:, None]
        out = np.empty((n_frames, _N_POSITIONS, self._first.shape[1]), np.float32)
        self._inside(stretch, normal, mean, deviation, hop_samples, out=out[:, _INSIDE])
        for low in _EDGES:
            out[:, low : low + _EDGE_STEP] = self._edge(normal, low)
        return out

    def _inside(
        self,
        stretch: np.ndarray,
        normal: np.ndarray,
        mean: np.ndarray,
        deviation: np.ndarray,
        hop_samples: int,
        *,
        out: np.ndarray,
    ) -> None:
        """The positions whose kernel lies inside the frame: one pass over the stretch, then each frame's affine map."""
        bias = self._layers[0].bias
        shared = np.ascontiguousarray(_windows(stretch, _WIDTH)[2::_STRIDE]) @ self._first
        step = hop_samples // _STRIDE
        for frame, own in enumerate(out):
            if abs(mean[frame]) > deviation[frame]:  # the affine map would cancel the digits that matter
                own[:] = np.ascontiguousarray(_windows(normal[frame], _WIDTH)[2::_STRIDE]) @ self._first + bias
                continue
            gain = np.float32(1.0) / deviation[frame]
            np.multiply(shared[frame * step : frame * step + len(own)], gain, out=own)
            own += bias - mean[frame] * gain * self._tap_sum

    def _edge(self, normal: np.ndarray, low: int) -> np.ndarray:
        """A group of positions from `low` on, whose kernel hangs over the frame's beginning or end.

        Only the taps that any of the group lays on the frame take part; what of them still hangs over meets zeros.
        """
        first_begin, last_begin = (_STRIDE * position - _LEFT for position in (low, low + _EDGE_STEP - 1))
        taps = slice(max(0, -last_begin), min(_WIDTH, FRAME_SAMPLES - first_begin))
        before, after = max(0, -first_begin), max(0, last_begin + _WIDTH - FRAME_SAMPLES)
        padded = np.pad(normal, ((0, 0), (before, after)))
        begin = before + first_begin + taps.start
        windows = _windows(padded, taps.stop - taps.start)[:, begin : begin + _STRIDE * _EDGE_STEP : _STRIDE]
        product = windows.reshape(-1, taps.stop - taps.start) @ self._first[taps]
        return product.reshape(len(normal), _EDGE_STEP, -1) + self._layers[0].bias


def _windows(values: np.ndarray, length: int) -> np.ndarray:
    """All stretches of a length along the last axis, as views [..., n_windows, length]."""
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=-1)


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


def _finish(x: np.ndarray, layer: weights.Layer) -> np.ndarray:
    """ReLU, batch normalisation, and the maximum of each two positions."""
    even, odd = x[:, 0::2], x[:, 1::2]
    y = np.maximum(even, odd)
    falling = np.flatnonzero(layer.scale < 0)
    if falling.size:  # a negative scale turns the maximum around
        y[:, :, falling] = np.minimum(even[:, :, falling], odd[:, :, falling])
    np.maximum(y, 0.0, out=y)
    y *= layer.scale
    y += layer.shift
    return y


def _kernel_transform(kernel: np.ndarray, length: int) -> tuple[int, np.ndarray]:
    """The FFT of a kernel for signals of `length` positions: n_fft, and [n_bins, n_in, n_out] complex64."""
    width = kernel.shape[0]
    left = (width - 1) // 2
    lags = np.arange(width) - left
    useful = np.abs(lags) < length
    n_fft = length + min(width // 2, length)
    aligned = np.zeros((n_fft, *kernel.shape[1:]), np.float32)
    aligned[(-lags[useful]) % n_fft] = kernel[useful]
    from scipy import fft  # takes a second to import, which the first page does not wait for

    return n_fft, np.ascontiguousarray(fft.rfft(aligned, axis=0).astype(np.complex64))


def _convolve(x: np.ndarray, kernel: np.ndarray, n_fft: int, length: int) -> np.ndarray:
    from scipy import fft

    spectrum = fft.rfft(x, n_fft, axis=1)
    product = np.matmul(np.ascontiguousarray(spectrum.transpose(1, 0, 2)), kernel)
    return fft.irfft(product, n_fft, axis=0)[:length].transpose(1, 0, 2)
