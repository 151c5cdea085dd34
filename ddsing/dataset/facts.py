"""What a prepared dataset says about itself, read without opening its windows.

A dataset of 2021 has no ``dataset.json`` and says nothing; only its hash can be told, from its files.
"""

import hashlib

from ddsing.constants import TRACKERS
from ddsing.dataset import manifest
from ddsing.dataset.voices import Voice
from ddsing.files import read_json
from ddsing.formats import tfrecord
from ddsing.model.statistics import DatasetStatistics

STATISTICS = "dataset_statistics.json"
_LONGEST_MINUTES = 1e6


def made_here(voice: Voice) -> bool:
    """Whether the dataset was prepared by ddsing, not by the notebooks of 2021."""
    return (voice.dataset_folder / manifest.NAME).is_file()


def foreign(voice: Voice) -> bool:
    """Whether there is a dataset that ddsing did not prepare; it can be trained on as it is."""
    return voice.prepared and not made_here(voice)


def dataset_hash(voice: Voice) -> str:
    """The hash that `prepare` gave the dataset; of one of 2021, that of its files."""
    written = _written(voice).get("dataset_hash")
    if isinstance(written, str) and written:
        return written
    hasher = hashlib.sha256()
    for path in tfrecord.shards(voice.dataset_folder, "train"):
        with open(path, "rb") as file:
            hasher.update(hashlib.file_digest(file, "sha256").digest())
    return hasher.hexdigest()


def minutes(voice: Voice) -> float | None:
    """How many minutes a dataset holds, where that is known."""
    written = _written(voice).get("minutes")
    return float(written) if isinstance(written, int | float) and 0 < written < _LONGEST_MINUTES else None


def tracker(voice: Voice) -> str | None:
    """The pitch tracker that it was prepared with, where that is known."""
    written = _written(voice).get("tracker")
    return written if written in TRACKERS else None


def generation(voice: Voice) -> int | None:
    """On which generation's scale its loudness is, where that is known; see `ddsing.sound.loudness`."""
    written = _written(voice).get("generation")
    return written if written in (1, 3) else None


def statistics(voice: Voice, scale: int) -> DatasetStatistics | None:
    """What its recordings cover, as `prepare` measured it; None where it did not on that generation's scale."""
    document = _written(voice, STATISTICS)
    return DatasetStatistics.from_json(document) if document.get("generation") == scale else None


def _written(voice: Voice, name: str = manifest.NAME) -> dict:
    return read_json(voice.dataset_folder / name) or {}
