"""What the tests of jobs share: devices of their own, and a store whose jobs are real processes."""

import os

import pytest

from tests.support.running_jobs import closed_at_the_end, open_store
from tests.support.slurm_cluster import SlurmCluster, missing


@pytest.fixture(autouse=True)
def _locks(own_locks):
    """No test waits for another's device."""


@pytest.fixture
def store(tmp_path):
    """A store; afterwards none of its processes is left."""
    (tmp_path / "w").mkdir()
    with closed_at_the_end(open_store(tmp_path / "w")) as store:
        yield store


@pytest.fixture(scope="package")
def slurm(tmp_path_factory):
    """A Slurm of two nodes; this process's commands reach it. Without one the tests are skipped, in CI they fail."""
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        said = missing() or cluster.start()
        if said and os.environ.get("CI"):
            pytest.fail(f"These tests need Slurm. {said}")
        if said:
            pytest.skip(f"These tests need Slurm. {said}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SLURM_CONF", str(cluster.conf))
            yield cluster
    finally:
        cluster.stop()
