"""Work that worker processes do for a hosted dashboard's pages: what a tab sees of an order, from the order's folder.

Whatever has ended meanwhile, a worker or the server itself, the folder says how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from ddsing.errors import DdsingError
from ddsing.hosting import switch
from ddsing.jobs.time_left import Part, Range
from ddsing.ui.shell import opened, visitor
from ddsing.units import format_range
from ddsing.work.order import Order

if TYPE_CHECKING:  # a local dashboard needs neither the queue nor what it stands on
    from ddsing.work.folder import OrderFolder
    from ddsing.work.queue import Queue

_LOOK_S = 0.05


class Ordered:
    """An order of this workspace, as `ddsing.ui.shell.work.Work` is one of a thread."""

    def __init__(self, folder: OrderFolder):
        self.folder = folder
        about = folder.about()
        self.label, self.tab = str(about.get("label", "")), str(about.get("tab", ""))
        self.options: Mapping[str, Any] = about.get("options") or {}
        self.sound_key = str((about.get("sound") or {}).get("key", ""))
        self.root = folder.workspace
        self._queue = queue()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ordered) and other.folder == self.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def cancel(self) -> None:
        """Ask for its end; what waits ends at once."""
        self._queue.cancel(self.folder)

    def forget(self) -> None:
        """Remove it; somebody has seen its end."""
        self.folder.forget()

    @property
    def running(self) -> bool:
        """Whether it waits or is worked at."""
        return self.folder.exists() and self.folder.ended() is None

    @property
    def cancelling(self) -> bool:
        """Asked to stop, and not stopped yet."""
        return self.folder.cancelled() and self.running

    @property
    def waits(self) -> bool:
        """Whether no worker has begun it."""
        return not self.folder.status()

    @property
    def result(self) -> dict[str, Any] | None:
        """What came of it."""
        end = self.folder.ended()
        return None if end is None else end.result

    @property
    def error(self) -> Exception | None:
        """What went wrong, if anything."""
        end = self.folder.ended()
        return None if end is None else end.raised()

    @property
    def fraction(self) -> float:
        """Share of the whole that is done."""
        return min(1.0, max(0.0, float(self.folder.status().get("fraction", 0.0))))

    @property
    def stage(self) -> str:
        """What is done, or its place in line and how long it will take."""
        told = self.folder.status()
        if told:
            return str(told["stage"])
        place = self._queue.place(self.folder)
        return "waiting" if place is None else f"place {place.number} in line, {format_range(*place.left)} left"

    @property
    def expected_left_s(self) -> float:
        """About how long it will take, if that can be told; else 0."""
        left = self.seconds_left
        if left is None and (place := self._queue.place(self.folder)) is not None:
            left = place.left
        return 0.0 if left is None else left.middle_s

    @property
    def seconds_left(self) -> Range | None:
        """Time left, once the worker can tell."""
        told = self.folder.status()
        if not told or told.get("left_s") is None:
            return None
        passed_s = max(0.0, time.time() - float(told["at"]))
        low_s, high_s = told["left_s"]
        return Range(max(0.0, low_s - passed_s), max(0.0, high_s - passed_s))


def by_workers() -> bool:
    """Whether worker processes do what pages order; a local dashboard does it in a thread."""
    return switch.served() is not None


def queue() -> Queue:
    """The queue of the site."""
    from ddsing.hosting import site

    found = site.served()
    assert found is not None
    return found.work


def submit(order: Order) -> Ordered:
    """Have an order done for the visitor; once this returns it is not lost any more."""
    here = visitor.current()
    assert here.hosted and here.folder is not None
    return Ordered(queue().submit(here.folder, order, tab=tab()))


def done(kind: str, options: Mapping[str, Any], *, expected_s: float) -> dict[str, Any]:
    """What comes of an order of a page that shows nothing without it; the page waits, and no tab follows it."""
    made = submit(Order(kind, "", options, parts=(Part("", expected_s),))).folder
    try:
        while (end := made.ended()) is None:
            if not made.exists():
                raise DdsingError("This was removed before it was done. Load the page again.")
            time.sleep(_LOOK_S)
        error = end.raised()
        if error is not None:
            raise error
        return end.result or {}
    finally:
        made.forget()


def folders() -> list[OrderFolder]:
    """All orders of the visitor's workspace, those too whose end nobody has seen."""
    from ddsing.work import folder

    return folder.of_workspace(opened.workspace().root)


def of_workspace() -> list[Ordered]:
    """Those that a tab can follow: they say what they are."""
    return [found for found in map(Ordered, folders()) if found.label] if by_workers() else []


def tab() -> str:
    """The tab that this runs for; "" for none."""
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""
