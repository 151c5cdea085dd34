"""What a voice's recordings cover: pitch, power and loudness statistics, and the loudness quantiles.

`DatasetStatistics` holds what ddsp's `compute_dataset_statistics` pickles, under the same names, without its code:
twelve numbers each for pitch (MIDI), power (dB) and loudness (dB), six over all frames and six over note frames, and
the quantile map of the note frames' loudness. Loudness is on the scale of `generation` (see `ddsing.sound.loudness`).

Reference: ddsp.training.postprocessing (compute_dataset_statistics, QuantileTransformer).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ddsing.constants import DB_RANGE, POWER
from ddsing.errors import InstrumentError
from ddsing.sound.notes import note_on_ratio, quantiles
from ddsing.units import hz_to_midi

QUANTITIES = ("pitch", "power", "loudness", "pitch_note", "power_note", "loudness_note")
MEASURES = ("mean", "max", "min", "mean_max", "mean_min", "std")
FIELDS = tuple(f"{measure}_{quantity}" for quantity in QUANTITIES for measure in MEASURES)


@dataclass(frozen=True, eq=False)
class DatasetStatistics:
    """Statistics of the recordings that an instrument was trained on.

    Attributes
    ----------
    generation : int
        ddsp generation of the loudness scale; of `POWER`, "loudness" is power.
    values : Mapping[str, float]
        ``{mean,max,min,mean_max,mean_min,std}_{pitch,power,loudness}[_note]``; pitch in MIDI, the others in dB.
        All of `FIELDS` for what ddsing writes; instruments from 2021 may hold fewer.
    references, quantiles : np.ndarray [shape=(n_quantiles,), float64]
        The loudness below which a share `references` (0 to 1) of the note frames lies, in dB; both ascending.
    """

    generation: int
    values: Mapping[str, float]
    references: np.ndarray
    quantiles: np.ndarray

    def __post_init__(self) -> None:
        if self.generation not in DB_RANGE:
            raise InstrumentError(
                f"The statistics' ddsp generation is {self.generation!r}; it must be one of "
                f"{', '.join(map(str, DB_RANGE))}."
            )
        unknown = set(self.values) - set(FIELDS)
        if unknown:
            raise InstrumentError(f"The statistics hold unknown entries: {', '.join(sorted(map(repr, unknown))[:3])}.")
        for name, value in self.values.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1000.0:
                raise InstrumentError(f"The statistics' {name} is {value!r}; it must be a number within ±1000.")
        references = np.array(self.references, np.float64)
        quantiles = np.array(self.quantiles, np.float64)
        if references.ndim != 1 or references.shape != quantiles.shape or not 1 <= references.size <= 100_000:
            raise InstrumentError("The statistics' loudness quantiles must be two lists of the same length.")
        if not (np.isfinite(references).all() and np.isfinite(quantiles).all()):
            raise InstrumentError("The statistics' loudness quantiles contain NaN or infinite values.")
        if (np.diff(references) < 0).any() or references[0] < 0 or references[-1] > 1:
            raise InstrumentError("The statistics' quantile references must ascend from 0 to 1.")
        if (np.diff(quantiles) < 0).any() or (np.abs(quantiles) > 1000).any():
            raise InstrumentError("The statistics' loudness quantiles must ascend within ±1000 dB.")
        references.flags.writeable = quantiles.flags.writeable = False
        object.__setattr__(self, "values", {name: float(value) for name, value in self.values.items()})
        object.__setattr__(self, "references", references)
        object.__setattr__(self, "quantiles", quantiles)

    def to_json(self) -> dict:
        """A plain dictionary for a manifest or a JSON file."""
        return {
            "generation": self.generation,
            "values": dict(self.values),
            "references": self.references.tolist(),
            "quantiles": self.quantiles.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping) -> "DatasetStatistics":
        """The statistics in a manifest; unknown, missing or ill-typed entries raise `InstrumentError`."""
        try:
            return cls(**data)
        except (TypeError, ValueError, AttributeError) as error:
            raise InstrumentError(f"The statistics can't be read: {error}.") from None

    @property
    def pitch_range_midi(self) -> tuple[float, float] | None:
        """The lowest and highest note that the voice sings, or None if that is not known.

        Its extremes, but not beyond 2.5 standard deviations from its mean, where slips of the pitch tracker lie.
        """
        return self._range("pitch_note") or self._range("pitch") or self._mean_range("pitch_note")

    @property
    def loudness_range_db(self) -> tuple[float, float] | None:
        """The loudness of the softest and loudest notes: the middle 98 % of the note frames."""
        low, high = np.interp([0.01, 0.99], self.references, self.quantiles)
        return float(low), float(high)

    def _mean_range(self, quantity: str) -> tuple[float, float] | None:
        """How far a window usually reaches: all that a file of ddsp-vst's says."""
        low, high = (self.values.get(f"{measure}_{quantity}") for measure in ("mean_min", "mean_max"))
        return None if self.generation != POWER or low is None or high is None else (low, high)

    def _range(self, quantity: str) -> tuple[float, float] | None:
        found = [self.values.get(f"{measure}_{quantity}") for measure in ("min", "max", "mean", "std")]
        known = [value for value in found if value is not None]
        if len(known) < len(found):
            return None
        lowest, highest, mean, deviation = known
        return max(lowest, mean - 2.5 * deviation), min(highest, mean + 2.5 * deviation)


def measure(
    f0_hz: np.ndarray,
    f0_confidence: np.ndarray,
    loudness_db: np.ndarray,
    power_db: np.ndarray,
    *,
    generation: int = 3,
) -> DatasetStatistics:
    """The statistics of a voice's windows, as ddsp's `compute_dataset_statistics`.

    Parameters
    ----------
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(n_windows, n_frames)]
        250 frames a second. The last 20 frames of each window are left out, as in ddsp; windows in which no note
        is detected count whole.
    power_db : np.ndarray [shape=(n_windows, n_frames)]
        Power in dB on the same frames.
    """
    midi = np.empty(np.shape(f0_hz), np.float64)
    for row, of_a_window in enumerate(f0_hz):  # all at once would take three times its memory
        midi[row] = hz_to_midi(of_a_window)
    trimmed = [np.asarray(x)[:, :-20] for x in (midi, power_db, loudness_db, f0_confidence)]
    arrays = dict(zip(("pitch", "power", "loudness"), trimmed))
    min_db = -DB_RANGE[generation]
    ratio = note_on_ratio(trimmed[2], trimmed[3], min_db=min_db)
    note = np.zeros(trimmed[2].shape, bool) if ratio is None else ratio >= 1.0
    note |= ~note.any(axis=1, keepdims=True)
    del ratio  # as large as a curve of all windows, where memory is at its peak
    values: dict[str, float] = {}
    for name, x in arrays.items():
        for quantity, mask in ((name, np.ones_like(note)), (f"{name}_note", note)):
            peaks = [row[m].max() for row, m in zip(x, mask)]
            lows = [row[m].min() for row, m in zip(x, mask)]
            chosen = x[mask]
            measured = (chosen.mean(), chosen.max(), chosen.min(), np.mean(peaks), np.mean(lows), chosen.std())
            values |= {f"{measure_}_{quantity}": float(value) for measure_, value in zip(MEASURES, measured)}
    references, levels = quantiles(trimmed[2][note])
    return DatasetStatistics(generation, values, references, levels)
