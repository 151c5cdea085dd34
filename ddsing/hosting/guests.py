"""Guests: visitors without an account, at most so many at once, each for some hours; the others wait in a line.

A guest is a random number in a signed cookie; here only its hash is known. Who waits keeps the place for as long as the
waiting page is open.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from ddsing.errors import DdsingError
from ddsing.hosting import audit, database
from ddsing.hosting.config import Guests as Settings
from ddsing.hosting.tables import guests

AWAY_S = 60.0  # from then on somebody who waits has gone
LONGEST_LINE = 1000
_SEEN_EVERY_S = 30.0
_KEPT_S = 31 * 24 * 3600.0  # longer than a cookie


class GuestsError(DdsingError):
    """A visitor who can't be a guest now."""


@dataclass(frozen=True)
class Admitted:
    """A guest who is in: `id` names the workspace's folder, which is deleted at `ends_s`."""

    id: str
    number: int
    ends_s: float

    @property
    def who(self) -> str:
        """As the audit log names them."""
        return f"guest {self.number}"


@dataclass(frozen=True)
class Waiting:
    """A guest who waits; `place` is 1 for the next one in."""

    place: int


@dataclass(frozen=True)
class Over:
    """A guest whose time is over."""


State = Admitted | Waiting | Over


def name(token: str) -> str:
    """What a cookie's random number is called here."""
    return hashlib.sha256(f"guest\0{token}".encode()).hexdigest()[:40]


class Guests:
    """The guests in a database."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def come(self, token: str) -> State:
        """Let a new visitor in, or into the line. Raises `GuestsError` if there are no guests here or too many wait."""
        if not self._settings.allowed:
            raise GuestsError("Guests are not admitted here. Sign in with an account instead.")
        now_s, called = time.time(), name(token)
        with database.writing(self._engine) as connection:
            if _row(connection, called) is None:
                if _n_waiting(connection, now_s) >= LONGEST_LINE:
                    raise GuestsError("Very many guests are waiting at the moment. Please try again later.")
                values = {"id": called, "came_s": now_s, "seen_s": now_s, "removed": False}
                connection.execute(insert(guests).values(values))
        return self.look(token)

    def look(self, token: str) -> State:
        """Where a guest is now; whoever waits and is next goes in."""
        now_s, called = time.time(), name(token)
        with database.reading(self._engine) as connection:
            row = _row(connection, called)
        if row is None or not self._settings.allowed:
            return Over()
        if row.admitted_s is not None:
            if now_s >= row.ends_s:
                return Over()
            if now_s - row.seen_s > _SEEN_EVERY_S:
                self._see(called, now_s)
            return Admitted(called, row.number, row.ends_s)
        return self._wait(called, now_s)

    def ended(self, token: str) -> bool:
        """Whether a guest's time is over, or nothing is known of them any more."""
        with database.reading(self._engine) as connection:
            row = _row(connection, name(token))
        return row is None or (row.ends_s is not None and time.time() >= row.ends_s)

    def leave(self, token: str) -> None:
        """End a guest's time."""
        now_s, called = time.time(), name(token)
        with database.writing(self._engine) as connection:
            row = _row(connection, called)
            if row is not None and (row.ends_s is None or row.ends_s > now_s):
                values = {"admitted_s": row.admitted_s or now_s, "ends_s": now_s}
                connection.execute(update(guests).where(guests.c.id == called).values(values))
                audit.write(connection, f"guest {row.number}", "left")

    def inside(self) -> set[str]:
        """Guests whose time is not over."""
        with database.reading(self._engine) as connection:
            return set(connection.execute(select(guests.c.id).where(guests.c.ends_s > time.time())).scalars())

    def count(self) -> tuple[int, int]:
        """How many are in, and how many wait."""
        now_s = time.time()
        with database.reading(self._engine) as connection:
            inside = select(func.count()).select_from(guests).where(guests.c.ends_s > now_s)
            return connection.execute(inside).scalar_one(), _n_waiting(connection, now_s)

    def over(self) -> list[str]:
        """Guests whose time is over and whose workspace is not deleted yet."""
        with database.reading(self._engine) as connection:
            wanted = select(guests.c.id).where(guests.c.ends_s <= time.time(), guests.c.removed.is_(False))
            return list(connection.execute(wanted).scalars())

    def removed(self, called: str) -> None:
        """Note that a guest's workspace is deleted, and forget guests of long ago."""
        with database.writing(self._engine) as connection:
            row = _row(connection, called)
            connection.execute(update(guests).where(guests.c.id == called).values(removed=True))
            before_s = time.time() - _KEPT_S
            old = (guests.c.seen_s < before_s) & (guests.c.removed | guests.c.admitted_s.is_(None))
            connection.execute(delete(guests).where(old))
            if row is not None:
                audit.write(connection, f"guest {row.number}", "workspace deleted")

    def _see(self, called: str, now_s: float) -> None:
        with database.writing(self._engine) as connection:
            connection.execute(update(guests).where(guests.c.id == called).values(seen_s=now_s))

    def _wait(self, called: str, now_s: float) -> State:
        with database.writing(self._engine) as connection:
            connection.execute(update(guests).where(guests.c.id == called).values(seen_s=now_s))
            row = _row(connection, called)
            if row is None:
                return Over()
            if row.admitted_s is not None:  # in another tab, meanwhile
                return Admitted(called, row.number, row.ends_s) if now_s < row.ends_s else Over()
            ahead = _n_waiting(connection, now_s, before=row.number)
            inside = guests.c.admitted_s.is_not(None) & (guests.c.ends_s > now_s)
            n_inside = connection.execute(select(func.count()).select_from(guests).where(inside)).scalar_one()
            if ahead >= self._settings.most - n_inside:
                return Waiting(ahead + 1)
            ends_s = now_s + self._settings.hours * 3600.0
            values = {"admitted_s": now_s, "ends_s": ends_s}
            connection.execute(update(guests).where(guests.c.id == called).values(values))
            audit.write(connection, f"guest {row.number}", "came in")
            return Admitted(called, row.number, ends_s)


def _row(connection: Connection, called: str) -> Row[Any] | None:
    return connection.execute(select(guests).where(guests.c.id == called)).first()


def _n_waiting(connection: Connection, now_s: float, *, before: int | None = None) -> int:
    waiting = guests.c.admitted_s.is_(None) & (guests.c.seen_s > now_s - AWAY_S)
    if before is not None:
        waiting &= guests.c.number < before
    return connection.execute(select(func.count()).select_from(guests).where(waiting)).scalar_one()
