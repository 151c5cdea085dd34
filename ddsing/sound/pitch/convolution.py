"""Convolutions along positions as real matrix products, in the layout [positions, frames, channels] throughout.

A convolution is a product, bin by bin, of short discrete Fourier transforms. Everything here is a matrix product, since
BLAS computes some hundred times as many multiply-adds a second as NumPy copies numbers from one layout to another:

- With positions first, transforming is a matrix from the left, and no array is ever transposed.
- The transform of n = 8·m points goes in two steps: position 8·a + b, summed over a for each of m *coarse* frequencies;
  then over b for the eight *fine* ones of each. That are 11,000 multiply-adds in place of 31,000 for n = 160.
- A complex product takes three real ones in place of four (Gauss): with the sums x_r + x_i, which the transform gives
  along with x_r and x_i, it is (x_r + x_i)·k_r, x_r·(k_i - k_r) and x_i·(k_r + k_i), of which the first less the third
  is the real part and the first plus the second the imaginary. These sums are a part of the inverse transform's matrix.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ddsing.sound import blas

FINE = 8
STEP_FRAMES = 24  # BLAS takes rows by 8 or 12, and sums the rest of a matrix in another order: there is none
_AT_ONCE = 10**6  # multiply-adds up to which OpenBLAS does not copy the matrices into another order first
_PAGE, _PADDING = 1024, 16  # numbers: 4 kB, and one line of the cache


class Scratch:
    """Arrays that are used again under their names, by one thread: fresh memory costs as much as filling it twice."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def __call__(self, name: str, *shape: int) -> np.ndarray:
        """An array with whatever it held, float32; until the name is used again.

        It is contiguous from its second axis on. Rows that would lie whole pages apart, and so share the same few
        places of the processor's cache, lie a little further apart.
        """
        row = math.prod(shape[1:])
        stride = row if row % _PAGE else row + _PADDING
        size = shape[0] * stride
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = np.empty(size, np.float32)
        return self._kept[name][:size].reshape(shape[0], stride)[:, :row].reshape(shape)


@dataclass(frozen=True, eq=False)
class _Group:
    """The bins of one coarse frequency.

    Attributes
    ----------
    rows : slice
        Of the coarse transform: eight of its real part, and eight of the imaginary one if it has any.
    forward : np.ndarray [shape=(n_products, n_rows), float32]
    kernel : np.ndarray [shape=(n_products, n_in, n_out), float32]
    inverse : np.ndarray [shape=(n_rows, n_products), float32]
    """

    rows: slice
    forward: np.ndarray
    kernel: np.ndarray
    inverse: np.ndarray


