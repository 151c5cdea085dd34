"""First readings on a hosted dashboard: a worker process makes each, as an order that no tab has to follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ddsing.errors import DdsingError
from ddsing.jobs import paces
from ddsing.ui.shell import opened, ordered

if TYPE_CHECKING:
    import numpy as np

    from ddsing.sound.features import Features
    from ddsing.sound.recording import Recording
    from ddsing.work.folder import End


@dataclass(frozen=True, eq=False)
class Found:
    """What a worker has read of a recording; as `ddsing.transfer.first_reading.FirstReading`."""

    sound: Recording
    track: tuple[np.ndarray, np.ndarray] | None
    complete: bool

    @property
    def tracker(self) -> str:
        """By which it is read."""
        from ddsing.sound import pitch

        return pitch.quickest()

    @property
    def n_read(self) -> int:
        """Frames whose pitch is known; 0 at first."""
        return 0 if self.track is None else len(self.track[0])

    def features(self, generation: int) -> Features:
        """Of what is read so far, on a loudness scale; there must be something."""
        from ddsing.transfer import first_reading

        assert self.track is not None
        return first_reading.features_of(self.sound.audio, self.track, self.tracker, generation, complete=self.complete)


@dataclass(frozen=True, eq=False)
class OrderedReading:
    """A first reading by a worker; as `ddsing.ui.transfer.first_readings.Reading`."""

    found: Found
    end: End | None

    @property
    def over(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.end is not None

    @property
    def error(self) -> Exception | None:
        """Why the recording can't be read, if so."""
        if self.end is None or self.found.complete:
            return None
        return self.end.raised() or DdsingError("What was found can't be kept. Free some disk space.")


def of(sound: Recording) -> OrderedReading:
    """The first reading of a recording, which is ordered if it was not yet; this tab's of another one is given up."""
    from ddsing.work import kinds
    from ddsing.work.folder import End

    mine = None
    for order in ordered.folders():
        about, end = order.about(), order.ended()
        if about.get("kind") != kinds.READING:
            continue
        if end is not None and (end.cancelled or about["sound"]["key"] != sound.key):
            order.forget()
        elif about["sound"]["key"] == sound.key:
            mine = order
        elif about["tab"] == ordered.tab():
            ordered.queue().cancel(order)
    end = None if mine is None else mine.ended()  # before what is found, which is complete at the end
    found = Found(sound, *kinds.read_so_far(opened.workspace(), sound.key))
    if found.complete:  # which is all that there is to know
        if mine is not None and end is not None:
            mine.forget()
        return OrderedReading(found, end or End(result={}))
    if mine is None:
        _begin(sound)
    return OrderedReading(found, end)


def reads(sound: Recording, tracker: str) -> bool:
    """Whether a worker is to read a recording with a tracker, or does."""
    from ddsing.sound import pitch
    from ddsing.work import kinds

    orders = (order.about() for order in ordered.folders() if order.ended() is None)
    mine = (about["sound"]["key"] == sound.key for about in orders if about.get("kind") == kinds.READING)
    return tracker == pitch.quickest() and any(mine)


def _begin(sound: Recording) -> None:
    from ddsing.sound import pitch
    from ddsing.transfer import expected
    from ddsing.work import kinds
    from ddsing.work.order import Order

    known = paces.of(opened.workspace())
    part = expected.finding_pitch(known, pitch.quickest(), sound.duration_s)
    ordered.submit(Order(kinds.READING, "", {}, sound, [part]))
