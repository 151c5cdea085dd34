"""What is open: the workspace that the dashboard was started for, and the stores that lie in it.

Stores are made anew with each call, since they hold nothing: what is kept in memory is in `ddsing.ui.shell.caches`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:  # their imports take a while, which the first page should not wait for
    from ddsing.instrument.library import Library
    from ddsing.sound.features import FeatureCache
    from ddsing.transfer.takes import TakeStore


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
    from ddsing.instrument.library import Library

    return Library(workspace())


def takes() -> TakeStore:
    """The workspace's takes."""
    from ddsing.transfer.takes import TakeStore

    return TakeStore(workspace())


def feature_cache() -> FeatureCache:
    """The workspace's pitch tracks on disk."""
    from ddsing.sound.features import FeatureCache

    return FeatureCache(workspace().cache / "features")
