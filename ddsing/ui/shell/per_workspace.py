"""Caches of Streamlit's, one for each workspace: what was computed for one person is never anybody else's.

``@per_workspace.data(max_entries=4)`` is ``@st.cache_data(max_entries=4)`` for each workspace apart, so that whatever a
key leaves out, and however full one person's cache is, others neither see nor lose anything. Of workspaces that have
not been looked at for longest, all is forgotten. A local dashboard has one workspace.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import types
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from ddsing.ui.shell import opened

WORKSPACES = 16  # whose results are in memory
P = ParamSpec("P")
T = TypeVar("T")


def data(**options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`st.cache_data` for each workspace: every caller gets a copy."""
    return functools.partial(_apart, st.cache_data, options)


def resource(**options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`st.cache_resource` for each workspace: the object itself, which nobody may change."""
    return functools.partial(_apart, st.cache_resource, options)


def _apart(cache: Callable, options: dict[str, Any], function: Callable[P, T]) -> Callable[P, T]:
    caches: dict[str, Any] = {}  # by workspace, the one looked at last at the end
    changing = threading.Lock()

    @functools.wraps(function)
    def of_workspace(*args: P.args, **kwargs: P.kwargs) -> T:
        key = opened.key()
        with changing:
            cached = caches.pop(key, None) or cache(**options)(_for(function, key))
            caches[key] = cached
            forgotten = [caches.pop(oldest) for oldest in list(caches)[:-WORKSPACES]]
        for old in forgotten:
            old.clear()
        return cached(*args, **kwargs)

    return of_workspace


def _for(function: Callable, key: str) -> Callable:
    """The same function under a name of its own, since Streamlit tells caches apart by their functions' names."""
    assert isinstance(function, types.FunctionType)
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__, copy.__annotations__ = function.__kwdefaults__, function.__annotations__
    copy.__module__, copy.__doc__ = function.__module__, function.__doc__
    copy.__qualname__ = (
        f"{function.__qualname__}@{hashlib.sha256(key.encode()).hexdigest()[:16]}" if key else (function.__qualname__)
    )
    return copy
