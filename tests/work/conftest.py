"""Queues on SQLite and on a real Redis that belongs to these tests."""

import os
import shutil

import pytest

from tests.support.worked import Redis, Site


@pytest.fixture(scope="session")
def redis():
    """A Redis server. Where it is not installed the tests are skipped, in CI they fail."""
    if shutil.which("redis-server") is None:
        message = "These tests need Redis: apt-get install redis-server (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    server = Redis().start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.slow)])
def store(request) -> str:
    """The URL that a queue is made with, for each kind of store."""
    return "" if request.param == "sqlite" else request.getfixturevalue("redis").url


@pytest.fixture
def site(tmp_path, store):
    """A site without workers; `work` starts them."""
    made = Site(tmp_path, store)
    yield made
    made.rest()


@pytest.fixture
def embedded(tmp_path):
    """A site on SQLite alone."""
    made = Site(tmp_path)
    yield made
    made.rest()
