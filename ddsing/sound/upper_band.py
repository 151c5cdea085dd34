"""What a recording sounds like above 8 kHz: how far up it goes, and its power there, frame by frame.

A file's sample rate says nothing about that: an MP3 ends at 15 to 20 kHz, and what was made from a telephone's 8 kHz
ends there. Both leave a cliff in the spectrum, which `Spectrum` finds: a steep one, as MP3 and sox make it, or one that
takes two kHz, as ffmpeg's resampler does. A sound that reaches full scale may have been cut off there, which is heard
at all frequencies, so such moments don't count.

The *upper band* is what the 16-kHz copy of a recording lacks, so that both together are the recording.

Public: `Spectrum`, `UpperBand`, `densities`, `harmonic_shares`, `reaches`, `FULL_HZ`, `RATE_HZ`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import soxr
from scipy import fft

from ddsing.constants import FRAME_RATE, FULL_BAND_RATE, SAMPLE_RATE
from ddsing.sound import bands
from ddsing.sound.in_units import InUnits

FULL_HZ = 19_000.0  # a recording that ends below can't teach a top
RATE_HZ = 44_100  # the least sample rate of one that can
_SIZE = 2048  # of the spectra in which a cliff is looked for
_SMOOTH_HZ, _SIDE_HZ, _GAP_HZ = 500.0, 300.0, 350.0
_WIDE_HZ, _WIDE_DB = 2_500.0, 20.0  # of what falls less steeply
_FULL_SCALE = 0.9999
_ABOVE_DB = 6.0  # what is left of the fall where it counts as ended
_CLIFF_DB, _NOTHING_DB = 12.0, -125.0  # the latter per Hz: rounding to 16 bits leaves -141, with dither -136
_LEAST_HZ = 3_000.0  # below it a cliff is the voice's own
_HOP, _FRAME = FULL_BAND_RATE // FRAME_RATE, 3 * FULL_BAND_RATE // FRAME_RATE
_PIECE_FRAMES, _MARGIN = 4_000, 4_800  # 16 s, and samples beside them that the filters ring into
_LONG = 2_048  # samples in which harmonics are told from what lies between them
_LOWEST_HZ = 100.0  # fundamental whose harmonics can be told apart so
_MOST_FRAMES = 400


@dataclass
class Spectrum:
    """The mean spectrum of a recording as it is in its file, taken block by block."""

    rate_hz: int = 0
    _power: np.ndarray = field(default_factory=lambda: np.zeros((2, _SIZE // 2 + 1)))  # below full scale, and at it
    _n: np.ndarray = field(default_factory=lambda: np.zeros(2, int))  # frames of each
    _rest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def take(self, block: np.ndarray, rate_hz: int) -> None:
        """Listen to a block [shape=(n_samples, n_channels), float32]; after another rate everything begins anew."""
        if rate_hz < 32_000:
            return
        if rate_hz != self.rate_hz:
            self.__init__(rate_hz)  # type: ignore[misc]
        loudest = block if block.shape[1] == 1 else block[:, [int(np.argmax(np.square(block).sum(axis=0)))]]
        sound = np.concatenate([self._rest, loudest[:, 0]])
        count = len(sound) // _SIZE
        self._rest = sound[count * _SIZE :]
        with np.errstate(all="ignore"):  # what is no sound is refused by the decoder
            frames = sound[: count * _SIZE].reshape(count, _SIZE)
            full = np.abs(frames).max(axis=1, initial=0.0) >= _FULL_SCALE
            power = np.abs(fft.rfft(frames * _WINDOW, axis=1)) ** 2
            self._power += np.stack([power[full == kind].sum(axis=0) for kind in (False, True)])
        self._n += np.bincount(full, minlength=2)

    @property
    def reach_hz(self) -> float | None:
        """The frequency above which there is nothing, if there is a cliff; half the sample rate without; None unknown.

        None for files below 32 kHz, of less than half a second, and for silence.
        """
        if self._n.sum() * _SIZE < self.rate_hz / 2 or not self.rate_hz or not np.isfinite(self._power).all():
            return None
        from scipy.ndimage import median_filter  # takes a while to import, which no transfer waits for

        enough = self._n[0] * _SIZE >= self.rate_hz / 2
        power = self._power[0] / self._n[0] if enough else self._power.sum(axis=0) / self._n.sum()
        step_hz = self.rate_hz / _SIZE
        with np.errstate(divide="ignore"):
            level_db = 10.0 * np.log10(power / (_WINDOW**2).sum() / (self.rate_hz / 2) + 1e-30)
        smooth = median_filter(level_db, 2 * int(_SMOOTH_HZ / step_hz / 2) + 1, mode="nearest")  # lines are no level
        return None if smooth.max() < _NOTHING_DB else _cliff(smooth, step_hz)


_WINDOW = np.hanning(_SIZE).astype(np.float32)


def _cliff(level_db: np.ndarray, step_hz: float) -> float:
    """Where a smoothed spectrum falls steeply to what it never leaves again; its end if nowhere."""
    following = np.maximum.accumulate(level_db[::-1])[::-1]  # the loudest from here on
    side = int(_SIDE_HZ / step_hz)
    for within_hz, by_db in ((_GAP_HZ, _CLIFF_DB), (_WIDE_HZ, _WIDE_DB)):
        gap = int(within_hz / step_hz)
        for bin_ in range(int(_LEAST_HZ / step_hz), len(level_db) - gap - int(_GAP_HZ / step_hz)):
            before, after = float(np.median(level_db[bin_ - side : bin_ + 1])), following[bin_ + gap]
            if after < min(_NOTHING_DB, before - by_db):
                fallen = int(np.argmax(level_db[bin_:] < after + _ABOVE_DB))
                return (bin_ + min(fallen, gap)) * step_hz
    return (len(level_db) - 1) * step_hz


def reaches(reach_hz: float | None, sample_rate_hz: int) -> bool:
    """Whether a recording has what a top is made from."""
    return sample_rate_hz >= RATE_HZ and reach_hz is not None and reach_hz >= FULL_HZ


def upper(audio: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """What the 16-kHz copy of a sound lacks, piece by piece.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        48 kHz mono.

    Yields
    ------
    (first frame, samples [float32])
        192 samples for each frame, with 288 more on each side.
    """
    half = _FRAME // 2
    whole = np.pad(np.asarray(audio, np.float32), (_MARGIN, _MARGIN + _HOP))
    n_frames = -(-len(audio) // _HOP)
    for first in range(0, n_frames, _PIECE_FRAMES):
        count = min(_PIECE_FRAMES, n_frames - first)
        piece = whole[first * _HOP : first * _HOP + count * _HOP + 2 * _MARGIN]
        yield first, _lacking(piece)[_MARGIN - half : _MARGIN + count * _HOP + half]


def _lacking(piece: np.ndarray) -> np.ndarray:
    """What the 16-kHz copy of a piece at 48 kHz lacks [shape kept, float32]."""
    copy = soxr.resample(soxr.resample(piece, FULL_BAND_RATE, SAMPLE_RATE), SAMPLE_RATE, FULL_BAND_RATE)
    return piece - np.pad(copy, (0, max(0, len(piece) - len(copy))))[: len(piece)]


class UpperBand(InUnits):
    """The upper band of a recording, in stretches of any length.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        48 kHz mono.
    """

    def __init__(self, audio: np.ndarray):
        super().__init__(audio, unit_samples=FULL_BAND_RATE, margin_samples=_MARGIN)

    def filtered(self, heard: np.ndarray) -> np.ndarray:
        """See `InUnits`."""
        return _lacking(heard)[_MARGIN:-_MARGIN]


def densities(audio: np.ndarray, n_bands: int = bands.N_BANDS) -> np.ndarray:
    """Power density of the upper band.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        48 kHz mono.

    Returns
    -------
    np.ndarray [shape=(ceil(n_samples / 192), n_bands), float32]
        Full scale² per Hz around sample 192·k, in the bands of `ddsing.sound.bands.bands`.
    """
    weights = bands.bands(np.arange(_FRAME // 2 + 1) * FULL_BAND_RATE / _FRAME, n_bands)
    weights = (weights / weights.sum(axis=0)).astype(np.float32)
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_FRAME) / _FRAME)).astype(np.float32)
    scale = np.float32(2.0 / (window**2).sum() / FULL_BAND_RATE)
    found = [np.zeros((0, n_bands), np.float32)]
    for _, sound in upper(audio):
        frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[::_HOP][: (len(sound) - _FRAME) // _HOP + 1]
        for start in range(0, len(frames), 1_000):
            spectra = fft.rfft(frames[start : start + 1_000] * window, axis=1)
            found.append((np.abs(spectra) ** 2 @ weights) * scale)
    return np.concatenate(found)[: -(-len(audio) // _HOP)]


def harmonic_shares(audio: np.ndarray, f0_hz: np.ndarray, voiced: np.ndarray, density: np.ndarray) -> np.ndarray:
    """How much of the upper band's power is harmonic where there is a clear pitch.

    The sound is turned back by its own phase, so that vibrato does not smear the harmonics: what stands at their places
    is compared with what stands half-way between them.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        48 kHz mono.
    f0_hz, voiced : np.ndarray [shape=(n_frames,)]
    density : np.ndarray [shape=(n_frames, n_bands), float32]
        See `densities`.

    Returns
    -------
    np.ndarray [shape=(2, n_bands), float64]
        The harmonic power and all of it in each band, over the frames that were looked at.
    """
    n_bands = density.shape[1]
    n = min(len(f0_hz), len(density))
    f0_hz = np.asarray(f0_hz[:n], np.float64)
    cycles = np.concatenate([[0.0], np.cumsum((f0_hz[:-1] + f0_hz[1:]) / 2.0)]) / FRAME_RATE
    loud = density[:n].sum(axis=1)
    usable = np.flatnonzero(voiced[:n] & (f0_hz >= _LOWEST_HZ) & (loud > 0))
    found = np.zeros((2, n_bands))
    if not len(usable):
        return found
    loud_ones = usable[loud[usable] >= np.median(loud[usable])]
    chosen = loud_ones[:: max(1, len(loud_ones) // _MOST_FRAMES)]
    window = np.hanning(_LONG)
    for first, sound in upper(audio):
        half = _FRAME // 2
        for frame in chosen[(chosen >= first) & (chosen < first + _PIECE_FRAMES)]:
            middle = (frame - first) * _HOP + half
            part = sound[middle - _LONG // 2 : middle + _LONG // 2] if middle >= _LONG // 2 else sound[:0]
            if len(part) == _LONG:
                _add_harmonics(found, part * window, frame, cycles, float(f0_hz[frame]), density[frame])
    return found


def _add_harmonics(
    found: np.ndarray, part: np.ndarray, frame: int, cycles: np.ndarray, f0_hz: float, density: np.ndarray
) -> None:
    at = frame + np.arange(-_LONG // 2, _LONG // 2) / _HOP
    turn = np.interp(at, np.arange(len(cycles)), cycles)
    first, last = int(np.ceil(bands.LOW_HZ / f0_hz)), int(bands.HARMONICS_HZ / f0_hz)
    if last <= first:
        return
    numbers = np.arange(2 * first - 1, 2 * last + 2) / 2.0  # every other one lies half-way
    back = -2j * np.pi * (turn - turn[_LONG // 2])
    turned, half = np.exp(back * numbers[0]) * part, np.exp(back / 2.0)
    power = np.empty(len(numbers))
    for place in range(len(numbers)):
        power[place] = np.abs(turned.sum()) ** 2
        turned *= half
    between = (power[:-2:2] + power[2::2]) / 2.0
    harmonic = np.maximum(power[1:-1:2] - between, 0.0) * 2.0 / np.hanning(_LONG).sum() ** 2
    weights = bands.bands(numbers[1:-1:2] * f0_hz, len(density))
    found[0] += harmonic @ weights
    found[1] += f0_hz * weights.sum(axis=0) * density
