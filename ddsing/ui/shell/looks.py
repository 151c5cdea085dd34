"""What a page has looked at stays as it was for as long as the page is drawn: nothing is read twice in one run of it.

Parts of a page that run again by themselves, and callbacks, look anew. Whatever makes something new while a page is
drawn is looked at first (`ddsing.ui.shell.jobs.look`, `ddsing.ui.shell.work.finished`), and then all else is looked at
anew: what is read afterwards has all that was made until then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_seen: ContextVar[dict[Hashable, Any] | None] = ContextVar("seen", default=None)


@contextlib.contextmanager
def of_one_run() -> Iterator[None]:
    """Within it `once` remembers."""
    token = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(token)


def once(about: Hashable, look: Callable[[], T]) -> T:
    """What `look` returns, or has returned in this run of the page; nobody may change it."""
    seen = _seen.get()
    if seen is None:
        return look()
    if about not in seen:
        seen[about] = look()
    return seen[about]


def anew() -> None:
    """Look at everything anew from here on."""
    seen = _seen.get()
    if seen is not None:
        seen.clear()
