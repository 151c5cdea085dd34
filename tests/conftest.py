"""What all tests share.

A quiet TensorFlow, a workspace and device locks that are never the user's own, repeatable random examples.
"""

import os

import hypothesis
import pytest

from ddsing.process import TENSORFLOW
from ddsing.workspace import Workspace, open_workspace
from tests.support import counts

for _name, _value in TENSORFLOW.items():
    os.environ.setdefault(_name, _value)

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="repeat in full, and run what is marked full: it takes hours")
    parser.addoption("--seed", type=int, help="of random cases; by default today's date")


def pytest_configure(config):
    if config.option.seed is None:
        config.option.seed = counts.seed_of_the_day()  # workers are given it, at midnight too
    counts.choose(full=config.option.full, seed=config.option.seed)


def pytest_collection_modifyitems(config, items):
    """Without ``--full``, what is marked full is not among the tests."""
    left_out = [item for item in items if not config.option.full and item.get_closest_marker("full")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(counts.described())


@pytest.fixture(scope="session", autouse=True)
def _never_the_users_workspace(tmp_path_factory):
    """A test that names no workspace gets a temporary one, not ./workspace; nor waits for the user's own training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDSING_LOCKS", str(tmp_path_factory.mktemp("locks") / "locks"))
        patch.setenv("DDSING_WORKSPACE", str(tmp_path_factory.mktemp("unnamed") / "workspace"))
        yield


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """A workspace as a newcomer finds it, with the demo in it."""
    return open_workspace(tmp_path / "workspace")
