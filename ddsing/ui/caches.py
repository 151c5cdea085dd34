"""What the dashboard keeps in memory: bounded, keyed by content, shared by all tabs and never changed once made."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from ddsing import audio, features
from ddsing.constants import TRACKERS
from ddsing.workspace import Workspace, open_workspace

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")  # of recordings that are listed; what is in them decides
MODELS = 4
RECORDINGS = 4
FEATURES = 8
AUDITIONS = 16


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
    facts = Path(path).stat()
    return str(path), facts.st_size, facts.st_mtime_ns


# Recordings and their features


@dataclass(frozen=True, eq=False)
class Recording:
    """A decoded recording: `audio` [shape=(n_samples,), float32, 16 kHz], the same as `wav` bytes, its hash, and its recipe."""

    audio: np.ndarray
    wav: bytes
    content: str
    info: audio.AudioInfo
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
    return features.FeatureCache(workspace().cache / "features")


def analysed(content: str) -> set[str]:
    """The trackers with which a recording was analysed already."""
    cache = feature_cache()
    return {name for name in TRACKERS if cache.has(content, name)}


@st.cache_resource(max_entries=FEATURES, show_spinner=False)
def features_of(content: str, _audio: np.ndarray, tracker: str, generation: int) -> features.Features:
    """Features of a recording that is analysed already, on an instrument's loudness scale."""
    return features.extract(_audio, tracker=tracker, generation=generation, cache=feature_cache())
