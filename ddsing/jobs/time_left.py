"""How long something will still take: a range, from what is known of this computer and from how it goes.

A work consists of parts, each with an amount of work and the seconds that a unit is expected to take here
(`ddsing.jobs.paces`). While it runs, a `Clock` holds what was expected against what has passed: all that is left is
taken to go as slowly as the work has gone of late, and a part that tells its own share goes on at its own pace. What
has passed is never part of what is left, so that the whole is never less than what has passed.

Public: `Part`, `Range`, `Clock`, `around`, `by_steps`, `by_share`.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ddsing import hardware

LEAST_SHARE, LEAST_S = 0.02, 0.5  # of the whole, and of work, before a share tells how long the rest takes
KNOWN, GUESSED, UNDER_WAY = 1.5, 2.0, 1.25  # a range's ends are so many times its middle, and as much less
_BUSY, _BUSY_TIMES, _BUSY_S = 2.0, 1.35, 1.5  # beside so many others for each core so much further, and by so long
_LATELY_S, _LATELY_SHARE = 5.0, 0.3  # what counts as of late: seconds, and a share of all that has passed
_PRIOR_SHARE, _PRIOR_S = 0.1, (0.5, 4.0)  # how much work must go otherwise than expected before that is believed
_OVERDUE = 0.3  # a part that tells no share and is late takes as much longer again of what it has taken


class Range(NamedTuple):
    """Seconds, from the least to the most."""

    low_s: float
    high_s: float

    @property
    def middle_s(self) -> float:
        """The one figure, where only one can be given."""
        return math.sqrt(max(self.low_s, 1e-3) * max(self.high_s, 1e-3)) if self.high_s > 0.0 else 0.0

    def plus(self, other: "Range") -> "Range":
        """Both, one after the other."""
        return Range(self.low_s + other.low_s, self.high_s + other.high_s)


def around(middle_s: float, factor: float = KNOWN, *, crowd: float | None = None) -> Range:
    """A range about a figure: wider on a busy computer, where others come and go; `crowd` is as of now if None."""
    if middle_s <= 0.0:
        return Range(0.0, 0.0)
    busy = min(1.0, max(0.0, hardware.crowd() if crowd is None else crowd) / _BUSY)
    factor = factor * _BUSY_TIMES**busy + _BUSY_S * busy / middle_s
    return Range(middle_s / factor, middle_s * factor)


@dataclass(frozen=True)
class Part:
    """A part of a work.

    Attributes
    ----------
    stage : str
        As the work reports it.
    expected_s : float
        Seconds that all of it is expected to take; 0 where nothing is known, so that only its own pace tells.
    key : str
        What its pace is kept under, see `ddsing.jobs.paces`; empty where it is not kept.
    amount : float
        Units of work.
    turn : int
        Parts of the same turn alternate; one of a later turn ends those before.
    known : bool
        Whether what is expected was measured on this computer.
    """

    stage: str
    expected_s: float
    key: str = ""
    amount: float = 1.0
    turn: int = 0
    known: bool = True


class _Going:
    """A part under way."""

    def __init__(self, part: Part):
        self.part = part
        self.passed_s = 0.0
        self.share: float | None = None
        self.over = False

    @property
    def done(self) -> float:
        """The share that is done, as far as it is told."""
        return 1.0 if self.over else self.share or 0.0


class Clock:
    """Tells the time left of a work, and afterwards what each part took.

    Parameters
    ----------
    parts : Sequence of Part
        In their order; without any, the time left is that of the stage at work.
    crowd : float, optional
        How busy the computer is, see `ddsing.hardware.crowd`; asked each time if None.
    """

    def __init__(
        self, parts: Sequence[Part] = (), *, now: Callable[[], float] = time.monotonic, crowd: float | None = None
    ):
        self._now, self._crowd = now, crowd
        self._active: _Going | None = None
        self._began = self._since = now()
        self.plan(parts)

    def another(self, parts: Sequence[Part] = ()) -> "Clock":
        """A clock of other parts, by the same time and on the same computer."""
        return Clock(parts, now=self._now, crowd=self._crowd)

    def plan(self, parts: Sequence[Part]) -> None:
        """Say what the parts are, where that is known only once it has been started; before the first of them."""
        self._planned = bool(parts)
        self._parts = {part.stage: _Going(part) for part in parts}
        self._course: deque[tuple[float, float]] = deque([(self._now(), 0.0)])

    @property
    def passed_s(self) -> float:
        """Since it was started."""
        return self._now() - self._began

    def at(self, stage: str, share: float | None = None) -> None:
        """Note the stage at work, and the share of it that is done, where that is known."""
        self._pass_time()
        going = self._parts.get(stage)
        if going is None and not self._planned:
            self._parts.clear()
            going = self._parts[stage] = _Going(Part(stage, 0.0))
        self._active = going
        if going is None:
            return
        for other in self._parts.values():
            other.over = other.over or other.part.turn < going.part.turn
        if share is not None and math.isfinite(share):
            going.share = min(1.0, max(share, going.share or 0.0))
        self._course.append((self._now(), self._work_done()))
        while len(self._course) > 2 and self._course[1][0] < self._now() - self._lately_s():
            self._course.popleft()

    def left(self) -> Range | None:
        """What is left, or None while that can't be said."""
        self._pass_time()
        slowness = self._slowness()
        parts = [self._left_of(going, slowness) for going in self._parts.values()]
        if not parts or any(left_s is None for left_s in parts):
            return None
        left_s = sum(left_s for left_s in parts if left_s is not None)
        return around(left_s, self._factor(left_s), crowd=self._crowd)

    def share(self) -> float | None:
        """How much of the whole has passed, as far as can be said; None without parts."""
        left = self.left() if self._planned else None
        if left is None:
            return None
        return self.passed_s / max(self.passed_s + left.middle_s, 1e-9)

    def took(self) -> dict[str, float]:
        """Seconds for a unit of each part that is over and whose pace is kept, by key."""
        self._pass_time()
        return {
            going.part.key: going.passed_s / (going.part.amount * going.done)
            for going in self._parts.values()
            if going.part.key and going.part.amount > 0.0 and going.done > 0.5 and going.passed_s > 0.0
        }

    def _pass_time(self) -> None:
        now = self._now()
        if self._active is not None:
            self._active.passed_s += now - self._since
        self._since = now

    def _lately_s(self) -> float:
        return max(_LATELY_S, _LATELY_SHARE * self.passed_s)

    def _work_done(self) -> float:
        """In seconds as they were expected."""
        return sum(going.part.expected_s * going.done for going in self._parts.values())

    def _slowness(self) -> float:
        """How many times as long as expected everything takes of late."""
        total_s = sum(going.part.expected_s for going in self._parts.values())
        low_s, high_s = _PRIOR_S
        prior_s = min(high_s, max(low_s, _PRIOR_SHARE * total_s))
        first_s, first = self._course[0]
        passed_s, work_s = self._now() - first_s, self._work_done() - first
        active = self._active
        if active is not None and active.share is None and not active.over:  # what it does is not told
            work_s += min(active.part.expected_s, active.passed_s)
        return min(50.0, max(0.1, (passed_s + prior_s) / (work_s + prior_s)))

    def _left_of(self, going: _Going, slowness: float) -> float | None:
        part, done = going.part, going.done
        if going.over or done >= 1.0:
            return 0.0
        expected_s = part.expected_s * slowness
        told = done > LEAST_SHARE and going.passed_s >= LEAST_S
        if not part.expected_s:
            if going is not self._active or not part.amount:
                return 0.0 if self._planned else None
            return going.passed_s * (1.0 - done) / done if told else None
        if going.share is None:
            if going is not self._active:
                return expected_s
            return max(expected_s - going.passed_s, _OVERDUE * going.passed_s)
        own_s = going.passed_s / done if told else expected_s
        trust = min(1.0, going.passed_s / 20.0) * min(1.0, done / 0.2) * 0.5  # the rest goes as it goes of late
        return (1.0 - done) * (trust * own_s + (1.0 - trust) * expected_s)

    def _factor(self, left_s: float) -> float:
        known = all(going.part.known for going in self._parts.values())
        first = KNOWN if known else GUESSED
        share = self.passed_s / max(self.passed_s + left_s, 1e-9)
        return max(UNDER_WAY, first - (first - UNDER_WAY) * min(1.0, 3.0 * share))


def fields(left: Range | None) -> dict[str, float | None]:
    """A time left as a job reports it."""
    if left is None:
        return {"eta_s": None, "eta_low_s": None, "eta_high_s": None}
    return {"eta_s": left.middle_s, "eta_low_s": left.low_s, "eta_high_s": left.high_s}


def by_steps(step: float, steps: float, steps_per_s: float | None) -> float | None:
    """The time of the steps that are left, at the speed of now; nothing is left past the last one."""
    return max(0.0, steps - step) / steps_per_s if steps_per_s and steps_per_s > 0.0 else None


def by_share(
    done: float, spent_s: float, *, first: float = 0.0, least_share: float = LEAST_SHARE, least_s: float = LEAST_S
) -> float | None:
    """The time of the share that is left, at the mean speed so far.

    Parameters
    ----------
    done : float
        The share that is done, from 0 to 1.
    spent_s : float
        Seconds since `first` was done.
    first : float
        The share that was done when the clock was started.
    least_share, least_s : float
        What must have been done since then, and for how long, before it tells anything.
    """
    gained = done - first
    if not least_share < gained or done > 1.0 or spent_s < least_s:
        return None
    return spent_s * (1.0 - done) / gained
