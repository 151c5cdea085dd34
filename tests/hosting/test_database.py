"""The people database: its migrations make what the code expects, on SQLite and PostgreSQL, one process at a time."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from ddsing.hosting import audit, database, tables
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

N_AT_ONCE = 4


def test_the_migrations_make_what_the_code_expects(engine):
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_opening_it_again_changes_nothing(engine, url):
    audit.record(engine, "person 1", "signed in")
    again = database.connect(url)
    assert [entry.what for entry in audit.newest(again)] == ["signed in"]
    again.dispose()


@pytest.mark.slow
def test_processes_that_open_it_at_once_make_it_once(url):
    program = f"from ddsing.hosting import database; database.connect({url!r})"
    children = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(N_AT_ONCE)
    ]
    errors = [child.communicate(timeout=PATIENCE_S)[1].decode() for child in children]
    assert [child.returncode for child in children] == [0] * N_AT_ONCE, errors


def test_one_of_a_newer_version_is_refused(engine, url):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(database.DatabaseError, match="newer version"):
        database.connect(url)


def test_sqlite_has_a_write_ahead_log_and_keys(tmp_path):
    made = database.connect(f"sqlite:///{tmp_path / 'x' / 'ddsing.db'}")
    with made.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    made.dispose()


@pytest.mark.parametrize("url", ["postgresql+psycopg://ann:hidden@127.0.0.1:9/none", "sqlite:////proc/none/ddsing.db"])
def test_one_that_can_t_be_reached_is_a_sentence_without_its_password(url):
    with pytest.raises(database.DatabaseError) as raised:
        database.connect(url)
    assert "can't be used" in str(raised.value) and "hidden" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_transaction_that_fails_leaves_nothing(engine):
    with pytest.raises(ZeroDivisionError), database.writing(engine) as connection:
        audit.write(connection, "person 1", "signed in")
        _ = 1 / 0
    assert audit.newest(engine) == []


def test_the_log_is_the_newest_first_and_cuts_what_is_long(engine):
    for number in range(3):
        audit.record(engine, f"person {number}", "x" * 80, "y" * 900)
    found = audit.newest(engine, 2)
    assert [entry.who for entry in found] == ["person 2", "person 1"]
    assert len(found[0].what) == 50 and len(found[0].about) == 500
    with engine.connect() as connection:
        assert len(connection.execute(select(tables.audit)).all()) == 3
