"""What all tests share.

A quiet TensorFlow, a workspace and device locks that are never the user's own, repeatable random examples.
"""

import os

import hypothesis
import pytest

from ddsing.process import TENSORFLOW
from ddsing.workspace import Workspace, open_workspace

for _name, _value in TENSORFLOW.items():
    os.environ.setdefault(_name, _value)

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


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
