"""What the tests of jobs share: devices of their own, and a store whose jobs are real processes."""

import pytest

from tests.support.running_jobs import closed_at_the_end, open_store


@pytest.fixture(autouse=True)
def _locks(own_locks):
    """No test waits for another's device."""


@pytest.fixture
def store(tmp_path):
    """A store; afterwards none of its processes is left."""
    (tmp_path / "w").mkdir()
    with closed_at_the_end(open_store(tmp_path / "w")) as store:
        yield store
