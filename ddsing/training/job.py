"""The kind of job that trains."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ddsing.jobs import device, time_left
from ddsing.jobs.context import Reporter
from ddsing.jobs.order import SPARE_BYTES, Order
from ddsing.training import checkpoints
from ddsing.training import run as runs
from ddsing.training.recipe import Recipe, resolved
from ddsing.training.stages import BEFORE_STEPS
from ddsing.workspace import Workspace

KIND = "train"


def order(voice_name: str, recipe: Recipe) -> Order:
    """The job that trains a voice, on the device with the shortest queue."""
    n_checkpoints = recipe.keep + 4  # the lowest loss, the chosen one, the one that is written, and that it replaces
    return Order(
        kind=KIND,
        title=f"Train {voice_name}",
        options={"voice": voice_name, **recipe.to_json()},
        key=f"{KIND}:{voice_name}",
        needs_bytes=n_checkpoints * checkpoints.n_bytes(resolved(recipe).model) + SPARE_BYTES,
        spare_bytes=SPARE_BYTES,
        device=device.name(),
    )


def run(workspace: Workspace, options: Mapping[str, Any], job: Reporter) -> dict[str, Any]:
    """Train ``options["voice"]``; the other options are those of `Recipe.from_options`.

    Parameters
    ----------
    job : Reporter
        Told by ``report`` how far it is; asked ``should_stop``.
    """

    def report(progress: runs.Progress) -> None:
        if progress.stage in BEFORE_STEPS:
            told = {"stage": progress.stage, "fraction": progress.fraction, "message": progress.message}
        else:
            told = {name: value for name, value in vars(progress).items() if value is not None and name != "left"}
        job.report(**told, **time_left.fields(progress.left))

    outcome = runs.train(
        workspace, options["voice"], Recipe.from_options(options), report=report, should_stop=job.should_stop
    )
    return asdict(outcome)
