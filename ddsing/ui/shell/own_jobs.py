"""A workspace's jobs as its owner may see them: of jobs of other people that take turns with them, only how many."""

from __future__ import annotations

import builtins
from dataclasses import replace
from typing import Any

from ddsing.errors import JobError
from ddsing.jobs import queue, status
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.queue import OTHERS
from ddsing.jobs.status import JobStatus
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace


class OwnJobs(JobStore):
    """The jobs of one workspace on a server where others have some too; they take turns by workspace."""

    def __init__(self, workspace: Workspace, **options: Any) -> None:
        super().__init__(workspace, owner=workspace.root.name, **options)

    def list(self) -> builtins.list[JobStatus]:
        """See `JobStore.list`."""
        found = super().list()
        return [_without_others(job, {one.title for one in found}) for job in found]

    def status(self, id: str) -> JobStatus:
        """See `JobStore.status`."""
        return _without_others(super().status(id), {job.title for job in super().list()})


def counted(ahead: tuple[str, ...]) -> str:
    """Who is ahead, those of other people as a number: ``Train Mira and 3 others are ahead``; empty for nobody."""
    own = [title for title in ahead if title != OTHERS]
    n_others = len(ahead) - len(own)
    others = [f"{n_others} {'other' if n_others == 1 else 'others'}"] if n_others else []
    parts = [*own, *others]
    said = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
    return f"{said} {'is' if len(ahead) == 1 else 'are'} ahead" if said else ""


def _without_others(job: JobStatus, own: set[str]) -> JobStatus:
    if job.state != "waiting" or job.engine or not job.ahead:
        return job
    ahead = tuple(title if title in own else OTHERS for title in job.ahead)
    message = f"Waiting for the {(job.device or '').upper()}: {counted(ahead)}. It starts automatically."
    low_s, high_s = _running_left(job.device)
    return replace(job, ahead=ahead, message=message, wait_low_s=low_s, wait_high_s=high_s)


def _running_left(device: str | None) -> tuple[float | None, float | None]:
    """How long the job that has a device is still going to take, whoever it belongs to; None where it is not known."""
    try:
        tickets = queue.tickets(device) if device else ()
    except (JobError, OSError):
        return None, None
    if not tickets or tickets[0].state != "running":
        return None, None
    running = status.read(JobFolder(tickets[0].job))
    return running.eta_low_s, running.eta_high_s
