"""Downloads that are made when they are asked for: a click is not lost while a page runs again.

Streamlit gives such a button a new name for its content in each run, and throws the old one away when a run ends, of
this tab or another; the click of somebody whose browser had not drawn the new one yet led to nothing. And what was made
for a click could be thrown away by runs that end before the browser has come for it. Here a button keeps its name as
long as it is drawn, and its content, and what was made of it, stay within reach for a while.
"""

from __future__ import annotations

import functools
import time
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from streamlit.runtime.media_file_manager import MediaFileManager

HELD_S = 60.0
_HELD = "ddsing.downloads"  # in the place of a session, so that what it refers to is not thrown away
_since: dict[str, float] = {}  # by what is held, when that began
_add = MediaFileManager.add_deferred
_execute = MediaFileManager.execute_deferred
_remove = MediaFileManager.remove_orphaned_files


def keep_within_reach() -> None:
    """See to it that downloads stay within reach, from now on and in the whole process."""
    if MediaFileManager.add_deferred is _add:
        MediaFileManager.add_deferred = _by_its_name  # type: ignore[method-assign]
        MediaFileManager.execute_deferred = _held_when_made  # type: ignore[method-assign]
        MediaFileManager.remove_orphaned_files = _but_what_is_held  # type: ignore[method-assign]


@functools.wraps(_add)
def _by_its_name(self: MediaFileManager, *given: Any, **named: Any) -> str:
    name = _add(self, *given, **named)
    with self._lock:
        button = self._deferred_callables[name]
        names = self._deferred_ids_by_session[button["session_id"]]
        before = next((one for one in names if one != name and _same(self._deferred_callables[one], button)), None)
        if before is not None:
            self._deferred_callables[before] = self._deferred_callables.pop(name)
            names.discard(name)
            name = before
        self._files_by_session_and_coord[button["session_id"]][button["coordinates"]] = name
        _hold(self, name)
    return name


def _same(one: Any, other: Any) -> bool:
    return bool(other["element_id"]) and one["element_id"] == other["element_id"]


@functools.wraps(_execute)
def _held_when_made(self: MediaFileManager, file_id: str) -> str:
    url = _execute(self, file_id)
    with self._lock:
        _hold(self, PurePosixPath(urlsplit(url).path).stem)
    return url


def _hold(manager: MediaFileManager, name: str) -> None:
    """Refer to something for a while; called with the manager's lock."""
    manager._files_by_session_and_coord[_HELD][name] = name
    _since[name] = time.monotonic()


@functools.wraps(_remove)
def _but_what_is_held(self: MediaFileManager) -> None:
    with self._lock:
        for name in [name for name, moment in _since.items() if time.monotonic() - moment > HELD_S]:
            del _since[name]
            self._files_by_session_and_coord[_HELD].pop(name, None)
    _remove(self)
