"""A real server with the REST interface, for one person, and a program that has a token."""

import pytest

from ddsing.tokens import Tokens
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.programs import LocalServer, Program


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """The server."""
    root = tiny_workspace.fill(tmp_path_factory.mktemp("rest") / "w")
    made = LocalServer(root)
    try:
        yield made.wait(), Workspace(root)
    finally:
        made.stop()


@pytest.fixture(scope="session")
def program(local):
    """Asks it with a token."""
    server, workspace = local
    with Program(server.url, Tokens(workspace).make("tests")[1]) as made:
        yield made
