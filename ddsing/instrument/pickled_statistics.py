"""A 2021 `dataset_statistics.pkl` → `DatasetStatistics`, each number checked for its type and range."""

from typing import Any

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.instrument import pickles
from ddsing.model.statistics import FIELDS, DatasetStatistics

_TOLERANCE = 1e-9


def read_statistics(data: bytes, *, generation: int) -> DatasetStatistics:
    """The statistics in a pickle of ddsp's `compute_dataset_statistics`; of its objects only numbers are kept.

    Parameters
    ----------
    data : bytes
        The pickle.
    generation : int
        ddsp generation of the loudness scale, 1 or 3, from the gin text.
    """
    document = pickles.load(data)
    if type(document) is not dict:
        raise _bad("it does not hold a dictionary")
    transform = document.get("quantile_transform")
    if type(transform) is not pickles.Record or transform.role != "quantiles":
        raise _bad("it holds no quantile_transform")
    unknown = sorted(set(document) - set(FIELDS) - {"quantile_transform"})
    if unknown:
        raise _bad(f"it holds an unknown entry, {ascii(unknown[0])[:60]}")
    values = {name: _number(document[name], name) for name in FIELDS if name in document}
    references = _column(transform.state.get("references_"), "references_")
    quantiles = _column(transform.state.get("quantiles_"), "quantiles_")
    _check_order(values)
    return DatasetStatistics(generation, values, references, quantiles)


def _number(value: Any, name: str) -> float:
    if type(value) is pickles.Array:
        numbers = value.values()
        value = float(numbers.reshape(())) if numbers.size == 1 else None
    if type(value) not in (int, float) or not abs(value) <= 1000.0:
        raise _bad(f"its {name} is not a number within ±1000")
    return float(value)


def _column(value: object, name: str) -> np.ndarray:
    numbers = value.values() if type(value) is pickles.Array else np.zeros((0,))
    if numbers.size == 0 or numbers.size != max(numbers.shape, default=0):
        raise _bad(f"its {name} is not one list of numbers")
    return numbers.reshape(-1)


def _check_order(values: dict[str, float]) -> None:
    """Lowest ≤ mean ≤ highest and a standard deviation from 0: what a flipped bit rarely keeps."""
    for name, low in values.items():
        quantity = name.removeprefix("min_")
        high = values.get(f"max_{quantity}")
        if name.startswith("min_") and high is not None and low > high:
            raise _bad(f"its lowest {quantity} ({low:g}) is above its highest ({high:g})")
        if name.startswith("std_") and low < -_TOLERANCE:
            raise _bad(f"its {name} is negative")


def _bad(what: str) -> InstrumentError:
    return InstrumentError(f"The instrument's dataset_statistics.pkl was refused: {what}.")
