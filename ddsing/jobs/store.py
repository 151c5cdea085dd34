"""Starting, listing, stopping and resuming jobs."""

from collections.abc import Mapping
from typing import Any

from ddsing.jobs.status import JobStatus
from ddsing.workspace import Workspace


class JobStore:
    """The jobs of a workspace. It keeps nothing in memory: any number of them, in any process, see the same."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace

    def submit(
        self,
        kind: str,
        *,
        title: str,
        options: Mapping[str, Any],
        device: str | None = None,
        key: str,
        needs_bytes: int = 500_000_000,
    ) -> JobStatus:
        """Start a job, or find the one that the same `key` started and that is live, or seconds old.

        Parameters
        ----------
        kind : str
            One of `KINDS`.
        title : str
            For people: ``Train Aria``.
        options : Mapping
            What the kind's function gets; JSON. ``voice`` names the voice, if there is one.
        device : str | None
            The device whose queue it joins, see `device.name`; None if it needs none for itself.
        key : str
            The same for what must not run twice at a time: ``train:Aria``.
        needs_bytes : int
            Free disk that it will want.

        Raises
        ------
        DiskFull
            With the numbers, if less is free.
        JobError
            If it can't be started.
        """
        raise NotImplementedError

    def list(self) -> list[JobStatus]:
        """All jobs, the newest first, without `log_tail` and `result`."""
        raise NotImplementedError

    def live(self) -> list[JobStatus]:
        """Those that run, or are going to by themselves."""
        raise NotImplementedError

    def status(self, id: str) -> JobStatus:
        """One job, wholly; raises `JobError` if there is none of that id."""
        raise NotImplementedError

    def stop(self, id: str, *, force: bool = False) -> JobStatus:
        """Ask it to finish its step, save and end; `force` kills it, which costs what it has not saved."""
        raise NotImplementedError

    def resume(self, id: str) -> JobStatus:
        """Start an ended job again, in its folder, as it was asked for; a live or done one is returned as it is."""
        raise NotImplementedError

    def delete(self, id: str) -> str:
        """Move an ended job to the trash; returns where it is now, for `workspace.restore`."""
        raise NotImplementedError
