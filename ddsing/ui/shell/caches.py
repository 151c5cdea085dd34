"""What the dashboard keeps in memory: bounded, keyed by content, shared by all tabs and never changed once made."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ddsing import files
from ddsing.constants import TRACKERS
from ddsing.sound import audio
from ddsing.sound.audio import AudioInfo
from ddsing.transfer import stages
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:  # their imports take a while, which the first page should not wait for
    from ddsing.sound import features
    from ddsing.transfer.settings import Settings

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")  # of recordings that are listed; what is in them decides
MODELS = 4
RECORDINGS = 4
FEATURES = 8
FITS = 16
AUDITIONS = 16
TAKES = 4


def workspace() -> Workspace:
    """The open workspace, from ``-- --workspace DIR`` or DDSING_WORKSPACE."""
    root = None
    if "--workspace" in sys.argv[:-1]:
        root = sys.argv[sys.argv.index("--workspace") + 1]
    return _workspace(root)


@st.cache_resource(max_entries=1, show_spinner="Opening the workspace")
def _workspace(root: str | None) -> Workspace:
    return open_workspace(root)


def library():
    """The workspace's instruments."""
    from ddsing.instrument.library import Library

    return Library(workspace())


def stamp(path: Path) -> tuple[str, int, int]:
    """What identifies a file's content without reading it: path, size, time of change."""
    return files.key(Path(path))


# Recordings and their features


@dataclass(frozen=True, eq=False)
class Recording:
    """A decoded recording: `audio` [shape=(n_samples,), float32, 16 kHz], the same as `wav`, its hash, its recipe."""

    audio: np.ndarray
    wav: bytes
    content: str
    info: AudioInfo
    recipe: dict | None


@st.cache_resource(max_entries=RECORDINGS, show_spinner="Reading the recording")
def recording(identity: str, _source: Path | bytes) -> Recording:
    """A source decoded once."""
    info = audio.probe(_source)
    decoded = audio.decode(_source)
    decoded.flags.writeable = False
    return Recording(decoded, audio.encode(decoded), audio.content_hash(decoded), info, audio.read_recipe(_source))


def feature_cache() -> features.FeatureCache:
    """The workspace's pitch tracks on disk."""
    from ddsing.sound import features

    return features.FeatureCache(workspace().cache / "features")


def analysed(content: str) -> set[str]:
    """The trackers with which a recording was analysed already."""
    cache = feature_cache()
    return {name for name in TRACKERS if cache.has(content, name)}


@st.cache_resource(max_entries=FEATURES, show_spinner=False)
def features_of(content: str, _audio: np.ndarray, tracker: str, generation: int) -> features.Features:
    """Features of a recording that is analysed already, on an instrument's loudness scale."""
    from ddsing.sound import features

    return features.extract(_audio, tracker=tracker, generation=generation, cache=feature_cache())


# Instruments


def instruments() -> list:
    """The library's entries; the library itself remembers what it read of unchanged files."""
    return library().list()


def instrument(entry):
    """An entry's instrument with its weights, from memory while its file is unchanged."""
    return _instrument(stamp(entry.path), entry.name)


@st.cache_resource(max_entries=MODELS, show_spinner="Reading the instrument")
def _instrument(stamp: tuple[str, int, int], name: str):
    return library().get(name)


@st.cache_resource(max_entries=1, show_spinner=False)
def models():
    """Loaded networks by the digest of what they hold, for all tabs; bounded, and none is ever changed."""
    from ddsing.instrument.models import Models

    return Models(MODELS)


def audition(entry) -> bytes:
    """The built-in phrase sung by an instrument, as WAV."""
    return _audition(stamp(entry.path), entry)


@st.cache_data(max_entries=AUDITIONS, show_spinner="Singing a phrase")
def _audition(stamp: tuple[str, int, int], _entry) -> bytes:
    from ddsing.engine import phrase

    loaded = instrument(_entry)
    renderer, _ = models().get(loaded)
    return audio.encode(phrase.sing(renderer, loaded.statistics))


def export(entry) -> bytes:
    """An instrument's zip for downloading, in our own format."""
    from ddsing import instrument as formats

    return formats.to_bytes(instrument(entry))


# Work for the background, and takes


def analysis(sound: np.ndarray, tracker: str):
    """The work that finds a recording's pitch and keeps it."""
    from ddsing.sound import features

    cache = feature_cache()
    doing = stages.doing("features")

    def work(report) -> None:
        features.extract(sound, tracker=tracker, cache=cache, progress=lambda done: report(doing, done))

    return work


def transfer(entry, sound, settings, tracker: str):
    """The work that makes a take; it takes along all it needs, so nothing that a tab changes meanwhile matters."""
    from ddsing.transfer import pipeline

    loaded, opened, stores = instrument(entry), workspace(), models()

    def work(report):
        return pipeline.run(
            opened,
            sound.audio,
            loaded,
            settings,
            source_name=sound.source.name,
            tracker=tracker,
            models=stores,
            progress=lambda stage, done: report(stages.doing(stage), done),
        )

    return work


def fit(found: features.Features, content: str, entry, settings):
    """The fit reading of an analysed recording as the controls stand."""
    return _fit(content, found.tracker, stamp(entry.path), settings, found, entry.statistics)


@st.cache_resource(max_entries=FITS, show_spinner=False)
def _fit(content: str, tracker: str, instrument: tuple[str, int, int], settings: Settings, _found, _statistics):
    from ddsing.transfer import fit as reading

    return reading.measure(_found, _statistics, settings)


def takes():
    """The workspace's takes."""
    from ddsing.transfer.takes import TakeStore

    return TakeStore(workspace())


@st.cache_data(max_entries=TAKES, show_spinner=False)
def take_audio(take_id: str) -> tuple[np.ndarray, np.ndarray]:
    """A take's original and result, float32 at 16 kHz; a take's sound never changes."""
    folder = takes().get(take_id).folder
    return audio.decode(folder / "original.wav"), audio.decode(folder / "result.wav")
