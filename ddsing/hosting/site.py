"""The site that this process serves: its file, its people and guests, and where their workspaces are."""

from __future__ import annotations

import functools
import logging
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from ddsing.errors import DdsingError
from ddsing.hosting import database, reading, switch
from ddsing.hosting.config import Config
from ddsing.hosting.guests import Guests
from ddsing.hosting.people import People
from ddsing.work import pool
from ddsing.work.pool import Pool
from ddsing.work.queue import Queue

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
        return _below(self.config.root / "people" / workspace[:2], workspace)

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


def open_site(config: Config) -> Site:
    """The site of a file, with its database at the newest version."""
    engine = database.connect(config.database_url)
    people = People(engine, session_hours=config.login.session_hours)
    return Site(config, engine, people, Guests(engine, config.guests))


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
    """Let a thread clean now and then; it ends once the event that is returned is set."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every_s):
            try:
                site.clean()
            except Exception:
                logging.getLogger("ddsing").exception("Guests' workspaces can't be deleted")

    threading.Thread(target=run, name="clean", daemon=True).start()
    return ended


def _below(folder: Path, name: str) -> Path:
    if not name.isalnum():
        raise SiteError("A workspace's name has to be letters and digits.")
    return folder / name
