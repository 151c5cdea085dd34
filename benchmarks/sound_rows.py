"""The rows of `benchmarks.sound`: measures of what an instrument sang, with intervals from resampling.

A unit is a second of a recording, sung once or more: with other seeds of the noise, or by instruments of other
trainings. A measure is a function of some sung stretches. Its interval is that in which 95 % of its values lie when
the units, and in each of them one of its versions, are drawn again and again with replacement. The same draws are
used before and after, so that the interval of a change is that of a paired comparison.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from benchmarks import speakers
from benchmarks.voice import N_LOW, harmonics
from ddsing.constants import FRAME_RATE, HOP_SAMPLES
from ddsing.sound import closeness, distance
from ddsing.sound.features import CLEAR

N_DRAWS = 200
PIECE_S = 1.0
_SILENCE = 1e-12
Unit = TypeVar("Unit")
Units = Sequence[Sequence[Unit]]  # of each unit, its versions
Measure = Callable[[Sequence["Sung"]], float]


@dataclass(frozen=True, eq=False)
class Sung:
    """A stretch of a recording, and how an instrument sang it, on the same frames.

    Attributes
    ----------
    original, audio, harmonic : np.ndarray [shape=(n_samples,), float32]
        The stretch, the singing, and its harmonic part.
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(n_frames,), float32]
        Of the stretch.
    f0_again_hz, loudness_again_db : np.ndarray [shape=(n_frames,), float32]
        Of the singing.
    """

    original: np.ndarray
    audio: np.ndarray
    harmonic: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    f0_again_hz: np.ndarray
    loudness_again_db: np.ndarray

    def pieces(self, seconds: float = PIECE_S) -> list["Sung"]:
        """It in pieces, which are the units of the intervals."""
        size = round(seconds * FRAME_RATE)
        starts = range(0, max(len(self.original) // HOP_SAMPLES - size, 0) + 1, size)
        return [self._cut(start, start + size) for start in starts]

    def _cut(self, start: int, stop: int) -> "Sung":
        sounds = (self.original, self.audio, self.harmonic)
        curves = (self.f0_hz, self.f0_confidence, self.loudness_db, self.f0_again_hz, self.loudness_again_db)
        return Sung(
            *(sound[start * HOP_SAMPLES : stop * HOP_SAMPLES] for sound in sounds),
            *(curve[start:stop] for curve in curves),
        )

    @cached_property
    def spectral_loss(self) -> float:
        """The spectral loss."""
        return distance.spectral_loss(self.original, self.audio)

    @cached_property
    def lost(self) -> np.ndarray:
        """Of each harmonic above the eighth that stands out of the noise in the original, whether it is lost."""
        wanted, found = (
            harmonics(sound, self.f0_hz, self.f0_confidence)[:, N_LOW:] for sound in (self.original, self.audio)
        )
        return ~np.isfinite(found)[np.isfinite(wanted)]

    @cached_property
    def octave_power(self) -> np.ndarray:
        """Of the original and the singing, the power in each octave."""
        sounds = (self.original, self.audio)
        return 10.0 ** (np.stack([closeness.octave_levels_db(sound) for sound in sounds]) / 10.0)

    @cached_property
    def log_mel_db(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the original and the singing, log-mel frames free of level."""
        one, two = (closeness.log_mel_db(sound).level_free_db for sound in (self.original, self.audio))
        return one, two

    @cached_property
    def energies(self) -> dict[tuple[str, bool], float]:
        """The energy of each sound in the frames with a clear pitch, and in those without.

        By each frame's confidence alone: glides, changes of note and silences count as without, which
        `ddsing.sound.unvoiced` leaves out.
        """
        voiced = self.f0_confidence >= CLEAR
        found = {}
        for name in ("original", "audio", "harmonic"):
            sound = getattr(self, name)
            n_frames = min(len(sound) // HOP_SAMPLES, len(voiced))
            frames = np.square(sound[: n_frames * HOP_SAMPLES].reshape(n_frames, HOP_SAMPLES), dtype=np.float64)
            for wanted in (True, False):
                found[name, wanted] = float(frames.sum(axis=1)[voiced[:n_frames] == wanted].sum())
        return found


@dataclass(frozen=True)
class Value:
    """A measure, and the ends of its interval; NaN where nothing tells it."""

    value: float
    low: float
    high: float


def loss(some: Sequence[Sung]) -> float:
    """The spectral loss."""
    return float(np.mean([one.spectral_loss for one in some]))


def lost_harmonics(some: Sequence[Sung]) -> float:
    """Of the harmonics above the eighth that stand out of the noise in the recording, the share that does not."""
    gone = np.concatenate([one.lost for one in some])
    return float(gone.mean()) if len(gone) else float("nan")


def loudness_error_db(some: Sequence[Sung]) -> float:
    """The distance of the loudness curves."""
    return float(np.mean([distance.loudness_db(one.loudness_db, one.loudness_again_db) for one in some]))


def f0_error_cents(some: Sequence[Sung]) -> float:
    """The distance of the pitch curves where the recording has a clear pitch: the mean over the pieces' medians."""
    found = [distance.f0_cents(one.f0_hz, one.f0_confidence, one.f0_again_hz) for one in some]
    known = [cents for cents in found if cents is not None]
    return float(np.mean(known)) if known else float("nan")


def octave_errors_db(some: Sequence[Sung]) -> np.ndarray:
    """By how much each octave's long-term level is too high, whole levels being equal; NaN where it can't be heard."""
    original, audio = 10.0 * np.log10(np.mean([one.octave_power for one in some], axis=0))
    return closeness.octave_errors_db(original, audio)


def octave_error_db(some: Sequence[Sung]) -> float:
    """The mean of their sizes."""
    return float(np.nanmean(np.abs(octave_errors_db(some))))


def unvoiced_kept(some: Sequence[Sung]) -> float:
    """The energy in frames without pitch against that of the recording, levels being equal in those with a pitch.

    At all frequencies, so that the instrument's own sound counts as kept, too; see `Sung.energies` for the frames, and
    `ddsing.sound.unvoiced.energy_kept` for the figure that tells consonants.
    """
    wanted, heard = (
        {voiced: sum(one.energies[name, voiced] for one in some) for voiced in (True, False)}
        for name in ("original", "audio")
    )
    if not wanted[False] or not heard[True]:
        return float("nan")
    return heard[False] / heard[True] * wanted[True] / wanted[False]


def buzz_db(some: Sequence[Sung]) -> float:
    """The harmonics' energy in frames without pitch, against theirs in the others, dB; see `Sung.energies`."""
    without, within = (sum(one.energies["harmonic", voiced] for one in some) for voiced in (False, True))
    return 10.0 * float(np.log10(max(without, _SILENCE) / max(within, _SILENCE)))


def frechet_db(some: Sequence[Sung]) -> float:
    """The Fréchet distance of the log-mel frames from the recording's."""
    return _frechet(np.concatenate([one.log_mel_db[0] for one in some]), some)


def _frechet(wanted: np.ndarray, some: Sequence[Sung]) -> float:
    value = closeness.frechet_db(wanted, np.concatenate([one.log_mel_db[1] for one in some]))
    return float("nan") if value is None else value


def frechet_to_db(recordings: Sequence[np.ndarray]) -> Measure:
    """The measure of how far the log-mel frames are from recordings of another voice, whatever is sung."""
    wanted = np.concatenate([closeness.log_mel_db(sound).level_free_db for sound in recordings])
    return lambda some: _frechet(wanted, some)


AS_PLAYED: Mapping[str, Measure] = {
    "spectral loss": loss,
    "harmonics lost above the 8th": lost_harmonics,
    "loudness error, dB": loudness_error_db,
    "pitch error, cents": f0_error_cents,
    "octave-band error, dB": octave_error_db,
    "unvoiced energy kept": unvoiced_kept,
    "buzz, dB": buzz_db,
    "Fréchet distance, dB": frechet_db,
}
TRANSFERRED: Mapping[str, Measure] = {"unvoiced energy kept": unvoiced_kept, "buzz, dB": buzz_db}


def likeness(some: Sequence[np.ndarray], centre: np.ndarray) -> float:
    """The mean cosine of singings, given by the embeddings of their parts, with the centre of a voice."""
    return float(np.mean([speakers.whole(parts) @ centre for parts in some]))


def draws(units: Units[Unit], *, seed: int = 0, n_draws: int = N_DRAWS) -> list[list[Unit]]:
    """All units and versions, then units drawn with replacement, and of each one of its versions."""
    random = np.random.default_rng(seed)
    drawn = [[version for versions in units for version in versions]]
    for _ in range(n_draws):
        chosen, which = random.integers(len(units), size=len(units)), random.random(len(units))
        drawn.append([units[number][int(place * len(units[number]))] for number, place in zip(chosen, which)])
    return drawn


def resampled_parts(versions: Sequence[np.ndarray], *, seed: int = 0, n_draws: int = N_DRAWS) -> list[list[np.ndarray]]:
    """As `draws`, of one singing in several versions: versions are drawn, and the parts of each of them."""
    random = np.random.default_rng(seed)
    drawn = [list(versions)]
    for _ in range(n_draws):
        chosen = [versions[number] for number in random.integers(len(versions), size=len(versions))]
        places = random.random(max(len(parts) for parts in versions))
        drawn.append([parts[(places[: len(parts)] * len(parts)).astype(int)] for parts in chosen])
    return drawn


def value(measured: Sequence[float]) -> Value:
    """The first, and the interval of the others."""
    first, others = measured[0], np.asarray(measured[1:], float)
    known = others[np.isfinite(others)]
    low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (float("nan"),) * 2
    return Value(float(first), float(low), float(high))


def compared(before: Sequence[float], after: Sequence[float] | None) -> dict[str, Value]:
    """Before, after, and the change, of measures on the same draws."""
    row = {"before": value(before)}
    if after is not None:
        row["after"] = value(after)
        row["change"] = value([new - old for old, new in zip(before, after)])
    return row
