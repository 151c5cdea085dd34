"""Preparation as a background job (kind ``prepare``)."""

from ddsing.workspace import Workspace


def run(workspace: Workspace, options: dict, job) -> dict:
    """Prepare ``options["voice"]`` with ``options["tracker"]``; returns what `Prepared` says.

    Parameters
    ----------
    job : ddsing.jobs context
        Told the stage, the fraction and the time left by ``report``; asked ``should_stop``.
    """
    raise NotImplementedError
