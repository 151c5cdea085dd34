"""The stages of a transfer: their order, their words, and a clock that runs while one is under way."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """For people: what is being done, and the noun for it."""

    doing: str
    noun: str


STAGES = {  # in this order
    "decode": Stage("reading the recording", "recording"),
    "features": Stage("finding the pitch", "pitch and loudness"),
    "model": Stage("loading the instrument", "instrument"),
    "conditioning": Stage("preparing pitch and loudness", "conditioning"),
    "render": Stage("singing", "singing"),
    "save": Stage("saving the take", "saving"),
}


def doing(stage: str) -> str:
    """What is being done in a stage, in words; a name that is none of `STAGES` stays as it is."""
    return STAGES[stage].doing if stage in STAGES else stage


def noun(stage: str) -> str:
    """A stage as a noun; a name that is none of `STAGES` stays as it is."""
    return STAGES[stage].noun if stage in STAGES else stage


class Stages:
    """A transfer under way: times its stages, passes progress on, and notes what came from a cache.

    A stage may be entered more than once; its times add up. ::

        with stages("features") as progress:
            features = extract(audio, progress=progress)

    Parameters
    ----------
    progress : callable, optional
        Gets a stage and the share of it that is done, at its beginning and as it goes; may raise `Cancelled`.
    """

    def __init__(self, progress: Callable[[str, float], None] | None = None):
        self._progress = progress
        self._seconds = dict.fromkeys(STAGES, 0.0)
        self._reused: list[str] = []
        self._eased: list[str] = []

    @contextmanager
    def __call__(self, name: str) -> Iterator[Callable[[float], None]]:
        """Enter a stage; gives a callable that takes the share of it that is done."""
        began = time.monotonic()
        self._report(name, 0.0)
        yield functools.partial(self._report, name)
        self._seconds[name] = round(self._seconds[name] + time.monotonic() - began, 3)

    def reuse(self, name: str) -> None:
        """Note that a stage took its result from a cache."""
        self._reused.append(name)

    def ease(self, name: str) -> None:
        """Note that a part of a stage was known, so that its time says nothing of how long it takes otherwise."""
        self._eased.append(name)

    @property
    def eased(self) -> tuple[str, ...]:
        """The stages of which a part was known."""
        return tuple(self._eased)

    @property
    def seconds(self) -> dict[str, float]:
        """The time of each stage so far, in order."""
        return dict(self._seconds)

    @property
    def reused(self) -> tuple[str, ...]:
        """The stages that took their result from a cache."""
        return tuple(self._reused)

    def _report(self, name: str, share: float) -> None:
        if self._progress:
            self._progress(name, share)
