"""The site that this process serves: its file, its people and guests, and where their workspaces are."""

from __future__ import annotations

import functools
import logging
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from ddsing.errors import DdsingError
from ddsing.hosting import audit, chores, database, reading, switch
from ddsing.hosting.config import Config
from ddsing.hosting.expiry import EVERY_S, Expiry
from ddsing.hosting.guests import Guests
from ddsing.hosting.house import House
from ddsing.hosting.looked import Looked
from ddsing.hosting.people import People
from ddsing.hosting.rates import Limiter
from ddsing.hosting.use import Use
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.store import JobStore
from ddsing.work import pool
from ddsing.work.pool import Pool
from ddsing.work.queue import Queue
from ddsing.workspace import Workspace

COUNTED_EVERY_S = 50.0

_opening = threading.Lock()
_open: dict[str, Site] = {}  # by the file's path; one, outside of tests


class SiteError(DdsingError):
    """A workspace that can't be one."""


@dataclass(frozen=True)
class Site:
    """A hosted dashboard."""

    config: Config
    engine: Engine
    people: People
    guests: Guests
    use: Use
    expiry: Expiry
    limiter: Limiter
    house: House
    looked: Looked = field(default_factory=Looked, compare=False)

    @property
    def processes(self) -> int:
        """How many worker processes each server starts."""
        return self.config.work.processes or pool.default_processes()

    @functools.cached_property
    def work(self) -> Queue:
        """The queue of the pages' work."""
        return Queue(self.config.root, self.config.work.redis, processes=self.processes)

    def start_workers(self) -> Pool:
        """Start this server's worker processes."""
        return Pool(self.work, redis=self.config.work.redis, processes=self.processes).start()

    def member_folder(self, workspace: str) -> Path:
        """The workspace of a person, by its name in the database."""
        return _of_person(self.config, workspace)

    def guest_folder(self, called: str) -> Path:
        """The workspace of a guest."""
        return _below(self.config.root / "guests", called)

    def clean(self) -> int:
        """Delete the workspaces of guests whose time is over, and old sessions; returns how many guests."""
        there = [path for path in (self.config.root / "guests").glob("*") if path.is_dir()]
        inside = self.guests.inside()  # asked after looking, so that nobody who comes in between is missed
        for folder in there:
            if folder.name not in inside:
                shutil.rmtree(folder, ignore_errors=True)
        over = [called for called in self.guests.over() if not self.guest_folder(called).exists()]
        for called in over:
            self.guests.removed(called)
        self.people.forget_old_sessions()
        return len(over)

    def expire(self) -> None:
        """Once an hour, by one of the servers: workspaces that nobody opens go, see `ddsing.hosting.expiry`."""
        if chores.due(self.engine, "expire workspaces", EVERY_S):
            self.expiry.run()

    def count_use(self) -> None:
        """Count what jobs use of the devices, and stop those of people whose minutes of the day are used.

        They save first, and can be resumed the next day.
        """
        if not chores.due(self.engine, "count use", COUNTED_EVERY_S):
            return
        self.use.count()
        most_s = self.config.limits.device_minutes_per_day * 60.0
        for one in self.use.watched():
            if self.use.today_s(one.person) >= most_s and not JobFolder(one.job).stop_requested():
                JobStore(Workspace(one.job.parents[1])).stop(one.job.name)
                audit.record(self.engine, f"person {one.person}", "job stopped", "minutes of the day used")


def open_site(config: Config) -> Site:
    """The site of a file, with its database at the newest version."""
    engine = database.connect(config.database_url)
    people = People(engine, session_hours=config.login.session_hours)

    def folder_of(workspace: str) -> Path:
        return _of_person(config, workspace)

    expiry = Expiry(engine, config.root, config.expiry, folder_of)
    guests, limiter = Guests(engine, config.guests), Limiter(config.rates)
    house = House(engine, config.root)
    return Site(config, engine, people, guests, Use(engine, folder_of), expiry, limiter, house)


def served() -> Site | None:
    """The site that `ddsing serve` has started this process for; None for a local dashboard."""
    named = switch.served()
    if named is None:
        return None
    with _opening:
        if named not in _open:
            _open[named] = open_site(reading.read(Path(named)))
        return _open[named]


def close() -> None:
    """Close what `served` has opened; for tests."""
    with _opening:
        for site in _open.values():
            site.engine.dispose()
        _open.clear()


def keep_clean(site: Site, *, every_s: float = 60.0) -> threading.Event:
    """Let a thread do the site's chores now and then; it ends once the event that is returned is set."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every_s):
            for chore in (site.clean, site.count_use, site.expire):
                try:
                    chore()
                except Exception:
                    logging.getLogger("ddsing").exception("%s did not come to its end", chore.__name__)

    threading.Thread(target=run, name="clean", daemon=True).start()
    return ended


def _of_person(config: Config, workspace: str) -> Path:
    return _below(config.root / "people" / workspace[:2], workspace)


def _below(folder: Path, name: str) -> Path:
    if not name.isalnum():
        raise SiteError("A workspace's name has to be letters and digits.")
    return folder / name
