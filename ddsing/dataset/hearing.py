"""A recording for a dataset: decoded, with its levels, clipping and silence, and mixed so that no channel is lost.

Levels are in dB below full scale. A frame of 4 ms is *silent* if it is below -75 dB, or 45 dB below the level that a
twentieth of the frames exceed. Sound is *clipped* where it stands at full scale for a twelfth of a millisecond.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ddsing import units
from ddsing.constants import FRAME_RATE, HOP_SAMPLES, MAX_DATASET_S, SAMPLE_RATE
from ddsing.sound.audio import AudioInfo, content_hash, read
from ddsing.sound.upper_band import FULL_HZ, RATE_HZ, Spectrum
from ddsing.units import format_number

QUIETEST_DB = -120.0
MIN_DURATION_S = 0.25
SILENT_DB, SILENT_BELOW_LOUD_DB = -75.0, -45.0
FULL_SCALE = 0.9999
CLIPPED_S = 1 / 12_000
_BLOCK_FRAMES = 16_384
_CODED_HZ = 14_000.0  # from here on it is probably a codec that cut the spectrum


@dataclass(frozen=True, eq=False)
class Heard:
    """A decoded recording.

    Attributes
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    clipped, silent : np.ndarray [shape=(ceil(n_samples / 64),), bool]
        By frames of 64 samples.
    level_db : np.ndarray [shape=(ceil(n_samples / 64),), float32]
    peak : float
        Of the loudest channel; 1 is full scale.
    remarks : tuple[str, ...]
        See `ddsing.sound.audio.Decoded`.
    info : AudioInfo
        What the file says of itself.
    reach_hz : float or None
        Up to which frequency there is sound, see `ddsing.sound.upper_band.Spectrum`.
    """

    audio: np.ndarray
    clipped: np.ndarray
    silent: np.ndarray
    level_db: np.ndarray
    peak: float
    remarks: tuple[str, ...]
    info: AudioInfo
    reach_hz: float | None = None

    @functools.cached_property
    def content_hash(self) -> str:
        """See `ddsing.sound.audio.content_hash`."""
        return content_hash(self.audio)

    @property
    def duration_s(self) -> float:
        """Its length."""
        return len(self.audio) / SAMPLE_RATE

    @property
    def fault(self) -> str:
        """Why it can't be used, or ""."""
        if self.duration_s < MIN_DURATION_S:
            return f"It is {1000 * self.duration_s:.3g} ms long; it needs at least {1000 * MIN_DURATION_S:.0f} ms."
        if self.silent.all():
            level = float(np.max(self.level_db))
            return (
                "It is silent."
                if level <= QUIETEST_DB
                else f"It is silent: it never exceeds {format_number(level)} dB."
            )
        return ""


def hear(source: Path | bytes, *, check: Callable[[], None] = lambda: None) -> Heard:
    """Decode a recording of up to 3 hours; raises `AudioError`.

    Parameters
    ----------
    check : callable
        Called now and then; what it raises passes through.
    """
    meter, spectrum = _Meter(), Spectrum()

    def take(block: np.ndarray, sample_rate_hz: int) -> None:
        meter.take(block, sample_rate_hz)
        spectrum.take(block, sample_rate_hz)

    found = read(source, max_seconds=MAX_DATASET_S, hear=take, check=check)
    audio = found.audio
    level_db = levels_db(audio)
    clipped = np.zeros(len(level_db), bool)
    clipped[[frame for frame in meter.clipped_frames if frame < len(clipped)]] = True
    remarks = (*found.remarks, *_band_remark(found.info, spectrum.reach_hz))
    return Heard(audio, clipped, silent(level_db), level_db, meter.peak, remarks, found.info, spectrum.reach_hz)


