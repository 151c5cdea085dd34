"""What there is on a site, for its admins: bytes by person, jobs that live, and use by day; never what somebody makes.

Counting looks into all workspaces, so a thread does it now and then, for all servers of a site, and a page only reads
what it has found. Bytes are counted again only of people who were here since, or whose jobs run. Of jobs there is the
kind, and no title, since titles have names of voices in them.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import select

from ddsing import storage
from ddsing.files import read_json, write_json
from ddsing.hosting import database, private, tables
from ddsing.hosting.people import Person
from ddsing.hosting.site import Site
from ddsing.jobs import device, queue
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.states import ENDED, written_state
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace

NAME = "census.json"
DAYS = 14
CALM_S, WATCHED_S = 60.0, 4.0  # between two counts; and while an admin looks
_MOST_LABOUR = 10.0  # however long counting takes, it rests so many times as long
_DAY_S = 24 * 3600.0
_SIGNED_IN, _CAME_IN = "signed in", "came in"  # as the audit log has them


@dataclass(frozen=True)
class Job:
    """A job that lives.

    Attributes
    ----------
    person : int
        Whose it is.
    place : int
        In its device's queue, 0 for one that has the device or needs none.
    left_s : list of float
        The least and the most seconds left; empty where that is not known.
    """

    person: int
    id: str
    kind: str
    state: str
    device: str
    engine: str
    created_s: float
    started_s: float
    fraction: float
    place: int = 0
    left_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Day:
    """What was used on a day, such as ``2026-11-26``, UTC: how many people and guests, jobs begun, time of devices."""

    day: str
    people: int = 0
    guests: int = 0
    jobs: int = 0
    device_s: float = 0.0


@dataclass(frozen=True)
class Census:
    """A site at a moment, in seconds since 1970; bytes by person, and the days, the last one last."""

    at_s: float
    n_bytes: Mapping[int, int]
    jobs: tuple[Job, ...]
    days: tuple[Day, ...]


@dataclass(frozen=True)
class _Ended:
    """What counts of a job that has ended."""

    created_s: float
    began_s: float
    ended_s: float


class Counter:
    """Counts a site; keeps what it knows of jobs that have ended, so that each is read once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ended: dict[Path, tuple[int, _Ended]] = {}

    def count(self) -> Census:
        """Count now, and write it."""
        now_s, before = time.time(), read(self._site.config.root)
        places = _places()
        n_bytes, jobs, spans = {}, [], []
        for person in self._site.people.list():
            folder = self._site.member_folder(person.workspace)
            ended, lives = self._jobs(folder)
            spans += ended
            live = list(_live(person.id, folder, places)) if lives else []
            jobs += live
            spans += [_Ended(job.created_s, job.started_s, now_s) for job in live if job.device and job.started_s]
            n_bytes[person.id] = self._bytes(person, folder, before, bool(live))
        found = Census(now_s, n_bytes, tuple(jobs), self._days(spans, now_s))
        write(self._site.config.root, found)
        return found

    def _bytes(self, person: Person, folder: Path, before: Census | None, lives: bool) -> int:
        known = None if before is None or lives else before.n_bytes.get(person.id)
        if before is None or known is None or person.seen_s > before.at_s - 2 * CALM_S:
            return storage.total_bytes(Workspace(folder))
        return known

    def _jobs(self, folder: Path) -> tuple[list[_Ended], bool]:
        """Those that have ended, and whether there are others."""
        ended, lives = [], False
        for path in _folders(folder / "jobs"):
            try:
                changed_ns = os.stat(path / "status.json").st_mtime_ns
            except OSError:
                continue
            known = self._ended.get(path)
            if known is None or known[0] != changed_ns:
                found = _ended(path)
                if found is None:
                    lives = True
                    continue
                known = self._ended[path] = (changed_ns, found)
            ended.append(known[1])
        return ended, lives

    def _days(self, spans: list[_Ended], now_s: float) -> tuple[Day, ...]:
        names = [day(now_s - n * _DAY_S) for n in reversed(range(DAYS))]
        people: dict[str, set[str]] = {name: set() for name in names}
        guests: dict[str, set[str]] = {name: set() for name in names}
        for at_s, who, what in self._visits(now_s - DAYS * _DAY_S):
            (people if what == _SIGNED_IN else guests).get(day(at_s), set()).add(who)
        jobs, device_s = dict.fromkeys(names, 0), dict.fromkeys(names, 0.0)
        for span in spans:
            if day(span.created_s) in jobs:
                jobs[day(span.created_s)] += 1
            for name, seconds in _by_day(max(span.began_s, now_s - DAYS * _DAY_S), span.ended_s):
                if name in device_s:
                    device_s[name] += seconds
        return tuple(Day(name, len(people[name]), len(guests[name]), jobs[name], device_s[name]) for name in names)

    def _visits(self, since_s: float) -> list[tuple[float, str, str]]:
        log = tables.audit.c
        wanted = select(log.at_s, log.who, log.what).where(log.at_s > since_s, log.what.in_((_SIGNED_IN, _CAME_IN)))
        with database.reading(self._site.engine) as connection:
            return [(row.at_s, row.who, row.what) for row in connection.execute(wanted)]


