"""Caches of Streamlit's, one for each workspace: what was computed for one person is never anybody else's.

``@per_workspace.data(max_entries=4)`` is ``@st.cache_data(max_entries=4)`` for each workspace apart, so that whatever a
key leaves out, and however full one person's cache is, others neither see nor lose anything. Of workspaces that nobody
has looked at for a while, all is forgotten. A local dashboard has one workspace.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import time
import types
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from ddsing.ui.shell import opened

WORKSPACES, MOST_WORKSPACES = 16, 128  # whose results are in memory, and while they are in use
IN_USE_S = 900.0
P = ParamSpec("P")
T = TypeVar("T")


def data(**options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`st.cache_data` for each workspace: every caller gets a copy."""
    return functools.partial(_apart, st.cache_data, options)


def resource(**options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`st.cache_resource` for each workspace: the object itself, which nobody may change."""
    return functools.partial(_apart, st.cache_resource, options)


def _apart(cache: Callable, options: dict[str, Any], function: Callable[P, T]) -> Callable[P, T]:
    caches: dict[str, tuple[Any, float]] = {}  # by workspace, the one looked at last at the end, with the time of that
    changing = threading.Lock()

    @functools.wraps(function)
    def of_workspace(*args: P.args, **kwargs: P.kwargs) -> T:
        key, now_s = opened.key(), time.monotonic()
        with changing:
            cached = caches.pop(key)[0] if key in caches else cache(**options)(_for(function, key))
            caches[key] = cached, now_s
            forgotten = [caches.pop(oldest)[0] for oldest in _to_forget(caches, now_s)]
        for old in forgotten:
            old.clear()
        return cached(*args, **kwargs)

    return of_workspace


def _to_forget(caches: dict[str, tuple[Any, float]], now_s: float) -> list[str]:
    """Those that are too many; one that is in use is not, unless really many are."""
    n_before = len(caches) - WORKSPACES
    oldest = list(caches)[: max(0, n_before)]
    n_used = len(caches) - MOST_WORKSPACES
    return [key for number, key in enumerate(oldest) if number < n_used or now_s - caches[key][1] > IN_USE_S]


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
