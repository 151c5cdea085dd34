"""CREPE's first convolution, whose products all frames share.

A kernel of 512 taps lies on each fourth sample of a frame of 1024, and the next frame begins a *hop* later: most of
what a frame multiplies, its neighbours multiply too. The recording is cut into blocks of a hop (or what divides it),
and each kernel's product is computed once for each block that it lies on. A frame's own value is the sum of those that
lie inside the frame; its normalisation is an affine map, and is applied afterwards.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ddsing.sound.pitch.convolution import FINE, STEP_FRAMES, Convolution, Scratch, rectify

FRAME_SAMPLES = 1024
STRIDE = 4
N_POSITIONS = FRAME_SAMPLES // STRIDE
_WIDTH = 512
_LEFT = 254  # samples of a kernel before its position
AROUND = _WIDTH // 2  # samples before the first frame, and after the last, that are read along with them
_BLOCK = 64  # samples at most; divides what kernels hang over
_AT_ONCE = 128  # channels whose products OpenBLAS takes as they are; more, and it copies them into another order first
_CHANNELS = 256  # at a time, so that what is summed stays in the second cache


@dataclass(frozen=True)
class _Grid:
    """Blocks of samples, and the steps of as many positions, for a hop.

    The blocks that a kernel lies on, for a hop of 64 samples and positions 16·t to 16·t + 15 of a frame::

        block       t-4  t-3  t-2  t-1   t   t+1  t+2  t+3  t+4
                     ├─────────────── kernel ──────────────┤
        t = 0                            ╞══════════════════       the frame begins with block 0:
        t = 1                       ╞═══════════════════════       with each step one block more,
        t = 4 … 11   ═══════════════════════════════════════       until the kernel lies inside,
        t = 14       ══════════════════════════════╡               and at the frame's end
        t = 15       ═════════════════════════╡                    with each step one block less
    """

    hop_samples: int

    @cached_property
    def block(self) -> int:
        """Samples of a block."""
        return math.gcd(self.hop_samples, _BLOCK)

    @cached_property
    def reach(self) -> int:
        """Blocks that a kernel lies on before its own, and behind it; steps at either end that hang over."""
        return AROUND // self.block

    @cached_property
    def n_steps(self) -> int:
        """Blocks of a frame."""
        return FRAME_SAMPLES // self.block

    @cached_property
    def n_positions(self) -> int:
        """Positions of a block."""
        return self.block // STRIDE

    def rows(self, step: int, n_frames: int) -> slice:
        """The blocks at which the frames have a step."""
        every = self.hop_samples // self.block
        return slice(step, step + (n_frames - 1) * every + 1, every)


class FirstLayer:
    """The first convolution, its ReLU, and the maximum of each two positions. Immutable.

    Parameters
    ----------
    kernel : np.ndarray [shape=(512, n_out), float32]
    bias : np.ndarray [shape=(n_out,), float32]
    """

    def __init__(self, kernel: np.ndarray, bias: np.ndarray):
        self._bias = bias
        self._taps = np.pad(kernel, [(_BLOCK, _BLOCK), (0, 0)])
        sums = np.pad(np.cumsum(kernel, axis=0, dtype=np.float64), [(1, 0), (0, 0)])
        begin = STRIDE * np.arange(N_POSITIONS) - _LEFT
        inside = sums[np.minimum(FRAME_SAMPLES - begin, _WIDTH)] - sums[np.maximum(-begin, 0)]
        self._affine = np.empty((N_POSITIONS, 2, len(bias)), np.float32)
        self._affine[:, 0], self._affine[:, 1] = bias, inside  # what a deviation and a mean are multiplied by

    def n_multiply_adds(self, n_frames: int, hop_samples: int) -> int:
        """Of so many frames together."""
        grid = _Grid(hop_samples)
        n_rows = _filled_up(((n_frames - 1) * hop_samples + FRAME_SAMPLES) // grid.block)
        products = n_rows * grid.n_positions * (2 * grid.reach + 1) * grid.block
        affine = n_frames * 2 * grid.reach * grid.n_positions * 2
        return (products + affine) * len(self._bias)

    def __call__(
        self, stretch: np.ndarray, hop_samples: int, convolution: Convolution, scratch: Scratch
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """The layer's output for consecutive frames, in the first step of the transform of the convolution after it.

        Parameters
        ----------
        stretch : np.ndarray [shape=(n_samples,), float32]
            From 256 samples before the first frame to 256 after the last.
        hop_samples : int
            A multiple of 32.

        Returns
        -------
        coarse : list of np.ndarray [shape=(n_rows, n_frames, ≤ 256), float32]
            See `Convolution.coarse`; of the frames as they are, but for their mean.
        scale : np.ndarray [shape=(n_frames,), float32]
            What they still have to be multiplied by.
        """
        frames = _windows(stretch[AROUND:-AROUND], FRAME_SAMPLES)[::hop_samples]
        mean = frames.mean(axis=1, dtype=np.float32)
        deviation = np.maximum((frames - mean[:, None]).std(axis=1), np.float32(1e-8))
        scale = np.float32(1.0) / deviation
        unsafe = np.abs(mean) > deviation  # the affine map would cancel the digits that matter
        apart = {int(frame): self._plain((frames[frame] - mean[frame]) * scale[frame]) for frame in unsafe.nonzero()[0]}
        scale[unsafe] = 1.0
        affine = np.stack([deviation, -mean], axis=1)
        grid, coarse = _Grid(hop_samples), []
        blocks = stretch.reshape(-1, grid.block)
        n_rows = len(blocks) - 2 * grid.reach  # blocks of the frames themselves
        blocks = np.pad(blocks, [(0, _filled_up(n_rows) - n_rows), (0, 0)])
        for first in range(0, len(self._bias), _CHANNELS):
            channels = slice(first, min(first + _CHANNELS, len(self._bias)))
            pieces = self._pieces(blocks, channels, affine, apart, grid, scratch)
            shape = len(frames), channels.stop - first
            coarse.append(convolution.coarse(pieces, shape, scratch, name=f"from {first}"))
        return coarse, scale

    def _pieces(
        self,
        blocks: np.ndarray,
        channels: slice,
        affine: np.ndarray,
        apart: dict[int, np.ndarray],
        grid: _Grid,
        scratch: Scratch,
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Some channels of the output, as `Convolution.transform` takes it."""
        n_frames, n_channels, half = len(affine), len(self._bias[channels]), grid.n_positions // 2
        moved = affine @ self._affine[N_POSITIONS // 2, :, channels]  # for what lies wholly inside
        n_rows = len(blocks) - 2 * grid.reach
        seen = _windows(blocks.T, n_rows).transpose(1, 2, 0)  # from each place of a kernel [n_places, n_rows, block]
        out = scratch("first", grid.n_steps, n_frames, n_channels)
        for position in range(0, grid.n_positions, 2):
            products = self._products(seen, channels, position, grid, scratch)
            for step, sums in _inside_frame(products, grid, scratch):
                if step != grid.reach:
                    at = grid.n_positions * step + position
                    own = scratch("own", 2, n_frames, n_channels)
                    np.matmul(affine, self._affine[at : at + 2, :, channels], out=own)
                    rows = grid.rows(step, n_frames)
                    for one in range(2):
                        np.add(own[one], sums[one, rows], out=own[one])
                    rectify(np.maximum(own[0], own[1], out=out[step]))
                    continue
                higher = np.maximum(sums[0], sums[1], out=scratch("higher", n_rows, n_channels))
                for whole in range(grid.reach, grid.n_steps - grid.reach):
                    rectify(np.add(higher[grid.rows(whole, n_frames)], moved, out=out[whole]))
            for frame, values in apart.items():
                out[:, frame] = values[position // 2 :: half, channels]
            every = FINE // half  # steps from one position to the eighth after it
            for turn in range(every):
                yield half * turn + position // 2, out[turn::every]

    def _products(self, seen: np.ndarray, channels: slice, position: int, grid: _Grid, scratch: Scratch) -> np.ndarray:
        """Of two positions of every block with each block around [n_places, 2, n_rows, n_channels]."""
        n_places, n_rows, _ = seen.shape
        taps = self._taps[:, channels]
        products = scratch("products", n_places, 2, n_rows, taps.shape[1])
        for one in range(2):
            begin = _BLOCK + _LEFT - AROUND - STRIDE * (position + one)
            laid = taps[begin : begin + n_places * grid.block].reshape(n_places, grid.block, -1)
            for first in range(0, taps.shape[1], _AT_ONCE):
                few = slice(first, first + _AT_ONCE)
                np.matmul(seen, laid[..., few], out=products[:, one, :, few])
        return products

    def _plain(self, normal: np.ndarray) -> np.ndarray:
        """One normalised frame by itself [shape=(128, n_out)]."""
        windows = _windows(np.pad(normal, (_LEFT, _WIDTH)), _WIDTH)[:FRAME_SAMPLES:STRIDE]
        values = np.ascontiguousarray(windows) @ self._taps[_BLOCK:-_BLOCK] + self._bias
        return np.maximum(np.maximum(values[0::2], values[1::2]), 0.0)


def _filled_up(n_rows: int) -> int:
    """So many rows that none is summed in another order, see `STEP_FRAMES`."""
    return -(-n_rows // STEP_FRAMES) * STEP_FRAMES


def _inside_frame(products: np.ndarray, grid: _Grid, scratch: Scratch) -> Iterator[tuple[int, np.ndarray]]:
    """The sums of the blocks inside the frame, for each step that hangs over, and last of all blocks.

    Each is the one before with one block more, and is there until the next is asked for; `products` is used up.
    """
    reach = grid.reach
    sums = np.add(products[2 * reach], products[2 * reach - 1], out=scratch("sums", *products.shape[1:]))
    for place in range(2 * reach - 2, reach, -1):
        sums += products[place]
    for step in range(reach):
        sums += products[reach - step]
        yield step, sums
    sums = products[0]
    for place in range(1, reach):
        sums += products[place]
    for step in range(reach):
        sums += products[reach + step]
        yield grid.n_steps - 1 - step, sums
    sums += products[2 * reach]
    yield reach, sums


def _windows(values: np.ndarray, length: int) -> np.ndarray:
    """All stretches of a length along the last axis, as views [..., n_windows, length]."""
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=-1)
