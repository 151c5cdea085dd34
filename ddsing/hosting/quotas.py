"""What each person may use, and whether more of it is still allowed: the one place that decides.

Whoever is about to store or start something asks first, and gets a `QuotaError` with the numbers and what to delete
before anything is kept. Deleting, listening and downloading never ask. What is counted is a person's own, so that
a full quota is nobody else's business.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ddsing import storage
from ddsing.changing import changing
from ddsing.constants import FULL_BAND_RATE
from ddsing.dataset import scan, voices
from ddsing.errors import DdsingError
from ddsing.hosting.config import Limits
from ddsing.hosting.use import Use, day_ends_s
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.status import JobStatus
from ddsing.transfer import band
from ddsing.units import format_bytes, format_duration, format_number
from ddsing.workspace import Workspace

Room = Callable[[str, int, float], None]  # name, bytes, seconds; raises `QuotaError`


class QuotaError(DdsingError):
    """More than somebody may use."""


@dataclass(frozen=True)
class Usage:
    """What is used, and how much there may be.

    Attributes
    ----------
    n_bytes, recorded_s : float
        In the workspace, and of its voices' recordings.
    device_s : float
        Of the device today.
    """

    n_bytes: float
    recorded_s: float
    device_s: float


@dataclass(frozen=True)
class Quota:
    """What one person or guest may use.

    Attributes
    ----------
    transfer_s : float
        The longest recording to transfer; a guest's is shorter than `limits` says.
    person : int or None
        The number in the database; None for guests, who have no jobs.
    """

    limits: Limits
    workspace: Workspace
    transfer_s: float
    person: int | None = None
    use: Use | None = None

    def usage(self) -> Usage:
        """What is used now."""
        n_bytes = storage.total_bytes(self.workspace)
        return Usage(n_bytes, recorded_s(self.workspace), self._device_s())

    @property
    def most_bytes(self) -> float:
        """What the workspace may take."""
        return self.limits.workspace_gb * 1e9

    @property
    def device_s_per_day(self) -> float:
        """How long jobs may have a device each day."""
        return self.limits.device_minutes_per_day * 60.0

    def require_bytes(self, name: str, n_bytes: float) -> None:
        """Raise `QuotaError` if so much more does not fit into the workspace."""
        self._require_bytes(name, n_bytes, storage.total_bytes(self.workspace))

    def require_transfer(self, duration_s: float, rate_hz: int = FULL_BAND_RATE) -> None:
        """Raise `QuotaError` if a recording is too long to be transferred, or its take at such a rate does not fit."""
        said = self.too_long(duration_s)
        if said:
            raise QuotaError(said)
        self.require_bytes("The take", duration_s * band.bytes_per_s(rate_hz))

    def too_long(self, duration_s: float) -> str:
        """A sentence about a recording that is too long to be transferred; empty for others."""
        if duration_s <= self.transfer_s:
            return ""
        can = "Guests can" if self.person is None else "You can"
        return (
            f"{can} transfer up to {format_duration(self.transfer_s)}, and this recording is "
            f"{format_duration(duration_s)} long: choose or cut a shorter one."
        )

    @contextlib.contextmanager
    def adding(self) -> Iterator[Room]:
        """Within it recordings are added, by one at a time; what is yielded is asked before each."""
        with changing(self.workspace.audio):
            used, recorded = storage.total_bytes(self.workspace), recorded_s(self.workspace)

            def room(name: str, n_bytes: int, duration_s: float) -> None:
                nonlocal used, recorded
                self._require_minutes(name, duration_s, recorded)
                self._require_bytes(repr(name), n_bytes, used)
                used, recorded = used + n_bytes, recorded + duration_s

            yield room

    def admit(self, title: str, n_bytes: int, device: str | None, live: Sequence[JobStatus]) -> None:
        """See `ddsing.jobs.guard.Guard`."""
        if len(live) >= self.limits.live_jobs:
            jobs = f"{len(live)} job{'' if len(live) == 1 else 's'}"
            raise QuotaError(
                f"You have {jobs} running or waiting, and {self.limits.live_jobs} is the most at once. Stop one of "
                "them, or wait until it has ended."
            )
        if device is not None and self._device_s() >= self.device_s_per_day:
            left_s = day_ends_s(time.time()) - time.time()
            minutes = format_number(self.limits.device_minutes_per_day)
            raise QuotaError(
                f"Your {minutes} minutes of training for today are used. {title!r} can start in "
                f"{format_duration(left_s)}; shorter runs leave more of them."
            )
        self.require_bytes(repr(title), n_bytes)

    def starts(self, job: Path) -> None:
        """See `ddsing.jobs.guard.Guard`."""
        spec = JobFolder(job).spec()
        if self.use is not None and self.person is not None and spec is not None and spec.get("device"):
            self.use.watch(self.person, job)

    def _device_s(self) -> float:
        if self.use is None or self.person is None:
            return 0.0
        self.use.count(self.person)
        return self.use.today_s(self.person)

    def _require_bytes(self, name: str, n_bytes: float, used: float) -> None:
        if used + n_bytes <= self.most_bytes:
            return
        left, most = max(0.0, self.most_bytes - used), format_bytes(self.most_bytes)
        raise QuotaError(
            f"{name} needs {format_bytes(n_bytes)}, and {format_bytes(left)} of your {most} are left. "
            f"{_what_to_delete(self.workspace, used + n_bytes - self.most_bytes)}"
        )

    def _require_minutes(self, name: str, duration_s: float, recorded: float) -> None:
        most_s = self.limits.recording_minutes * 60.0
        if recorded + duration_s <= most_s:
            return
        raise QuotaError(
            f"{name!r} is {format_duration(duration_s)} long, and {format_duration(max(0.0, most_s - recorded))} of "
            f"your {format_number(self.limits.recording_minutes)} minutes of recordings are left. Delete recordings on "
            "the Datasets page first."
        )


def recorded_s(workspace: Workspace) -> float:
    """Seconds of recordings in all voices of a workspace."""
    return sum(facts.duration_s for voice in voices.list_voices(workspace) for facts in scan.scan(voice))


def _what_to_delete(workspace: Workspace, missing: float) -> str:
    """Where so many bytes can be gained, the easiest first."""
    found = storage.measure(workspace)
    if found.trash_bytes >= missing:
        return f"Empty the trash, {format_bytes(found.trash_bytes)}, under Storage in the sidebar."
    if found.cache_bytes + found.trash_bytes >= missing:
        both = format_bytes(found.cache_bytes + found.trash_bytes)
        return f"Clear the cache and empty the trash, {both}, under Storage in the sidebar."
    sizes = storage.by_kind(workspace)
    largest = max(sizes, key=lambda kind: sizes[kind])
    return f"Delete {largest}, which take {format_bytes(sizes[largest])}, then empty the trash under Storage."
