"""Preparation as a background job (kind ``prepare``)."""

import dataclasses
import time

from ddsing.constants import TRACKERS
from ddsing.dataset import voices
from ddsing.dataset.prepare import prepare
from ddsing.errors import Cancelled, DatasetError
from ddsing.jobs.context import JobContext
from ddsing.workspace import Workspace

_TELLING_S = 3.0  # of work before the time left is estimated


def run(workspace: Workspace, options: dict, job: JobContext) -> dict:
    """Prepare ``options["voice"]`` with ``options["tracker"]`` (full); returns what `Prepared` says.

    Parameters
    ----------
    job : ddsing.jobs context
        Told the stage, the fraction and the time left by ``report``; asked ``should_stop``.
    """
    tracker = options.get("tracker", "full")
    if tracker not in TRACKERS or not isinstance(options.get("voice"), str):
        raise DatasetError("A preparation needs the name of a voice, and one of the trackers full, fast and tiny.")
    clock = Clock()

    def progress(stage: str, fraction: float) -> None:
        if job.should_stop():
            raise Cancelled
        job.report(stage=stage, fraction=fraction, eta_s=clock.left_s(fraction))

    return dataclasses.asdict(prepare(voices.get(workspace, options["voice"]), tracker=tracker, progress=progress))


class Clock:
    """The time left of something whose fraction is known, by how it has gone so far."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None

    def left_s(self, fraction: float) -> float | None:
        """Seconds left, or None while that can't be said."""
        now = time.monotonic()
        if self._began is None:
            self._began = (now, fraction)
        began, first = self._began
        if now - began < _TELLING_S or fraction <= first:
            return None
        return (now - began) / (fraction - first) * (1.0 - fraction)
