"""How long each person's jobs have had a device, by day (UTC): what `limits.device_minutes_per_day` is about.

A job is watched from the moment when it may start. Now and then somebody counts: a server once a minute, and whoever
wants to start another job. What a job has run since it was counted last, its own folder says; so nothing is lost when
no server runs, and with several servers nothing is counted twice.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, update

from ddsing.hosting import database
from ddsing.hosting.tables import counted_jobs, device_use, people
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.states import ENDED, written_state

_DAY_S = 24 * 3600.0


class Watched(NamedTuple):
    """A job that is counted: whose it is, its folder, and until when it is counted."""

    person: int
    job: Path
    counted_s: float


class Use:
    """The use of the devices, in a database; `folder_of` gives the folder of a workspace by its name there."""

    def __init__(self, engine: Engine, folder_of: Callable[[str], Path]) -> None:
        self._engine = engine
        self._folder_of = folder_of

    def today_s(self, person: int) -> float:
        """Seconds that a person's jobs have had a device today, as far as they are counted."""
        mine = (device_use.c.person == person) & (device_use.c.day == day(time.time()))
        with database.reading(self._engine) as connection:
            return float(connection.execute(select(device_use.c.device_s).where(mine)).scalar() or 0.0)

    def watch(self, person: int, job: Path) -> None:
        """Count a job that starts now."""
        mine = (counted_jobs.c.person == person) & (counted_jobs.c.job == job.name)
        with database.writing(self._engine) as connection:
            connection.execute(delete(counted_jobs).where(mine))
            connection.execute(
                insert(counted_jobs).values({"person": person, "job": job.name, "counted_s": time.time()})
            )

    def watched(self, person: int | None = None) -> list[Watched]:
        """The jobs that are counted: all, or a person's."""
        columns = counted_jobs.c
        wanted = select(columns.person, columns.job, columns.counted_s, people.c.workspace).join(people)
        if person is not None:
            wanted = wanted.where(columns.person == person)
        with database.reading(self._engine) as connection:
            return [
                Watched(row.person, self._folder_of(row.workspace) / "jobs" / row.job, row.counted_s)
                for row in connection.execute(wanted)
            ]

    def count(self, person: int | None = None) -> None:
        """Count what all jobs, or a person's, have run until now; those that have ended are not watched any more."""
        for one in self.watched(person):
            now_s = time.time()
            over = _over(JobFolder(one.job))  # asked first: what it runs until then is counted below
            ran = list(_ran(JobFolder(one.job), one.counted_s, now_s))
            with database.writing(self._engine) as connection:
                mine = (counted_jobs.c.person == one.person) & (counted_jobs.c.job == one.job.name)
                still = connection.execute(select(counted_jobs.c.counted_s).where(mine)).scalar()
                if still != one.counted_s:  # somebody else has counted, or it starts again
                    continue
                if over:
                    connection.execute(delete(counted_jobs).where(mine))
                else:
                    connection.execute(update(counted_jobs).where(mine).values(counted_s=now_s))
                for began_s, ended_s in ran:
                    _add(connection, one.person, began_s, ended_s)


def day(moment_s: float) -> str:
    """The day of a moment in seconds since 1970, UTC: ``2026-11-26``."""
    return datetime.datetime.fromtimestamp(moment_s, datetime.UTC).date().isoformat()


def day_ends_s(moment_s: float) -> float:
    """When the day of a moment ends."""
    return (moment_s // _DAY_S + 1.0) * _DAY_S


def _over(job: JobFolder) -> bool:
    return job.spec() is None or written_state(job.record()) in ENDED


def _ran(job: JobFolder, since_s: float, now_s: float) -> Iterator[tuple[float, float]]:
    """From when until when a job, or each of its tasks, has run since a moment."""
    for part in job.tasks() or [job]:
        record = part.record() or {}
        began_s, ended_s, state = record.get("started"), record.get("ended"), written_state(record)
        if not isinstance(began_s, int | float) or not (state == "running" or state in ENDED):
            continue
        if not (state in ENDED and isinstance(ended_s, int | float)):
            silent_s = part.heartbeat_age_s() if part.state() == "lost" else None
            ended_s = now_s - (silent_s or 0.0)
        if min(ended_s, now_s) > max(began_s, since_s):
            yield max(began_s, since_s), min(ended_s, now_s)


def _add(connection: Connection, person: int, began_s: float, ended_s: float) -> None:
    """Add a time to the days that it is on."""
    while began_s < ended_s:
        until_s = min(ended_s, day_ends_s(began_s))
        mine = (device_use.c.person == person) & (device_use.c.day == day(began_s))
        more = {"device_s": device_use.c.device_s + (until_s - began_s)}
        if not connection.execute(update(device_use).where(mine).values(more)).rowcount:
            values = {"person": person, "day": day(began_s), "device_s": until_s - began_s}
            connection.execute(insert(device_use).values(values))
        began_s = until_s
