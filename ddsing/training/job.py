"""The kind of job that trains."""

from dataclasses import asdict

from ddsing.training import run as runs
from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace


def run(workspace: Workspace, options: dict, job) -> dict:
    """Train ``options["voice"]``; the other options are those of `Recipe.from_options`.

    Parameters
    ----------
    job : ddsing.jobs.context.JobContext
        Told by ``report`` how far it is; asked ``should_stop``.
    """

    def report(progress: runs.Progress) -> None:
        told = {name: value for name, value in asdict(progress).items() if value is not None}
        if progress.stage in ("preparing", "head start"):  # it has no steps yet, and `fraction` is the stage's
            told = {name: told[name] for name in ("stage", "fraction", "message") if name in told}
        job.report(**told)

    outcome = runs.train(
        workspace, options["voice"], Recipe.from_options(options), report=report, should_stop=job.should_stop
    )
    return asdict(outcome)
