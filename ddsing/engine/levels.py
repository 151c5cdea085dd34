"""An envelope that is known at evenly spaced frequencies, in logarithms, frame by frame, and read between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

FLOOR = np.float32(1e-7)  # -140 dB, as low as networks go
TILT = np.float32(12.0 * np.log(10.0) / 20.0)  # 12 dB, as a natural logarithm


@dataclass(frozen=True, eq=False)
class Levels:
    """Natural logarithms of amplitudes.

    Attributes
    ----------
    known : np.ndarray [shape=(n_frames, n), float32]
    n_known : np.ndarray [shape=(n_frames,), int]
        How many of a row count, at least one; beyond them the envelope falls by 12 dB an octave.
    first : int
        The first column's frequency in steps between columns: 1 for harmonics, 0 for bands from 0 Hz on.
    """

    known: np.ndarray
    n_known: np.ndarray
    first: int

    @classmethod
    def of(cls, amplitudes: np.ndarray, n_known: np.ndarray, *, first: int) -> Levels:
        """Those of amplitudes [shape=(n_frames, n), float32]."""
        return cls(np.log(np.maximum(amplitudes, FLOOR)), n_known, first)

    @classmethod
    def all_of(cls, levels: np.ndarray, *, first: int) -> Levels:
        """Levels [shape=(n_frames, n), float] that are all known."""
        return cls(levels.astype(np.float32), np.full(len(levels), levels.shape[1]), first)

    def raised(self, gain: np.ndarray) -> Levels:
        """The same with amplitudes times a gain [shape=(n_frames, 1), float32]."""
        return replace(self, known=self.known + np.log(np.maximum(gain, FLOOR)))

    def columns(self, n_columns: int) -> np.ndarray:
        """The first columns, known or not [shape=(n_frames, n_columns or more), float32]."""
        columns = np.arange(max(self.known.shape[1], n_columns), dtype=np.float32)
        last = np.take_along_axis(self.known, self.n_known[:, None] - 1, axis=1)
        octaves = np.log2(np.maximum(columns + self.first, 1.0) / (self.n_known[:, None] - 1 + self.first))
        levels = np.pad(self.known, [(0, 0), (0, len(columns) - self.known.shape[1])])
        return np.where(columns < self.n_known[:, None], levels, last - TILT * octaves.astype(np.float32))

    def at(self, places: np.ndarray) -> np.ndarray:
        """Rows read at fractional columns, linear in dB; those below 0 read the first.

        Parameters
        ----------
        places : np.ndarray [shape=(n,) or (n_frames, n), float]

        Returns
        -------
        np.ndarray [shape=(n_frames, n), float32]
        """
        places = np.maximum(places, 0.0)
        low = places.astype(int)
        share = (places - low).astype(np.float32)
        levels = self.columns(int(low.max()) + 2)
        rows = slice(None) if low.ndim == 1 else np.arange(len(levels))[:, None]
        below, above = levels[rows, low], levels[rows, low + 1]
        return below + share * (above - below)