def _band_remark(info: AudioInfo, reach_hz: float | None) -> tuple[str, ...]:
    """What is to be said of a file whose sound ends below what its sample rate allows."""
    if info.sample_rate_hz < RATE_HZ or reach_hz is None or reach_hz >= FULL_HZ:
        return ()
    why = "as in an MP3" if reach_hz >= _CODED_HZ else "as in a recording with a lower sample rate"
    return (f"It has no sound above {reach_hz / 1000:.0f} kHz, {why}: it can't teach a top.",)


def levels_db(audio: np.ndarray) -> np.ndarray:
    """Level of each 64 samples [shape=(ceil(n_samples / 64),), float32], not below -120 dB."""
    n_frames = units.n_frames(len(audio), centred=False)
    power = np.zeros(n_frames)
    for first in range(0, n_frames, _BLOCK_FRAMES):  # an hour of sound at once would take its memory twice
        part = np.square(audio[first * HOP_SAMPLES : (first + _BLOCK_FRAMES) * HOP_SAMPLES])
        begins = np.arange(0, len(part), HOP_SAMPLES)
        power[first : first + len(begins)] = np.add.reduceat(part, begins, dtype=np.float64)
    power /= np.minimum(HOP_SAMPLES, len(audio) - np.arange(n_frames) * HOP_SAMPLES)
    return (10.0 * np.log10(np.maximum(power, 10.0 ** (QUIETEST_DB / 10.0)))).astype(np.float32)


def silent(level_db: np.ndarray) -> np.ndarray:
    """Which frames are silent; same shape, bool."""
    loud_db = np.percentile(level_db, 95) if len(level_db) else QUIETEST_DB
    return level_db < max(SILENT_DB, loud_db + SILENT_BELOW_LOUD_DB)


def noise_floor_db(level_db: np.ndarray) -> float:
    """The level that the quietest twentieth of the sound stays below, over 20 ms."""
    whole = len(level_db) // 5
    if not whole:
        return float(np.min(level_db, initial=0.0))
    power = (10.0 ** (level_db[: whole * 5].astype(np.float64) / 10.0)).reshape(whole, 5).mean(axis=1)
    return float(10.0 * np.log10(np.percentile(power, 5)))


@dataclass
class _Meter:
    """Listens to the channels as they are in the file."""

    peak: float = 0.0
    n_samples: int = 0  # since the sample rate or the number of channels changed last
    clipped_frames: set[int] = field(default_factory=set)
    _form: tuple[int, int] = (0, 0)
    _frames_before: int = 0
    _before: np.ndarray = field(default_factory=lambda: np.zeros((0, 1), bool))

    def take(self, block: np.ndarray, sample_rate_hz: int):
        if not len(block):
            return
        form = sample_rate_hz, block.shape[1]
        if form != self._form:
            self._frames_before += self.n_samples * FRAME_RATE // (self._form[0] or 1)
            self._form, self.n_samples = form, 0
            self._before = np.zeros((0, form[1]), bool)
        with np.errstate(all="ignore"):  # what is no sound is refused by the decoder
            peak = float(np.max(np.abs(block)))
        self.peak = max(self.peak, peak)
        self._find_clipping(block, peak, sample_rate_hz)
        self.n_samples += len(block)

    def _find_clipping(self, block: np.ndarray, peak: float, rate: int):
        run = max(3, -(-rate // round(1 / CLIPPED_S)))  # samples that must stand at full scale together
        if peak < FULL_SCALE and not self._before.any():
            self._before = np.zeros((0, block.shape[1]), bool)
            return
        full = np.concatenate([self._before, np.abs(block) >= FULL_SCALE])
        first = self.n_samples - len(self._before)
        counted = np.cumsum(np.concatenate([np.zeros((1, full.shape[1]), int), full]), axis=0)
        together = (counted[run:] - counted[:-run] == run).any(axis=1)
        frames = (np.flatnonzero(together) + first) * FRAME_RATE // rate + self._frames_before
        self.clipped_frames.update(frames.tolist())
        self._before = full[max(len(full) - run + 1, 0) :]
