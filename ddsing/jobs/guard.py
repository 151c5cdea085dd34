"""Who may start a job, where that is limited: asked by a store before one starts or is resumed.

A store of one person's own computer has no limits but the disk's. What the limits are, is none of the jobs' business:
a hosted dashboard gives its stores a guard that knows (`ddsing.hosting.quotas`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ddsing.jobs.status import JobStatus


class Guard(Protocol):
    """Decides whether a job may start."""

    def admit(self, title: str, n_bytes: int, device: str | None, live: Sequence[JobStatus]) -> None:
        """Raise a `DdsingError` with the numbers if the job may not start now.

        Called while no other job of the workspace can start, so that what is counted stays true.

        Parameters
        ----------
        n_bytes : int
            What the job will write at most.
        device : str | None
            The device that it will have for itself, if any.
        live : Sequence[JobStatus]
            The workspace's jobs that run, or are going to.
        """

    def starts(self, job: Path) -> None:
        """Note that the job in a folder, which was admitted, starts now."""


class Free:
    """Everything is allowed."""

    def admit(self, title: str, n_bytes: int, device: str | None, live: Sequence[JobStatus]) -> None:
        """See `Guard`."""

    def starts(self, job: Path) -> None:
        """See `Guard`."""
