"""The database of people, sessions, guests and the audit log: SQLite beside the workspaces, or PostgreSQL by URL.

SQLite runs with a write-ahead log, so that reading never waits for writing; several processes may use it. Opening a
database brings it to the newest version, one process at a time; one of a newer ddsing is refused.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ddsing.errors import DdsingError

MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_S = 30.0
_LOCK_NUMBER = 0x64647369  # of PostgreSQL's advisory lock


class DatabaseError(DdsingError):
    """A database that can't be reached, or is of another version."""


def connect(url: str) -> Engine:
    """The database at a URL, at the newest version; made if it is a SQLite file that is not there."""
    parsed = make_url(url)
    with said(parsed):
        engine = _engine(parsed)
        with _alone(engine, parsed):
            upgrade(engine)
    return engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the migrations up to a revision."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "versions")])
    with engine.begin() as connection:
        context = MigrationContext.configure(
            connection, opts={"fn": lambda at, context: scripts._upgrade_revs(revision, at)}
        )
        try:
            with Operations.context(context):
                context.run_migrations()
        except CommandError:
            raise DatabaseError(
                "The people database was made by a newer version of ddsing: install that version."
            ) from None


@contextlib.contextmanager
def said(url: URL | None = None) -> Iterator[None]:
    """What the database's driver raises as one sentence."""
    try:
        yield
    except OSError as error:
        raise DatabaseError(f"The people database can't be used: {error.filename!r}: {error.strerror}.") from error
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        first = str(reason).strip().split("\n")[0].rstrip(".")
        where = "" if url is None else f" {url.render_as_string(hide_password=True)!r}"
        raise DatabaseError(f"The people database{where} can't be used: {first}.") from error


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    if url.database:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_S})

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_BUSY_S * 1000:g}"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads and then writes as if alone: nobody writes between the two."""
    with said(), engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER + 1})
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read from."""
    with said(), engine.connect() as connection:
        yield connection


@contextlib.contextmanager
def _alone(engine: Engine, url: URL) -> Iterator[None]:
    """Until it is left, no other process brings this database to a newer version."""
    if url.get_backend_name() == "sqlite":
        with FileLock(f"{url.database}.lock", timeout=_BUSY_S * 4):
            yield
        return
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _LOCK_NUMBER})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _LOCK_NUMBER})
