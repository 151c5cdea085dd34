"""Preparation as a background job (kind ``prepare``)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ddsing.constants import TRACKERS
from ddsing.dataset import disk, prepare, report, voices
from ddsing.errors import Cancelled, DatasetError
from ddsing.jobs import time_left
from ddsing.jobs.context import Reporter, earlier
from ddsing.jobs.order import Order
from ddsing.workspace import Workspace

KIND = "prepare"
KEPT_AS = "The old dataset is kept as the dataset of the voice {!r}."


def order(workspace: Workspace, voice_name: str, *, tracker: str, replace: bool = False) -> Order:
    """The job that prepares a voice; raises `DatasetError` where there is nothing to prepare, see `prepare.prepare`."""
    voice = voices.get(workspace, voice_name)
    prepare.require_preparable(voice, tracker, replace=replace)
    return Order(
        kind=KIND,
        title=f"Prepare {voice.name}",
        options={"voice": voice.name, "tracker": tracker, "replace": replace},
        key=f"{KIND}:{voice.name}",
        needs_bytes=int(prepare.room_bytes(voice, tracker=tracker)),
        spare_bytes=int(disk.SPARE_BYTES),
    )


def run(workspace: Workspace, options: Mapping[str, Any], job: Reporter) -> dict[str, Any]:
    """Prepare ``options["voice"]`` with ``options["tracker"]`` (full), ``options["replace"]`` (no); as `Prepared` says.

    Parameters
    ----------
    job : Reporter
        Told the stage, the fraction and the time left by ``report``; asked ``should_stop``.
    """
    tracker = options.get("tracker", "full")
    if tracker not in TRACKERS or not isinstance(options.get("voice"), str):
        raise DatasetError("Preparing needs the name of a voice and a tracker: instant, full, fast or tiny.")
    clock = time_left.Clock()

    def progress(stage: str, fraction: float) -> None:
        if job.should_stop():
            raise Cancelled
        job.report(stage=stage, fraction=fraction, **time_left.fields(clock.left()))

    def moved(kept_as: str) -> None:
        print(KEPT_AS.format(kept_as), flush=True)  # into the log
        job.report(extra={"kept_as": kept_as})

    voice = voices.get(workspace, options["voice"])
    replace = options.get("replace") is True
    done = prepare.prepare(voice, tracker=tracker, replace=replace, progress=progress, clock=clock, moved=moved)
    if report.known(voice) is not None:
        report.report(voice, tracker=tracker)  # by the dataset's own pitch, which is there
    kept_as = done.kept_as or earlier(job).get("kept_as", "")
    return dataclasses.asdict(done) | {"kept_as": kept_as}
