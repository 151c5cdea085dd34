"""What the next press of the main button needs, fetched before it: the chosen instrument, opened, and its networks.

Each run of the page puts it off; so it begins once a page has stood still, costs neither the page nor whoever leafs
through the instruments, and is one instrument at a time. On a hosted dashboard worker processes have them.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from ddsing.errors import DdsingError
from ddsing.ui.shell import caches, opened, ordered, visitor

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

STILL_S = 1.5  # of the page, which the browser draws meanwhile
_changing = threading.Lock()
_waiting: threading.Timer | None = None  # until the page has stood still
_fetched: tuple | None = None  # which file was fetched last


def fetch(instrument: Entry | None) -> None:
    """Fetch an instrument once no page has run for a while; returns at once."""
    global _waiting
    if ordered.by_workers():
        return
    with _changing:
        if _waiting is not None:
            _waiting.cancel()
        _waiting = None
        if instrument is not None and caches.stamp(instrument.path) != _fetched:
            _waiting = threading.Timer(STILL_S, _fetch, [instrument, visitor.current()])
            _waiting.name, _waiting.daemon = "at hand", True
            _waiting.start()


def _fetch(instrument: Entry, who: visitor.Visitor) -> None:
    global _fetched
    from ddsing.jobs import paces
    from ddsing.sound import blas
    from ddsing.work import kinds, order_options  # noqa: F401

    with contextlib.suppress(DdsingError, OSError), visitor.lent(who):  # the press says so
        stamp = caches.stamp(instrument.path)
        caches.models().get(caches.instrument(instrument))
        paces.of(opened.workspace())
        _fetched = stamp
    with blas.single_threaded():  # which looks for its libraries the first time
        pass
