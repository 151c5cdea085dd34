"""What is open: the workspace of who is at the tab, and the stores that lie in it; the one place that knows it.

A local dashboard has the workspace that it was started for. On a hosted one each person has one, found by
`ddsing.ui.shell.visitor` from the sign-in alone: nothing that an address, a link or a widget says can name another.

Stores are made anew with each call, since they hold nothing: what is kept in memory is in `ddsing.ui.shell.caches`.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import DdsingError
from ddsing.ui.shell import visitor
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:  # their imports take a while, which the first page should not wait for
    from ddsing.instrument.library import Library
    from ddsing.sound.features import FeatureCache
    from ddsing.transfer.takes import TakeStore


MOST = 1000  # workspaces, of a hosted dashboard; each is a path
_thread = threading.local()


def workspace() -> Workspace:
    """The visitor's workspace; a local dashboard's is from ``-- --workspace DIR`` or DDSING_WORKSPACE."""
    if getattr(_thread, "in_house", False):
        return require_house()
    found = visitor.current()
    if found.folder is not None:
        with_demo = found.house is None
        if not found.folder.is_dir():  # it has expired, and its owner is back
            _workspace.clear(str(found.folder), with_demo)
        return _workspace(str(found.folder), with_demo)
    root = None
    if "--workspace" in sys.argv[:-1]:
        root = sys.argv[sys.argv.index("--workspace") + 1]
    return _workspace(root, True)


def house() -> Workspace | None:
    """The library that everybody has beside their own, to be read only; None on a local dashboard."""
    found = visitor.current().house
    return None if found is None else _workspace(str(found.folder), True)


def require_house() -> Workspace:
    """The same, where there is one."""
    found = house()
    if found is None:
        raise DdsingError("This dashboard has no house library.")
    return found


def is_of_house(path: Path) -> bool:
    """Whether a file belongs to the house library."""
    found = visitor.current().house
    return found is not None and path.is_relative_to(found.folder)


def owner(path: Path) -> Workspace | None:
    """The house library for a file of its own; None for one of the visitor's workspace."""
    return require_house() if is_of_house(path) else None


@contextlib.contextmanager
def owner_of(path: Path) -> Iterator[None]:
    """Within it what is open is where a file lies: the house library, for one of its own.

    What is computed of those is kept once for everybody; all else is kept for one workspace.
    """
    before = getattr(_thread, "in_house", False)
    _thread.in_house = is_of_house(path)
    try:
        yield
    finally:
        _thread.in_house = before


def key() -> str:
    """What tells this workspace from all others of the server; a local dashboard has one."""
    if getattr(_thread, "in_house", False):
        return str(require_house().root)
    folder = visitor.current().folder
    return "" if folder is None else str(folder)


@st.cache_resource(max_entries=MOST, show_spinner="Opening the workspace")
def _workspace(root: str | None, with_demo: bool) -> Workspace:
    return open_workspace(root, with_demo=with_demo)


def library() -> Library:
    """The workspace's instruments."""
    from ddsing.instrument.library import Library

    return Library(workspace())


def takes() -> TakeStore:
    """The workspace's takes."""
    from ddsing.ui.shell.seen_takes import SeenTakes

    return SeenTakes(workspace())


def feature_cache() -> FeatureCache:
    """The workspace's pitch tracks on disk."""
    from ddsing.sound.features import FeatureCache

    return FeatureCache(workspace().cache / "features")
