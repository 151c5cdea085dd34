"""The kind of job that trains."""

from dataclasses import asdict

from ddsing.jobs.context import JobContext
from ddsing.training import checkpoints
from ddsing.training import run as runs
from ddsing.training.recipe import Recipe, resolved
from ddsing.workspace import Workspace

KIND = "train"
BESIDE_BYTES = 200_000_000  # previews, event files, the log and the instrument


def order(voice_name: str, recipe: Recipe) -> dict:
    """What `ddsing.jobs.store.JobStore.submit` is asked for, but for the device."""
    n_checkpoints = recipe.keep + 3  # the best, the one that is written, and the one that it replaces
    return {
        "kind": KIND,
        "title": f"Train {voice_name}",
        "options": {"voice": voice_name, **recipe.to_json()},
        "key": f"{KIND}:{voice_name}",
        "needs_bytes": n_checkpoints * checkpoints.n_bytes(resolved(recipe).model) + BESIDE_BYTES,
    }


def run(workspace: Workspace, options: dict, job: JobContext) -> dict:
    """Train ``options["voice"]``; the other options are those of `Recipe.from_options`.

    Parameters
    ----------
    job : JobContext
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
