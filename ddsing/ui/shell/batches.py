"""Recordings that become a background job: what is asked before, and how it is started; for pages and programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing.constants import MAX_TRANSFER_S
from ddsing.ui.shell import allowed, jobs, opened, sources, visitor

if TYPE_CHECKING:
    from ddsing.jobs.status import JobStatus
    from ddsing.transfer.job import Source
    from ddsing.transfer.settings import Settings


def most_s() -> float:
    """The longest recording that the visitor can transfer."""
    quota = visitor.current().quota
    return MAX_TRANSFER_S if quota is None else min(MAX_TRANSFER_S, quota.transfer_s)


def submit(found: Sequence[Source], how: Callable[[], dict[str, Any]], *, tracker: str) -> JobStatus:
    """Start the job, or find the live one that does the same.

    Parameters
    ----------
    how : callable
        Gives what else `ddsing.transfer.job.order` takes, once it is clear that there may be a job.
    """
    from ddsing.transfer import job

    allowed.require_bytes("The upload", sum(len(one.content) for one in found if isinstance(one.content, bytes)))
    allowed.count_batch(min(job.claimed_s(one.content), most_s()) for one in found)
    workspace, asked = opened.workspace(), how()
    settings: Settings = asked["settings"]
    z_source: Path | None = sources.path_of(settings.z_recording) if settings.z_from == "other" else None
    order = job.order(workspace, sources=found, tracker=tracker, z_source=z_source, most_s=most_s(), **asked)
    try:
        started = jobs.store().submit(order)
    except Exception:
        job.discard(workspace, order.options)
        raise
    if started.options.get("folder") != order.options["folder"]:  # a press that came twice
        job.discard(workspace, order.options)
    return started
