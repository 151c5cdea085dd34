"""The kind of job that trains."""

from ddsing.workspace import Workspace


def run(workspace: Workspace, options: dict, job) -> dict:
    """Train ``options["voice"]``; the other options are those of `Recipe.from_options`."""
    raise NotImplementedError