def read(root: Path) -> Census | None:
    """What was counted last; None if nothing was, or it can't be read."""
    found = read_json(root / private.FOLDER / NAME) or {}
    try:
        return Census(
            float(found["at_s"]),
            {int(person): int(n) for person, n in found["n_bytes"].items()},
            tuple(Job(**job) for job in found["jobs"]),
            tuple(Day(**one) for one in found["days"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def write(root: Path, census: Census) -> None:
    """Keep it for all servers of the site."""
    write_json(private.folder(root) / NAME, asdict(census), indent=None, durable=False)


def look(site: Site) -> Census | None:
    """What was counted last, for a page of an admin; it is counted more often for a while."""
    site.looked.set_now()
    return read(site.config.root)


def keep_counting(site: Site) -> threading.Event:
    """Let a thread count now and then; it ends once the event that is returned is set."""
    ended, counter = threading.Event(), Counter(site)

    def run() -> None:
        while not ended.is_set():
            site.looked.now.clear()
            began_s = time.monotonic()
            every_s = WATCHED_S if site.looked.lately() else CALM_S
            try:
                _count_if_old(site, counter, every_s)
            except Exception:
                logging.getLogger("ddsing").exception("The site could not be counted")
            if site.looked.lately():
                ended.wait(max(WATCHED_S, _MOST_LABOUR * (time.monotonic() - began_s)))
            else:
                site.looked.now.wait(CALM_S)

    threading.Thread(target=run, name="census", daemon=True).start()
    return ended


def _count_if_old(site: Site, counter: Counter, every_s: float) -> None:
    """Count, unless that was done lately or another server is at it."""
    lock = FileLock(private.folder(site.config.root) / f"{NAME}.lock")
    with contextlib.suppress(Timeout), lock.acquire(timeout=0):
        found = read(site.config.root)
        if found is None or not 0.0 <= time.time() - found.at_s < every_s:
            counter.count()


def day(moment_s: float) -> str:
    """The day of a moment in seconds since 1970, UTC: ``2026-11-26``."""
    return datetime.datetime.fromtimestamp(moment_s, datetime.UTC).date().isoformat()


def _by_day(began_s: float, ended_s: float) -> Iterator[tuple[str, float]]:
    while began_s < ended_s:
        until_s = min(ended_s, (began_s // _DAY_S + 1.0) * _DAY_S)
        yield day(began_s), until_s - began_s
        began_s = until_s


def _folders(folder: Path) -> list[Path]:
    try:
        return [Path(one.path) for one in os.scandir(folder) if one.name[0] != "." and one.is_dir()]
    except OSError:
        return []


def _ended(path: Path) -> _Ended | None:
    """What counts of a job's folder; None if it has not ended."""
    folder = JobFolder(path)
    record, spec = folder.record() or {}, folder.spec() or {}
    if written_state(record) not in ENDED:
        return None
    created_s, began_s, ended_s = (
        float(found) if isinstance(found, int | float) else 0.0
        for found in (spec.get("created"), record.get("started"), record.get("ended"))
    )
    if not spec.get("device") or not 0.0 < began_s <= ended_s:
        return _Ended(created_s, 0.0, 0.0)
    return _Ended(created_s, began_s, ended_s)


def _places() -> dict[Path, int]:
    """The places of waiting jobs in the queues of this computer's devices."""
    found = {}
    for name in device.names():
        waiting = [ticket for ticket in queue.tickets(name) if ticket.state != "running"]
        found.update({ticket.job: number for number, ticket in enumerate(waiting, start=1)})
    return found


def _live(person: int, folder: Path, places: Mapping[Path, int]) -> Iterator[Job]:
    workspace = Workspace(folder)
    for job in JobStore(workspace).live():
        left_s = [] if job.eta_low_s is None or job.eta_high_s is None else [job.eta_low_s, job.eta_high_s]
        facts: dict[str, Any] = {"device": job.device or "", "engine": job.engine, "fraction": job.fraction or 0.0}
        yield Job(
            person,
            job.id,
            job.kind,
            job.state,
            created_s=job.created,
            started_s=(job.started or 0.0) if job.state in ("running", "stopping") else 0.0,
            place=places.get(workspace.jobs / job.id, 0),
            left_s=left_s,
            **facts,
        )
