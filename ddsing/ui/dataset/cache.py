"""What the Datasets page keeps in memory about a voice; keyed by what lies on disk, so a change there is seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing.constants import TRACKERS
from ddsing.dataset.voices import Voice
from ddsing.ui.shell import caches, looks, opened, per_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import plotly.graph_objects as go

    from ddsing.dataset.scan import RecordingFacts

VOICES, WINDOWS, REPORTS = 8, 8, 4


def stamps(folder: Path, *, suffixes: tuple[str, ...] = ()) -> tuple:
    """(name, size, time of change) of the files directly in a folder, without reading them."""
    if not folder.is_dir():
        return ()
    files = [path for path in folder.iterdir() if path.is_file() and (not suffixes or path.suffix in suffixes)]
    return tuple(sorted(caches.stamp(path) for path in files))


def recordings_stamp(voice: Voice) -> tuple:
    """Changes whenever a recording is added, removed or changed."""

    def look() -> tuple:
        return (voice.name, *(caches.stamp(path) for path in voice.recordings()))

    return looks.once(("recordings", opened.key(), voice.name), look)


class Kept:
    """A few results by what they are about, made by work in the background; the oldest goes first."""

    def __init__(self, most: int):
        self._most = most
        self._held: dict[tuple, Any] = {}

    def get(self, key: tuple):
        """The result, or None."""
        return self._held.get(key)

    def put(self, key: tuple, result: Any) -> None:
        """Keep a result."""
        held = {**self._held, key: result}
        self._held = dict(list(held.items())[-self._most :])


@per_workspace.resource(max_entries=1, show_spinner=False)
def _all_facts() -> Kept:
    return Kept(VOICES)


def facts(voice: Voice, progress: Callable[[float], None] | None = None) -> list[RecordingFacts]:
    """Facts of the voice's recordings; what was read before is remembered, here and on disk."""
    from ddsing.dataset import scan

    kept = _all_facts()
    stamp = (recordings_stamp(voice), scan.memory_stamp(voice))  # the memory knows what is voiced
    found = kept.get(stamp)
    if found is None:
        found = scan.scan(voice, progress=progress)
        kept.put(stamp, found)
    return found


@per_workspace.resource(max_entries=1, show_spinner=False)
def reports() -> Kept:
    """The reports that were made or shown since the dashboard was started, by recordings and dataset."""
    return Kept(REPORTS)


def report(voice: Voice):
    """The voice's report if it was made, in an earlier session too; else None."""
    from ddsing.dataset import report as domain

    stamp = (recordings_stamp(voice), dataset_stamp(voice))  # preparing refines it
    found = reports().get(stamp) or domain.known(voice)
    if found is not None:
        reports().put(stamp, found)
    return found


def dataset_stamp(voice: Voice) -> tuple:
    """Changes whenever the dataset was prepared anew or windows were excluded."""
    return (voice.name, *stamps(voice.dataset_folder))


def windows(voice: Voice):
    """The table of the dataset's windows."""
    return _windows(dataset_stamp(voice), voice)


@per_workspace.resource(max_entries=VOICES, show_spinner="Reading the windows")
def _windows(stamp: tuple, _voice: Voice):
    from ddsing.dataset import windows as table

    return table.load(_voice)


def window(voice: Voice, row: int):
    """One window's sound and features."""
    return _window(dataset_stamp(voice), row, voice)


@per_workspace.resource(max_entries=WINDOWS, show_spinner=False)
def _window(stamp: tuple, row: int, _voice: Voice):
    from ddsing.dataset import windows as table

    return table.read(_voice, row)


def close_up(voice: Voice, row: int) -> tuple[bytes, go.Figure, str]:
    """One window from close up: its sound as WAV, its figure, and that in words."""
    from ddsing.plots import dataset as plot
    from ddsing.sound import audio

    def make() -> tuple[bytes, go.Figure, str]:
        one = window(voice, row)
        shown = plot.Window(one.audio, one.f0_hz, one.f0_confidence, one.loudness_db, float(one.start_s))
        return audio.encode(one.audio), plot.window_figure(shown), plot.window_alt(shown)

    return caches.drawn(("window", *dataset_stamp(voice), row), make)


def document(voice: Voice) -> dict:
    """What a dataset of ours says about itself; empty for one of 2021, or none."""
    return _document(dataset_stamp(voice), voice)


@per_workspace.data(max_entries=VOICES, show_spinner=False)
def _document(stamp: tuple, _voice: Voice) -> dict:
    from ddsing.dataset import manifest

    return manifest.read(_voice) or {}


def is_current(voice: Voice) -> bool:
    """Whether the dataset is that of the recordings and the selection as they are now."""
    return _is_current((recordings_stamp(voice), dataset_stamp(voice)), voice)


@per_workspace.data(max_entries=VOICES, show_spinner=False)
def _is_current(stamp: tuple, _voice: Voice) -> bool:
    from ddsing.dataset import prepare

    return prepare.is_current(_voice)


def to_analyse_s(voice: Voice) -> dict[str, float]:
    """Seconds of sound whose pitch isn't known yet for a dataset, by tracker."""
    from ddsing.dataset import analysis, prepare

    usable, store = prepare.choose(facts(voice))[0], analysis.store(voice)
    return {name: sum(one.duration_s for one in usable if not store.has(one.content_hash, name)) for name in TRACKERS}


def seconds_by_note(pitch_seconds: Mapping[int, float]) -> np.ndarray:
    """A report's notes as an array [shape=(128,), float64]."""
    found = np.zeros(128)
    for midi, seconds in pitch_seconds.items():
        found[int(midi)] = seconds
    return found
