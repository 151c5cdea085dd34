"""What the dashboard keeps in memory: bounded, keyed by content, shared by all tabs and never changed once made."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ddsing import files, names
from ddsing.constants import TRACKERS
from ddsing.sound import recording as recordings
from ddsing.sound import wave as waves
from ddsing.sound.recording import Recording
from ddsing.sound.wave import Wave
from ddsing.ui.shell import looks, opened, per_workspace

T = TypeVar("T")

if TYPE_CHECKING:  # their imports take a while, which the first page should not wait for
    from collections.abc import Callable, Hashable

    from ddsing.instrument.library import Entry
    from ddsing.model.statistics import DatasetStatistics
    from ddsing.sound import features
    from ddsing.transfer.settings import Settings

MODELS = 4
RECALLED_BYTES = 2**26  # of what was sung last: six minutes of the full size
RECORDINGS = 4
DIGESTS = 256
FEATURES = 8
WAVES = 32
FITS = 16
DRAWN = 16


def stamp(path: Path) -> tuple[str, int, int]:
    """What identifies a file's content without reading it: path, size, time of change."""
    return files.key(Path(path))


# Recordings and their features


def recording(source: Path | bytes, *, name: str = "") -> Recording:
    """A recording decoded once, whether it lies in a folder or was uploaded, and whatever it is called."""
    content = _digest(stamp(source), source) if isinstance(source, Path) else hashlib.sha256(source).hexdigest()
    called = name or (names.read(source.name) if isinstance(source, Path) else "recording")
    found = _named(content, called, source)
    if isinstance(source, Path) and opened.is_of_house(source):
        _share_features(found.key)
    return found


def _share_features(content: str) -> None:
    """What the house knows of the pitch of one of its recordings, everybody who uses it knows."""
    from ddsing.sound.features import FeatureCache

    own, house = opened.feature_cache(), FeatureCache(opened.require_house().cache / "features")
    for tracker in TRACKERS:
        if house.has(content, tracker) and not own.has(content, tracker):
            with contextlib.suppress(OSError):
                own.folder.mkdir(parents=True, exist_ok=True)
                track = house.path(content, tracker).read_bytes()
                files.write_atomic(own.path(content, tracker), track, durable=False)


@per_workspace.resource(max_entries=DIGESTS, show_spinner=False)
def _digest(stamp: tuple[str, int, int], _path: Path) -> str:
    """The hash of a file's bytes, found once while it is unchanged; if it can't be read, decoding will say so."""
    try:
        with open(_path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return str(stamp)


@per_workspace.resource(max_entries=RECORDINGS, show_spinner=False)
def _named(content: str, name: str, _source: Path | bytes) -> Recording:
    """A recording under a name; the sound is shared with the same one under others."""
    return replace(_recording(content, _source), name=name)


@per_workspace.resource(max_entries=RECORDINGS, show_spinner="Reading the recording")
def _recording(content: str, _source: Path | bytes) -> Recording:
    return recordings.read(_source)


def wave(recording: Recording) -> Wave:
    """How a recording looks."""
    return _wave(recording.key, recording)


@per_workspace.data(max_entries=WAVES, show_spinner=False)
def _wave(content: str, _recording: Recording) -> Wave:
    return waves.of(_recording.audio)


def analysed(content: str) -> set[str]:
    """The trackers with which a recording was analysed already."""
    cache = opened.feature_cache()
    return {name for name in TRACKERS if cache.has(content, name)}


@per_workspace.resource(max_entries=FEATURES, show_spinner=False)
def features_of(content: str, _audio: np.ndarray, tracker: str, generation: int) -> features.Features:
    """Features of a recording that is analysed already, on an instrument's loudness scale."""
    from ddsing.sound import features

    return features.extract(_audio, tracker=tracker, generation=generation, cache=opened.feature_cache())


# Instruments


def instruments() -> list:
    """What can be sung with: the visitor's own instruments, then those of the house.

    One of the house whose name is taken by an own one bears a mark, so that each name is there once.
    """
    own, house = own_instruments(), opened.house()
    if house is None:
        return own
    taken = {names.key(entry.name) for entry in own}
    return [*own, *(replace(entry, name=beside(entry.name, taken)) for entry in _house_instruments())]


def own_instruments() -> list:
    """The workspace's entries; the library itself remembers what it read of unchanged files."""
    return list(looks.once(("instruments", opened.key()), opened.library().list))


def _house_instruments() -> list:
    with opened.owner_of(opened.require_house().instruments):
        return own_instruments()


def beside(name: str, taken: set[str]) -> str:
    """What something of the house is called where names are taken."""
    while names.key(name) in taken:
        name = f"{name} (house)"
    return name


def instrument(entry: Entry):
    """An entry's instrument with its weights, from memory while its file is unchanged."""
    with opened.owner_of(entry.path):
        return _instrument(stamp(entry.path), names.read(entry.path.stem))


@per_workspace.resource(max_entries=MODELS, show_spinner=False)  # a thread without a page reads, too
def _instrument(stamp: tuple[str, int, int], name: str):
    return opened.library().get(name)


@per_workspace.resource(max_entries=1, show_spinner=False)
def models():
    """Loaded networks by the digest of what they hold, for all tabs; bounded, and none is ever changed."""
    from ddsing.instrument.models import Models

    return Models(MODELS, recalled_bytes=RECALLED_BYTES)


def fit(found: features.Features, content: str, entry: Entry, settings: Settings):
    """The fit reading of an analysed recording as the controls stand."""
    about = found.tracker, len(found.f0_hz)  # a first reading grows
    return _fit(content, about, stamp(entry.path), settings, found, entry.statistics)


@per_workspace.resource(max_entries=FITS, show_spinner=False)
def _fit(
    content: str,
    about: tuple[str, int],
    instrument: tuple[str, int, int],
    settings: Settings,
    _found: features.Features,
    _statistics: DatasetStatistics | None,
):
    from ddsing.transfer import fit as reading

    return reading.measure(_found, _statistics, settings)


def drawn(about: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """A figure, or a sound for a player, that is made once as long as it is in use; nobody may change it.

    Parameters
    ----------
    about : tuple
        What tells it from all others of the workspace: what it is, of what, and how.
    """
    return _drawn(about, make)


@per_workspace.resource(max_entries=DRAWN, show_spinner=False)
def _drawn(about: tuple[Hashable, ...], _make: Callable[[], T]) -> T:
    return _make()
