"""How far some work is: its stage, the share of the whole that is done, and the time left.

Public: `Progress`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ddsing.jobs import time_left

STARTING = "starting"


class Progress:
    """The progress of one work, told by its reports.

    Parameters
    ----------
    parts : Sequence of Part
        The stages that take their time, as they are reported, see `ddsing.jobs.time_left`; without them the time left
        is that of the stage at work.
    stage : str
        What it does at first.

    Attributes
    ----------
    stage : str
    stage_started_s : float
        By `time.monotonic`.
    fraction : float
        Share of the whole that is done, 0 to 1; never less than it was where there are parts.
    """

    def __init__(self, parts: Sequence[time_left.Part] = (), stage: str = STARTING):
        self.stage, self.fraction = stage, 0.0
        self.stage_started_s = time.monotonic()
        self._clock = time_left.Clock(parts)

    def at(self, stage: str, fraction: float | None) -> None:
        """Note the stage at work and the share of it that is done; None for a share that can't be told."""
        if stage != self.stage:
            self.stage_started_s = time.monotonic()
        self.stage, done = stage, None if fraction is None else min(1.0, max(0.0, float(fraction)))
        self._clock.at(stage, done)
        share = self._clock.share()
        self.fraction = done or 0.0 if share is None else max(self.fraction, share)

    def left(self) -> time_left.Range | None:
        """Time left, once it can be told: of all parts, or else of this stage."""
        return self._clock.left()

    def took(self) -> dict[str, float]:
        """Seconds for a unit of each part whose pace is kept, by key."""
        return self._clock.took()
