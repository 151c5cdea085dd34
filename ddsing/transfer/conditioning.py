"""From a recording's features to what the instrument is asked to sing.

In the original's order: with statistics, the notes' loudness is matched to the instrument's quantiles and the rest is
attenuated; autotune; then the shifts, so that scale and tuning are the recording's, whatever it is transposed to. A
setting of zero leaves its curve bit-identical, and autotune is the original's with the chromatic scale at once.

Reference: the DDSP timbre transfer notebook; ddsp.colab.colab_utils (get_tuning_factor, auto_tune).
"""

from dataclasses import dataclass

import numpy as np

from ddsing.constants import DB_RANGE, FRAME_RATE, MAX_F0_MIDI
from ddsing.model.statistics import DatasetStatistics
from ddsing.sound.features import Features
from ddsing.sound.notes import match_quantiles, note_on_ratio
from ddsing.sound.scales import CHROMATIC, Scale, off_concert
from ddsing.transfer.settings import Settings
from ddsing.units import hz_to_midi, midi_to_hz

SILENT = "The recording is silent, so there is nothing to sing."
NO_NOTE = (
    "No notes detected in the recording, so loudness statistics and autotune were not applied. "
    "Lower the mask threshold or try another tracker."
)
NO_STATISTICS = "The instrument has no statistics, so loudness statistics were not applied."


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the instrument is given, and how it came about.

    Attributes
    ----------
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,), float32]
    mask_on : np.ndarray [shape=(n_frames,), bool] or None
        Where a note sounds; None where nothing asked for it.
    note_on_ratio : np.ndarray [shape=(n_frames,), float32] or None
    tuning_factor : float or None
        The tuning in semitones off A4 = 440 Hz, the recording's own (-0.5 to 0.5) or the one asked for; None without
        autotune.
    warnings : tuple[str, ...]
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray
    mask_on: np.ndarray | None
    note_on_ratio: np.ndarray | None
    tuning_factor: float | None
    warnings: tuple[str, ...]


def condition(features: Features, statistics: DatasetStatistics | None, settings: Settings) -> Conditioning:
    """Apply the settings to a recording's features (on the instrument's loudness generation)."""
    f0_hz, loudness_db = features.f0_hz, features.loudness_db
    silent = not (loudness_db > -DB_RANGE[features.generation] + 1e-3).any()
    warnings = [SILENT] if silent else []
    ratio = mask_on = tuning = None
    if settings.use_statistics or settings.autotune > 0 or settings.show_full_output:
        ratio = note_on_ratio(loudness_db, features.f0_confidence, min_db=-DB_RANGE[features.generation])
        mask_on = np.zeros(len(f0_hz), bool) if ratio is None else ratio >= settings.mask_threshold
    wants_notes = settings.use_statistics or settings.autotune > 0
    if wants_notes and (mask_on is None or not mask_on.any()):
        warnings += [] if silent else [NO_NOTE]
    elif wants_notes and mask_on is not None and ratio is not None:
        if settings.use_statistics and statistics is not None:
            attenuation_db = settings.attenuation_db
            loudness_db = match_loudness(loudness_db, mask_on, ratio, statistics, attenuation_db=attenuation_db)
        elif settings.use_statistics:
            warnings.append(NO_STATISTICS)
        if settings.autotune > 0:
            f0_midi = hz_to_midi(f0_hz)
            tuning = (
                off_concert(settings.tuning_hz)
                if settings.tuning_hz
                else tuning_factor(f0_midi, features.f0_confidence, mask_on)
            )
            f0_hz = midi_to_hz(_tuned(f0_midi, tuning, settings)).astype(np.float32)
    if settings.loudness_shift_db != 0:
        loudness_db = loudness_db + np.float32(settings.loudness_shift_db)
    octaves = settings.octave_shift + settings.transpose / 12.0
    if octaves != 0:
        f0_hz = np.clip(f0_hz * np.float32(2.0**octaves), 0.0, midi_to_hz(MAX_F0_MIDI)).astype(np.float32)
    return Conditioning(f0_hz, loudness_db, mask_on, ratio, tuning, tuple(warnings))


