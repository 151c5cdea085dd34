"""How much of a recording lies inside what an instrument was trained on, and the shifts that bring most inside."""

from dataclasses import dataclass, replace

import numpy as np

from ddsing.constants import DB_RANGE
from ddsing.model.statistics import DatasetStatistics
from ddsing.sound.features import Features
from ddsing.transfer.conditioning import condition
from ddsing.transfer.settings import Settings
from ddsing.units import hz_to_midi

_CONFIDENT = 0.6
_SLACK_MIDI = 0.5  # semitones beyond the trained range that still count as inside
_SLACK_DB = 1.0
_NEARLY = 0.005  # what is gained by another semitone must be more of the singing than this


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit reading of the sung frames (confident and above silence).

    Attributes
    ----------
    inside_share, pitch_inside, loudness_inside : float or None
        Share of the sung frames inside both ranges, and inside each; None if nothing is sung, or no range is known.
    octave_shift : int
    loudness_shift_db : float
        The shifts with which most lies inside, as small as possible.
    transpose : int
        The semitones, in place of octaves and transposition, with which nearly the most of the pitch that can be lies
        inside, as few as possible.
    outside : np.ndarray [shape=(n_frames,), bool]
        Sung frames outside the trained ranges.
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,), float32]
        Pitch and loudness as the instrument would be given them, which the shares are of.
    """

    inside_share: float | None
    pitch_inside: float | None
    loudness_inside: float | None
    octave_shift: int
    loudness_shift_db: float
    transpose: int
    outside: np.ndarray
    f0_hz: np.ndarray
    loudness_db: np.ndarray

    def to_json(self) -> dict:
        """The reading without the frames."""
        names = ("inside_share", "pitch_inside", "loudness_inside", "octave_shift", "loudness_shift_db", "transpose")
        return {name: getattr(self, name) for name in names}


def measure(features: Features, statistics: DatasetStatistics | None, settings: Settings | None = None) -> Fit:
    """Read the fit of a recording as `settings` would place it (as it is, by default)."""
    settings = settings or Settings()
    floor = -DB_RANGE[features.generation] + 20.0
    sung = (features.f0_confidence >= _CONFIDENT) & (features.loudness_db > floor)
    placed = condition(features, statistics, settings)
    base = condition(features, statistics, replace(settings, octave_shift=0, loudness_shift_db=0.0))
    midi = hz_to_midi(base.f0_hz)
    pitch_range = statistics.pitch_range_midi if statistics else None
    loudness_range = statistics.loudness_range_db if statistics else None
    low, high = pitch_range or (-np.inf, np.inf)
    soft, loud = loudness_range or (-np.inf, np.inf)

    def inside(x: np.ndarray, lower: float, upper: float, slack: float) -> np.ndarray:
        return (x >= lower - slack) & (x <= upper + slack)

    in_pitch = inside(hz_to_midi(placed.f0_hz), low, high, _SLACK_MIDI)
    in_loudness = inside(placed.loudness_db, soft, loud, _SLACK_DB)
    sung_midi, sung_db = midi[sung], base.loudness_db[sung]  # each shift below is tried on all of it
    octaves = sorted(range(-3, 4), key=abs)
    shifts = sorted(range(-30, 31, 5), key=abs)
    best_octave = max(octaves, key=lambda o: _mean(inside(sung_midi + 12 * o, low, high, _SLACK_MIDI)))
    best_shift = max(shifts, key=lambda s: _mean(inside(sung_db + s, soft, loud, _SLACK_DB)))
    untouched = sung_midi - settings.transpose
    semitones = {t: _mean(inside(untouched + t, low, high, _SLACK_MIDI)) for t in range(-36, 37)}
    nearly = max(semitones.values()) - _NEARLY
    transpose = min((t for t, share in semitones.items() if share >= nearly), key=abs)
    comparable = sung.any() and (pitch_range is not None or loudness_range is not None)
    return Fit(
        _share(in_pitch & in_loudness, sung) if comparable else None,
        _share(in_pitch, sung) if comparable else None,
        _share(in_loudness, sung) if comparable else None,
        best_octave,
        float(best_shift),
        transpose,
        sung & ~(in_pitch & in_loudness),
        placed.f0_hz,
        placed.loudness_db,
    )


def _share(inside: np.ndarray, sung: np.ndarray) -> float:
    return _mean(inside[sung])


def _mean(inside: np.ndarray) -> float:
    return float(inside.mean()) if len(inside) else 1.0