class Convolution:
    """A convolution with zeros around, as many positions out as in (Keras's ``same``). Immutable.

    Parameters
    ----------
    kernel : np.ndarray [shape=(width, n_in, n_out), float32]
    length : int
        Positions, a multiple of 8.

    Attributes
    ----------
    n_multiply_adds : int
        Of a frame.
    """

    def __init__(self, kernel: np.ndarray, length: int):
        width, self._n_in, self._n_out = kernel.shape
        lags = np.arange(width) - (width - 1) // 2
        useful = np.abs(lags) < length
        n_fft = length + min(width // 2, length)  # what comes around the end lands behind the last position
        n_coarse = n_fft // FINE
        self._groups: list[_Group] = []
        coarse: list[np.ndarray] = []
        with blas.single_threaded():
            for frequency in range(n_coarse // 2 + 1):
                n_rows = 1 if frequency in (0, n_coarse // 2) else 2
                angles = 2.0 * np.pi * frequency / n_coarse * np.arange(length // FINE)
                rows = slice(len(coarse) * FINE, (len(coarse) + n_rows) * FINE)
                coarse += [np.cos(angles), -np.sin(angles)][:n_rows]
                bins = _bins(frequency, n_coarse)
                self._groups.append(_group(kernel[useful], lags[useful], n_fft, bins, rows))
        self._coarse = np.array(coarse, np.float32)
        self._back = np.ascontiguousarray(self._coarse.T)
        per_in = self._coarse.size * FINE + sum(group.forward.size for group in self._groups)
        per_out = self._back.size * FINE + sum(group.inverse.size for group in self._groups)
        n_products = sum(group.kernel.size for group in self._groups)
        self.n_multiply_adds = n_products + per_in * self._n_in + per_out * self._n_out

    def __call__(self, x: np.ndarray, scratch: Scratch) -> np.ndarray:
        """The convolution of frames [shape=(length, n_frames, n_in)]: [shape=(length, n_frames, n_out), float32]."""
        coarse = self.coarse(((fine, x[fine::FINE]) for fine in range(FINE)), x.shape[1:], scratch)
        return self.product([coarse], scratch)

    def coarse(
        self, pieces: Iterable[tuple[int, np.ndarray]], shape: tuple[int, ...], scratch: Scratch, *, name: str = "all"
    ) -> np.ndarray:
        """The first step of the forward transform, of all channels or of some.

        Parameters
        ----------
        pieces : Iterable of (int, np.ndarray [shape=(length / 8, n_frames, n_channels), float32])
            Each b, and the positions 8·a + b; one may be overwritten when the next is asked for.
        shape : tuple of int
            (n_frames, n_channels)
        name : str
            Of these channels; what is returned is there until it is used again.

        Returns
        -------
        np.ndarray [shape=(n_rows, n_frames, n_channels), float32]
        """
        coarse = scratch(f"coarse, {name}", len(self._coarse) * FINE, *shape)
        for fine, piece in pieces:
            into = coarse[fine::FINE].reshape(len(self._coarse), -1)
            _multiply(self._coarse, piece.reshape(len(piece), -1), shape[1], out=into)
        return coarse

    def product(self, coarse: Sequence[np.ndarray], scratch: Scratch) -> np.ndarray:
        """The convolution of what `coarse` gave, of all channels in order [shape=(length, n_frames, n_out), float32].

        One coarse frequency after the other, so that its spectrum is still in the third cache when it is multiplied.
        """
        n_frames, n_out = coarse[0].shape[1], self._n_out
        summed = scratch("summed", len(self._coarse) * FINE, n_frames * n_out)
        at_once = _AT_ONCE // (self._n_in * n_out) // STEP_FRAMES * STEP_FRAMES
        width = at_once if 0 < at_once < n_frames else n_frames  # fewer frames would read the kernel too often
        parts = [slice(first, first + width) for first in range(0, n_frames, width)]
        for group in self._groups:
            spectrum = self._spectrum(group, coarse, scratch)
            product = scratch("product", len(group.kernel), n_frames, n_out)
            for frames in parts:
                np.matmul(spectrum[:, frames], group.kernel, out=product[:, frames])
            _multiply(group.inverse, product.reshape(len(product), -1), n_out, out=summed[group.rows])
        out = scratch("out", len(self._back) * FINE, n_frames * n_out)
        for fine in range(FINE):
            _multiply(self._back, summed[fine::FINE], n_out, out=out[fine::FINE])
        return out.reshape(-1, n_frames, n_out)

    def _spectrum(self, group: _Group, coarse: Sequence[np.ndarray], scratch: Scratch) -> np.ndarray:
        """The second step of the forward transform, of one coarse frequency [shape=(n_products, n_frames, n_in)]."""
        spectrum = scratch("spectrum", len(group.forward), coarse[0].shape[1], self._n_in)
        first = 0
        for some in coarse:
            channels = slice(first, first + some.shape[2])
            by_frame = some[group.rows].transpose(1, 0, 2)
            np.matmul(group.forward, by_frame, out=spectrum[:, :, channels].transpose(1, 0, 2))
            first = channels.stop
        return spectrum


def rectify(x: np.ndarray) -> np.ndarray:
    """ReLU in place; beside a row of zeros NumPy takes many numbers at once, beside the number 0 one by one."""
    return np.maximum(x, np.zeros(x.shape[-1], np.float32), out=x)


def _multiply(matrix: np.ndarray, columns: np.ndarray, n_channels: int, *, out: np.ndarray) -> None:
    """The product of a small matrix with many columns, so many of each frame.

    A step or a part of it at a time: BLAS sums the last columns of a product in another order, here always the same.
    """
    width = STEP_FRAMES * n_channels
    while matrix.size * width > _AT_ONCE:
        width //= 2
    for first in range(0, columns.shape[1], width):
        part = slice(first, first + width)
        np.matmul(matrix, columns[:, part], out=out[:, part])


def _bins(frequency: int, n_coarse: int) -> list[int]:
    """The bins of a coarse frequency, of each pair of conjugate ones one, the real ones first."""
    steps = (0, 4, 1, 2, 3) if frequency == 0 else range(4) if frequency == n_coarse // 2 else range(8)
    return [frequency + n_coarse * step for step in steps]


def _group(kernel: np.ndarray, lags: np.ndarray, n_fft: int, bins: list[int], rows: slice) -> _Group:
    """What the bins of one coarse frequency need; each bin gives three products, a real one gives one."""
    n_rows = rows.stop - rows.start
    forward, of_kernel, inverse = [], [], []
    for number in bins:
        turn = 2.0 * np.pi * number / n_fft
        wave = np.exp(-1j * turn * np.arange(FINE))
        x = np.concatenate([wave, 1j * wave])  # of a complex input, real parts first
        k = np.exp(1j * turn * lags)
        y = np.concatenate([wave.conj(), -1j * wave.conj()]) / n_fft  # its real part is what the output gets
        if number in (0, n_fft // 2):
            forward += [x.real]
            of_kernel += [k.real]
            inverse += [y.real]
        else:
            forward += [x.real + x.imag, x.real, x.imag]
            of_kernel += [k.real, k.imag - k.real, k.real + k.imag]
            inverse += [2.0 * (y.real - y.imag), -2.0 * y.imag, -2.0 * y.real]
    flat = np.array(of_kernel, np.float32) @ kernel.reshape(len(kernel), -1)
    return _Group(
        rows,
        np.array(forward, np.float32)[:, :n_rows].copy(),
        flat.reshape(-1, *kernel.shape[1:]),
        np.array(inverse, np.float32)[:, :n_rows].T.copy(),
    )
