"""In what order a score's measures are sung: repeats, endings, and jumps (D.C., D.S., Fine, Coda).

As musicians do it: after a jump no repeat is taken, and of several endings the last is sung.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ddsing.errors import ScoreError

MAX_MEASURES = 20_000


@dataclass
class Signs:
    """What a measure says about the order.

    Attributes
    ----------
    forward, backward : bool
        A repeat begins before it, or ends after it.
    times : int
        How often what the repeat encloses is sung.
    ending : tuple[int, ...]
        In which passes it is sung, where it is part of an ending.
    ends : bool
        Whether its ending ends with it.
    dacapo, fine : bool
    dalsegno, segno, tocoda, coda : str
        The sign's name, or "".
    """

    forward: bool = False
    backward: bool = False
    times: int = 2
    ending: tuple[int, ...] = ()
    ends: bool = False
    dacapo: bool = False
    fine: bool = False
    dalsegno: str = ""
    segno: str = ""
    tocoda: str = ""
    coda: str = ""


def order(measures: Sequence[Signs]) -> list[int]:
    """The measures' numbers, from 0, in the order in which they are sung; raises `ScoreError` where that has no end."""
    walk = _Walk(measures, _last_passes(measures))
    while walk.at < len(measures):
        walk.step()
        if len(walk.order) > MAX_MEASURES:
            raise ScoreError(
                f"The score's repeats lead to more than {MAX_MEASURES:,} measures. Export it with its repeats unrolled."
            )
    return walk.order


class _Walk:
    def __init__(self, measures: Sequence[Signs], last_pass: Sequence[int]):
        self._measures, self._last_pass = measures, last_pass
        self._from, self._pass, self._jumped = 0, 1, False
        self.at, self.order = 0, []  # type: int, list[int]

    def step(self) -> None:
        """Sing the measure, or skip it, and go to the next."""
        at, here = self.at, self._measures[self.at]
        if here.forward and at != self._from or self._after_endings(at):
            self._from, self._pass = at, 1
        if here.ending and self._skipped(here, at):
            self.at += 1
            return
        self.order.append(at)
        if self._jumped and here.fine:
            self.at = len(self._measures)
        elif self._jumped and here.tocoda and (coda := self._find("coda", here.tocoda)) is not None:
            self.at = coda
        elif here.backward and not self._jumped and self._pass < (self._last_pass[at] or here.times):
            self._pass += 1
            self.at = self._from
        elif not self._jumped and (here.dacapo or here.dalsegno):
            self._jump(here)
        else:
            self.at += 1
            if here.backward:
                self._from, self._pass = self.at, 1

    def _skipped(self, here: Signs, at: int) -> bool:
        """Whether an ending is for another pass."""
        wanted = self._last_pass[at] if self._jumped else self._pass
        return wanted not in here.ending

    def _after_endings(self, at: int) -> bool:
        """Whether a group of endings has just been left, or another group begins."""
        here, before = self._measures[at], self._measures[at - 1] if at else Signs()
        if not before.ending or at <= self._from or not self.order or self.order[-1] >= at:
            return False
        return not here.ending or (before.ends and 1 in here.ending)

    def _find(self, kind: str, name: str) -> int | None:
        """The measure with a sign, that of the same name first."""
        found = [number for number, one in enumerate(self._measures) if getattr(one, kind)]
        same = [number for number in found if getattr(self._measures[number], kind) == name]
        return next(iter([*same, *found]), None)

    def _jump(self, here: Signs) -> None:
        segno = self._find("segno", here.dalsegno) if here.dalsegno else 0
        if segno is None:
            raise ScoreError("The score has a D.S., but no segno to go back to. Export it with its repeats unrolled.")
        self._jumped, self.at = True, segno


def _last_passes(measures: Sequence[Signs]) -> list[int]:
    """Of each measure in an ending, the last pass of its group of endings; else 0."""
    found, group = [0] * len(measures), []  # type: list[int], list[int]
    for number, one in enumerate([*measures, Signs()]):
        new = one.ending and 1 in one.ending and group and measures[group[-1]].ends
        if group and (not one.ending or new):
            last = max(max(measures[member].ending) for member in group)
            for member in group:
                found[member] = last
            group = []
        if one.ending:
            group.append(number)
    return found
