"""First readings of recordings: each is found once for all tabs, in a thread of its own, without anybody's press.

The first minute is read at once, beside whatever else is going on. What follows gives way to works that somebody has
asked for, and waits while no tab looks at it. A transfer or an analysis by the same tracker goes on from there.

On a hosted dashboard worker processes make them, see `ordered_readings`.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ddsing.ui.shell import opened, ordered, work
from ddsing.ui.transfer import ordered_readings
from ddsing.ui.transfer.ordered_readings import OrderedReading

if TYPE_CHECKING:
    from ddsing.sound.recording import Recording
    from ddsing.transfer.first_reading import FirstReading

KEPT = 4
_PAGE_FIRST_S = 0.25  # what the tracker imports and computes would hold the page up
_UNSEEN_S = 15.0  # from then on nobody looks
_readings: dict[tuple, Reading] = {}
_adding = threading.Lock()


class Reading:
    """A first reading with the thread that is at it."""

    def __init__(self, found: FirstReading):
        self.found = found
        self.error: BaseException | None = None
        self._made_s = self._seen_s = time.monotonic()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def over(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.found.complete or self.error is not None

    def look(self) -> None:
        """Let it go on; called for as long as somebody looks."""
        self._seen_s = time.monotonic()
        if self._seen_s - self._made_s < _PAGE_FIRST_S:
            return
        with self._starting:
            if not self.over and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="first reading", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while self.found.advance():
                while work.any_running():
                    time.sleep(0.2)
                if time.monotonic() - self._seen_s > _UNSEEN_S:
                    return
        except Exception as error:
            logging.getLogger("ddsing").info("A first reading ended with %s", type(error).__name__)
            self.error = error


def of(sound: Recording) -> Reading | OrderedReading:
    """The first reading of a recording, which begins once the page that asks is there and asks again."""
    if ordered.by_workers():
        return ordered_readings.of(sound)
    from ddsing.transfer.first_reading import FirstReading

    about = (opened.workspace().root, sound.key)
    with _adding:
        reading = _readings.pop(about, None)
        if reading is None:
            reading = Reading(FirstReading(sound.audio, sound.key, opened.feature_cache()))
        _readings[about] = reading
        while len(_readings) > KEPT:
            _readings.pop(next(iter(_readings)))
    reading.look()
    return reading


def known(sound: Recording, tracker: str) -> FirstReading | None:
    """What of a recording is being read by a tracker, if anything."""
    reading = _readings.get((opened.workspace().root, sound.key))
    return None if reading is None or reading.over or reading.found.tracker != tracker else reading.found


def being_found(sound: Recording, tracker: str) -> bool:
    """Whether the pitch of a recording is being found with a tracker: by the tab's work, or by a first reading."""
    at = work.current()
    if at is not None and at.running and at.sound_key == sound.key and at.options.get("tracker") == tracker:
        return True
    return ordered_readings.reads(sound, tracker) if ordered.by_workers() else known(sound, tracker) is not None
