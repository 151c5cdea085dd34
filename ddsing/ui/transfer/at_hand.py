"""What the next press of the main button needs, fetched before it: the chosen instrument, opened, and its networks.

It begins once an instrument has been chosen for a while, so that it costs neither the page's first run nor whoever
leafs through the instruments, and is one instrument at a time. On a hosted dashboard worker processes have them.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from ddsing.errors import DdsingError
from ddsing.ui.shell import caches, opened, ordered, visitor

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

CHOSEN_S = 1.0  # in which the browser draws the page
_changing = threading.Lock()
_waiting: threading.Timer | None = None
_wanted: tuple | None = None  # which file it waits for


def fetch(instrument: Entry | None) -> None:
    """Fetch an instrument once it has been chosen for a while; returns at once."""
    global _waiting, _wanted
    if ordered.by_workers():
        return
    stamp = None if instrument is None else caches.stamp(instrument.path)
    with _changing:
        if stamp == _wanted:
            return
        _wanted = stamp
        if _waiting is not None:
            _waiting.cancel()
        if instrument is not None:
            _waiting = threading.Timer(CHOSEN_S, _fetch, [instrument, visitor.current()])
            _waiting.name, _waiting.daemon = "at hand", True
            _waiting.start()


def _fetch(instrument: Entry, who: visitor.Visitor) -> None:
    from ddsing.jobs import paces
    from ddsing.sound import blas
    from ddsing.work import kinds, order_options  # noqa: F401

    with contextlib.suppress(DdsingError, OSError), visitor.lent(who):  # the press says so
        caches.models().get(caches.instrument(instrument))
        paces.of(opened.workspace())
    with blas.single_threaded():  # which looks for its libraries the first time
        pass
