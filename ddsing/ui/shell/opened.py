"""What is open: the workspace of who is at the tab, and the stores that lie in it; the one place that knows it.

A local dashboard has the workspace that it was started for. On a hosted one each person has one, found by
`ddsing.ui.shell.visitor` from the sign-in alone: nothing that an address, a link or a widget says can name another.

Stores are made anew with each call, since they hold nothing: what is kept in memory is in `ddsing.ui.shell.caches`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell import visitor
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:  # their imports take a while, which the first page should not wait for
    from ddsing.instrument.library import Library
    from ddsing.sound.features import FeatureCache
    from ddsing.transfer.takes import TakeStore


MOST = 1000  # workspaces, of a hosted dashboard; each is a path


def workspace() -> Workspace:
    """The visitor's workspace; a local dashboard's is from ``-- --workspace DIR`` or DDSING_WORKSPACE."""
    folder = visitor.current().folder
    if folder is not None:
        found = _workspace(str(folder))
        if not folder.is_dir():  # it has expired, and its owner is back
            _workspace.clear(str(folder))
            found = _workspace(str(folder))
        return found
    root = None
    if "--workspace" in sys.argv[:-1]:
        root = sys.argv[sys.argv.index("--workspace") + 1]
    return _workspace(root)


def key() -> str:
    """What tells this workspace from all others of the server; a local dashboard has one."""
    folder = visitor.current().folder
    return "" if folder is None else str(folder)


@st.cache_resource(max_entries=MOST, show_spinner="Opening the workspace")
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
