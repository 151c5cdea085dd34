"""What a dataset was made from (``dataset.json``), and what is left out of it (``selection.json``)."""

import datetime
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import ddsing
from ddsing.constants import FRAME_RATE, SAMPLE_RATE
from ddsing.dataset import analysis, scan
from ddsing.dataset.scan import RecordingFacts
from ddsing.dataset.voices import Voice
from ddsing.errors import DatasetError
from ddsing.files import read_json, write_json
from ddsing.formats import tfrecord

VERSION = 1  # of the windows, their features and their files: another number makes old datasets outdated
NAME, SELECTION = "dataset.json", "selection.json"


@dataclass(frozen=True)
class Plan:
    """What is to be prepared."""

    voice: Voice
    tracker: str
    usable: list[RecordingFacts]
    refused: list[tuple[str, str]]

    @property
    def selection(self) -> list[list]:
        """The excluded windows of the recordings that are used: [hash, first frame]."""
        hashes = {facts.content_hash for facts in self.usable}
        return [entry for entry in read_selection(self.voice) if entry[0] in hashes]

    @property
    def dataset_hash(self) -> str:
        """Of what a model can learn from: the sounds, the tracker, and what is left out."""
        content = [VERSION, self.tracker, sorted(facts.content_hash for facts in self.usable), self.selection]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def recordings(self) -> list[dict]:
        """Name, hash and length of the recordings."""
        return [
            {"name": facts.name, "hash": facts.content_hash, "duration_s": facts.duration_s} for facts in self.usable
        ]

    def document(self, **counts: object) -> dict[str, Any]:
        """The content of ``dataset.json``."""
        return {
            "version": VERSION,
            "ddsing": ddsing.__version__,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "dataset_hash": self.dataset_hash,
            "tracker": self.tracker,
            "generation": analysis.GENERATION,
            "sample_rate_hz": SAMPLE_RATE,
            "frame_rate_hz": FRAME_RATE,
            "padding": "same",
            "recordings": self.recordings(),
            "refused": [list(entry) for entry in self.refused],
            "stamps": stamps(self.voice),
            "selection": read_selection(self.voice),
            **counts,
        }

    def is_that_of(self, known: dict) -> bool:
        """Whether a dataset is the one that would be made."""
        return known["dataset_hash"] == self.dataset_hash and known["recordings"] == self.recordings()


def read(voice: Voice) -> dict[str, Any] | None:
    """The document of a whole dataset of this version, or None."""
    tfrecord.settle(voice.dataset_folder)
    document = read_json(voice.dataset_folder / NAME) or {}
    try:
        if document["version"] != VERSION or not {"stamps", "selection", "dataset_hash", "files"} <= document.keys():
            return None
        sizes = {name: scan.stamp(voice.dataset_folder / name)[0] for name in document["files"]}
        return document if sizes == document["files"] else None
    except (KeyError, TypeError, AttributeError):
        return None


def confirm(voice: Voice, known: dict, plan: Plan) -> None:
    """Write that a dataset is that of the recordings as they are now: other files or times, but the same sound."""
    now = {"stamps": stamps(voice), "selection": read_selection(voice), "refused": [list(x) for x in plan.refused]}
    if any(known.get(name) != value for name, value in now.items()):
        write_json(voice.dataset_folder / NAME, {**known, **now})


def stamps(voice: Voice) -> dict[str, list[int]]:
    """Size and time of each recording's file, by name."""
    return {voice.name_of(path): scan.stamp(path) for path in voice.recordings()}


def read_selection(voice: Voice) -> list[list]:
    """The excluded windows, [hash, first frame] each, in order."""
    path = voice.dataset_folder / SELECTION
    try:
        entries = json.loads(path.read_bytes())["excluded"]
        return sorted([str(file_hash), int(start_frame)] for file_hash, start_frame in entries)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise DatasetError(f"{str(path)!r} can't be read. Delete it to include all windows again.") from None


def write_selection(voice: Voice, excluded: set[tuple[str, int]]) -> None:
    """Keep which windows are excluded."""
    document = {"version": VERSION, "excluded": sorted(map(list, excluded))}
    write_json(voice.dataset_folder / SELECTION, document, indent=None)
