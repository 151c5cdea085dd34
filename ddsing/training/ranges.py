"""What a dataset's recordings cover, on the scale of loudness that the model hears."""

import numpy as np

from ddsing.constants import HOP_SAMPLES, POWER
from ddsing.dataset import facts
from ddsing.dataset.voices import Voice
from ddsing.formats.tfrecord import Records
from ddsing.model import statistics
from ddsing.training.listening import Listening

_QUIETEST_POWER = 1e-12
_MAX_RECORDS = 2_000  # more change nothing that is heard


def of(source: Voice, records: Records, listening: Listening) -> statistics.DatasetStatistics:
    """A dataset's statistics as `prepare` left them, or measured anew: one of 2021 has none that are ours."""
    return facts.statistics(source, listening.generation) or measured(records, listening)


def measured(records: Records, listening: Listening) -> statistics.DatasetStatistics:
    """What the records cover, their loudness on the scale that the model hears."""
    chosen = np.unique(np.linspace(0, len(records) - 1, min(_MAX_RECORDS, len(records))).round().astype(int))
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("f0_hz", "f0_confidence", "loudness_db", "power_db")}
    for number in chosen:
        heard = listening.window(records.read(int(number)))
        heard.setdefault("f0_confidence", np.ones_like(heard["f0_hz"]))
        heard["power_db"] = heard["loudness_db"] if listening.generation == POWER else _power_db(heard["audio"])
        for name, rows in columns.items():
            rows.append(heard[name])
    shortest = min(len(row) for row in columns["f0_hz"])
    arrays = [np.stack([row[:shortest] for row in rows]) for rows in columns.values()]
    return statistics.measure(*arrays, generation=listening.generation)


def _power_db(audio: np.ndarray) -> np.ndarray:
    power = (audio.reshape(-1, HOP_SAMPLES).astype(np.float64) ** 2).mean(axis=1)
    return 10.0 * np.log10(np.maximum(power, _QUIETEST_POWER))
