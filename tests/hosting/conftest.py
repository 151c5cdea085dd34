"""The databases that hosting can use: SQLite, and a real PostgreSQL that belongs to these tests."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from ddsing.hosting import database
from tests.support.hosting import free_port
from tests.support.patience import PATIENCE_S


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((str(place / name) for place in places if (place / name).exists()), None)


@pytest.fixture(scope="session")
def postgres():
    """The address of a PostgreSQL server. Where PostgreSQL is not installed the tests are skipped, in CI they fail."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        message = "These tests need PostgreSQL: apt-get install postgresql (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    as_who = []
    if os.geteuid() == 0:  # PostgreSQL refuses to be root, and nobody else may look into pytest's folders
        as_who = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def run(*words: str) -> None:
        subprocess.run([*as_who, *words], cwd="/", check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    run(initdb, "-D", data, "-U", "ddsing", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {folder} -h 127.0.0.1 -F"
    run(pg_ctl, "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "-t", f"{PATIENCE_S:.0f}", "start")
    yield f"postgresql+psycopg://ddsing:hidden@127.0.0.1:{port}"
    run(pg_ctl, "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """The address of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'db' / 'ddsing.db'}"
    server, name = request.getfixturevalue("postgres"), f"t{time.monotonic_ns()}"
    made = database._engine(database.make_url(f"{server}/postgres"))
    with made.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    made.dispose()
    return f"{server}/{name}"


@pytest.fixture
def engine(url):
    """A database of each kind, at the newest version."""
    made = database.connect(url)
    yield made
    made.dispose()
