"""A file of ddsp-vst's → `Instrument`. Nothing of it is run: its model is read as data, its zip as any stranger's."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ddsing.constants import DB_RANGE, POWER
from ddsing.errors import InstrumentError
from ddsing.formats import tflite
from ddsing.instrument.archive import content
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.manifest import Provenance, printable
from ddsing.instrument.vst import graph
from ddsing.instrument.vst.contract import metadata_of, model_of
from ddsing.model.statistics import DatasetStatistics

MAX_BYTES = 128 * 2**20  # those of the plug-in's own models are 7.5 MB
NO_RANGES = "The file says nothing that can be read about its pitch and power, so its ranges are unknown."
_RANGES = {"pitch_note": (-100.0, 200.0), "power_note": (-200.0, 50.0)}  # MIDI, dB: what can be meant
_MAX_SAID, _DATE = 60, len("2026-01-01")


def is_vst(source: Path | str | bytes) -> bool:
    """Whether a file says that it is a TensorFlow Lite model."""
    return content(source, n_bytes=8)[4:8] == tflite.IDENTIFIER


def read(source: Path | str | bytes, *, name: str) -> Instrument:
    """The instrument in a file of ddsp-vst's; anything wrong in it raises `InstrumentError`."""
    data = content(source)
    if len(data) > MAX_BYTES:
        raise InstrumentError(
            f"The ddsp-vst file has {len(data) / 1e6:,.0f} MB; those that ddsing reads have up to "
            f"{MAX_BYTES / 1e6:.0f} MB."
        )
    config, weights = graph.read(model_of(data))
    statistics, said = None, {}
    try:
        said = metadata_of(data)
        statistics = _statistics(said)
    except InstrumentError:  # the instrument sings without it
        pass
    return Instrument(
        name=name,
        config=config,
        statistics=statistics,
        weights=weights,
        provenance=Provenance(voice=name, notes=_origin(said), source_format="vst"),
        warnings=() if statistics else (NO_RANGES,),
    )


def _statistics(said: Mapping) -> DatasetStatistics | None:
    """The sweet spot as statistics: how far pitch and power usually reach."""
    values = {}
    for quantity, (low, high) in _RANGES.items():
        for measure in ("mean_min", "mean_max"):
            value = said.get(f"{measure}_{quantity}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                return None
            if not low <= value <= high:
                return None
            values[f"{measure}_{quantity}"] = float(value)
        if values[f"mean_min_{quantity}"] > values[f"mean_max_{quantity}"]:
            return None
    span = [max(values[f"{measure}_power_note"], -DB_RANGE[POWER]) for measure in ("mean_min", "mean_max")]
    return DatasetStatistics(POWER, values, np.array([0.0, 1.0]), np.array(span))


def _origin(said: Mapping) -> str:
    """Where the file says that it comes from."""
    parts = [
        f"{word} {_clean(said[key])[:most]}"
        for key, word, most in (("version", "ddsp", _MAX_SAID), ("export_time", "exported", _DATE))
        if key in said
    ]
    return "Read from a ddsp-vst file" + (f" ({', '.join(parts)})" if parts else "") + "."


def _clean(value: object) -> str:
    return "".join(letter for letter in str(value) if printable(letter))