def match_loudness(
    loudness_db: np.ndarray,
    mask_on: np.ndarray,
    ratio: np.ndarray,
    statistics: DatasetStatistics,
    *,
    attenuation_db: float,
) -> np.ndarray:
    """Quantile-match the notes' loudness, attenuate the rest by ``attenuation_db · (1 - ratio)``.

    Parameters
    ----------
    loudness_db, ratio : np.ndarray [shape=(n_frames,), float32]
    mask_on : np.ndarray [shape=(n_frames,), bool]

    Returns
    -------
    np.ndarray [shape=(n_frames,), float32]
        In dB. Not clipped: with a threshold above 1, frames of a ratio between 1 and it come out louder, as in ddsp.
    """
    matched = np.array(loudness_db, np.float32)
    matched[mask_on] = match_quantiles(matched[mask_on], statistics.references, statistics.quantiles)
    matched[~mask_on] -= np.float32(attenuation_db) * (1.0 - ratio[~mask_on])
    return matched


def tuning_factor(f0_midi: np.ndarray, f0_confidence: np.ndarray, mask_on: np.ndarray) -> float:
    """The offset from the chromatic grid, in semitones, with which f0 stays nearest to notes and changes note least."""
    offsets = np.linspace(-0.5, 0.5, 101)
    sung, weights = np.asarray(f0_midi)[mask_on], np.asarray(f0_confidence)[mask_on]
    cost_distance, cost_changes = np.zeros(len(offsets)), np.zeros(len(offsets))
    for index, offset in enumerate(offsets):  # one at a time, so that memory stays small for long recordings
        distance = _from_grid(sung - offset)
        cost_distance[index] = np.mean(weights * np.abs(distance))
        if len(sung) > 1:
            cost_changes[index] = np.mean(weights[:-1] * (np.diff(sung - distance) != 0.0))
    return float(offsets[np.argmin(_standard(cost_changes) + _standard(cost_distance))])


def _tuned(f0_midi: np.ndarray, tuning: float, settings: Settings) -> np.ndarray:
    scale = None if settings.scale == CHROMATIC else Scale.parse(settings.scale)
    return autotune(f0_midi, tuning, amount=settings.autotune, scale=scale, speed_ms=settings.autotune_speed_ms)


def autotune(
    f0_midi: np.ndarray, tuning: float, *, amount: float, scale: Scale | None = None, speed_ms: float = 0.0
) -> np.ndarray:
    """Draw f0 to a scale `tuning` semitones off, a share `amount` of the way.

    Parameters
    ----------
    f0_midi : np.ndarray [shape=(n_frames,), float64]
    scale : Scale, optional
        The chromatic grid if not given, in the original's arithmetic.
    speed_ms : float
        From one correction to the next it takes so long, in a straight line: the correction is averaged over what lies
        so far back. Vibrato and slides that are faster stay, as the average does not follow them.

    Returns
    -------
    np.ndarray [shape=(n_frames,), float64]
    """
    off = _from_grid(f0_midi - tuning) if scale is None else scale.off(f0_midi - tuning)
    n_frames = round(speed_ms * FRAME_RATE / 1000.0)
    if n_frames and len(off):
        before = np.concatenate([np.full(n_frames, off[0]), off])
        off = np.convolve(before, np.full(n_frames + 1, 1.0 / (n_frames + 1)), mode="valid")
    return f0_midi - amount * off


def _from_grid(semitones: np.ndarray) -> np.ndarray:
    distance = semitones % 1.0
    return np.where(distance > 0.5, distance - 1.0, distance)


def _standard(x: np.ndarray) -> np.ndarray:
    deviation = np.std(x)
    return (x - np.mean(x)) / deviation if deviation > 0 else np.zeros_like(x)
