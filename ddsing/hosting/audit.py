"""The audit log: who did what, and when. Never what somebody's files contain or are named."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select

from ddsing.hosting import database, tables


@dataclass(frozen=True)
class Entry:
    """A line of the log: seconds since 1970, who, what, and what more there is to know."""

    at_s: float
    who: str
    what: str
    about: str


def write(connection: Connection, who: str, what: str, about: str = "") -> None:
    """Add a line, in the transaction that does it."""
    values = {"at_s": time.time(), "who": who[:100], "what": what[:50], "about": about[:500]}
    connection.execute(insert(tables.audit).values(values))


def record(engine: Engine, who: str, what: str, about: str = "") -> None:
    """Add a line about something that changes nothing in the database."""
    with database.writing(engine) as connection:
        write(connection, who, what, about)


def newest(engine: Engine, most: int = 1000) -> list[Entry]:
    """The newest lines, the last first."""
    columns = tables.audit.c
    wanted = select(columns.at_s, columns.who, columns.what, columns.about).order_by(columns.id.desc()).limit(most)
    with database.reading(engine) as connection:
        return [Entry(*row) for row in connection.execute(wanted)]
