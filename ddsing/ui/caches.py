"""What the dashboard keeps in memory: bounded, keyed by content, shared by all tabs and never changed once made."""

import sys
import tempfile
from pathlib import Path

import streamlit as st

from ddsing import audio, features
from ddsing.instrument.library import Library
from ddsing.workspace import Workspace, open_workspace

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


def library() -> Library:
    """The workspace's instruments."""
    return Library(workspace())


def stamp(path: Path) -> tuple[str, int, int]:
    """What identifies a file's content without reading it: path, size, time of change."""
    facts = Path(path).stat()
    return str(path), facts.st_size, facts.st_mtime_ns
