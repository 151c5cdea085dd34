"""A workspace's jobs as its owner may see them: jobs of other people that take turns with them have no titles."""

from __future__ import annotations

import builtins
from dataclasses import replace

from ddsing.jobs.status import JobStatus
from ddsing.jobs.store import JobStore

OTHERS = "another person's job"


class OwnJobs(JobStore):
    """The jobs of one workspace on a server where others have some too."""

    def list(self) -> builtins.list[JobStatus]:
        """See `JobStore.list`."""
        found = super().list()
        return [_without_others(job, {one.title for one in found}) for job in found]

    def status(self, id: str) -> JobStatus:
        """See `JobStore.status`."""
        return _without_others(super().status(id), {job.title for job in super().list()})


def _without_others(job: JobStatus, own: set[str]) -> JobStatus:
    if all(title in own for title in job.ahead):
        return job
    message = job.message
    for title in job.ahead:
        if title not in own:
            message = message.replace(repr(title), OTHERS)
    return replace(job, ahead=tuple(title if title in own else OTHERS for title in job.ahead), message=message)
