"""Workspaces that nobody opens: after some days without a visit into a trash, and from there deleted.

Who comes back in time gets everything back by signing in. A visit and the way into the trash exclude each other: both
are a transaction that looks at the person's last visit, so that a workspace never goes while somebody comes. One with
live jobs stays.
"""

from __future__ import annotations

import datetime
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, select, update

from ddsing.errors import DdsingError
from ddsing.files import move_exclusively
from ddsing.hosting import audit, database
from ddsing.hosting.config import Expiry as Settings
from ddsing.hosting.people import Person
from ddsing.hosting.tables import people
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace

EVERY_S = 3600.0
TRASH = "trash"
_DELETING = ".deleting-"
_DAY_S = 24 * 3600.0


class Expiry:
    """The workspaces below a root; `folder_of` gives the folder of one by its name in the database."""

    def __init__(self, engine: Engine, root: Path, settings: Settings, folder_of: Callable[[str], Path]) -> None:
        self._engine = engine
        self._trash = root / TRASH
        self._settings = settings
        self._folder_of = folder_of

    def run(self) -> tuple[int, int]:
        """Move what has expired into the trash, and delete what was there long enough; returns how many of each."""
        now_s = time.time()
        before_s = now_s - self._settings.days * _DAY_S
        old = self._of((people.c.seen_s <= before_s) & people.c.expired_s.is_(None))
        expired = [name for name in old if not self._has_jobs(name) and self._expire(name, before_s)]
        long_s = now_s - self._settings.trash_days * _DAY_S
        deleted = [name for name in self._of(people.c.expired_s <= long_s) if self._delete(name, long_s)]
        for left in self._trash.glob(f"{_DELETING}*"):
            shutil.rmtree(left, ignore_errors=True)
        return len(expired), len(deleted)

    def restore(self, person: Person) -> None:
        """Give somebody who is back what is still in the trash."""
        trashed = self._trash / person.workspace
        with database.writing(self._engine) as connection:
            mine = people.c.workspace == person.workspace
            if connection.execute(select(people.c.expired_s).where(mine)).scalar() is None:
                return
            folder = self._folder_of(person.workspace)
            if trashed.is_dir() and not folder.exists():
                folder.parent.mkdir(parents=True, exist_ok=True)
                move_exclusively(trashed, folder)
                audit.write(connection, person.who, "workspace restored")
            connection.execute(update(people).where(mine).values({"expired_s": None}))

    def notice(self, person: Person) -> str:
        """What somebody who is back after a long time should know; empty for all others."""
        days, away_s = self._settings.days, time.time() - (person.before_s or time.time())
        if person.before_s is None or away_s < (days - self._settings.warning_days) * _DAY_S:
            return ""
        last = f"You were last here on {_date(person.before_s)}."
        if away_s < days * _DAY_S:
            would = _date(person.before_s + days * _DAY_S)
            return f"{last} Your workspace would have expired on {would}; this visit keeps it for {days} days more."
        if away_s < (days + self._settings.trash_days) * _DAY_S:
            return f"{last} Your workspace expired after {days} days without a visit. It is restored."
        return f"{last} Your workspace expired after {days} days without a visit, so you start with a new one."

    def _of(self, which: ColumnElement[bool]) -> list[str]:
        with database.reading(self._engine) as connection:
            return list(connection.execute(select(people.c.workspace).where(which)).scalars())

    def _has_jobs(self, name: str) -> bool:
        folder = self._folder_of(name)
        try:
            return (folder / "jobs").is_dir() and bool(JobStore(Workspace(folder)).live())
        except DdsingError:  # it can't be told: another time
            return True

    def _expire(self, name: str, before_s: float) -> bool:
        folder = self._folder_of(name)
        if not folder.is_dir():
            return False
        self._trash.mkdir(mode=0o700, exist_ok=True)
        still = (people.c.workspace == name) & (people.c.seen_s <= before_s) & people.c.expired_s.is_(None)
        with database.writing(self._engine) as connection:
            person = connection.execute(select(people.c.id).where(still)).scalar()
            if person is None:  # a visit, in the meantime
                return False
            self._away(self._trash / name)  # of long ago
            move_exclusively(folder, self._trash / name)
            return self._note(connection, person, time.time(), "workspace expired")

    def _delete(self, name: str, long_s: float) -> bool:
        with database.writing(self._engine) as connection:
            still = (people.c.workspace == name) & (people.c.expired_s <= long_s)
            person = connection.execute(select(people.c.id).where(still)).scalar()
            if person is None:
                return False
            self._away(self._trash / name)
            return self._note(connection, person, None, "workspace deleted")

    def _away(self, folder: Path) -> None:
        """Put a folder of the trash where nothing is restored from; deleting it takes a while."""
        if folder.is_dir():
            folder.rename(folder.with_name(f"{_DELETING}{uuid.uuid4().hex}"))

    def _note(self, connection: Connection, person: int, expired_s: float | None, what: str) -> bool:
        connection.execute(update(people).where(people.c.id == person).values({"expired_s": expired_s}))
        audit.write(connection, f"person {person}", what)
        return True


def _date(moment_s: float) -> str:
    at = datetime.datetime.fromtimestamp(moment_s, datetime.UTC)
    return f"{at.day} {at:%B %Y}"
