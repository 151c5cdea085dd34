"""The kind of job that sweeps."""

from collections.abc import Mapping
from typing import Any

from ddsing.experiments.sweep import grid
from ddsing.experiments.sweep import run as sweeps
from ddsing.experiments.sweep.grid import Sweep
from ddsing.jobs import device
from ddsing.jobs.array import Part
from ddsing.jobs.context import Reporter
from ddsing.jobs.order import SPARE_BYTES, Order
from ddsing.workspace import Workspace

KIND = "sweep"


def order(workspace: Workspace, sweep: Sweep) -> Order:
    """The job that trains what is left of a sweep, on the device with the shortest queue."""
    return Order(
        kind=KIND,
        title=f"Sweep {sweep.voice}",
        options=sweep.to_options(),
        key=f"{KIND}:{sweep.voice}",
        needs_bytes=grid.room_bytes(workspace, sweep) + SPARE_BYTES,
        spare_bytes=SPARE_BYTES,
        device=device.name(),
    )


def parts(workspace: Workspace, options: Mapping[str, Any]) -> list[Part]:
    """The cells that are left, each as a task for an engine that runs several at a time."""
    sweep = Sweep.from_options(options)
    return [
        Part(cell.name, {**options, "cell": cell.name}, step=done, steps=grid.steps_of(cell))
        for cell, done in grid.left(workspace, sweep)
    ]


def run(workspace: Workspace, options: Mapping[str, Any], job: Reporter) -> dict[str, Any]:
    """Train the sweep of `Sweep.to_options`, or its one cell ``options["cell"]``.

    The steps are those of all cells that it trains, together.
    """

    def report(progress: sweeps.Progress) -> None:
        inner = progress.training
        about = f"{progress.cell}, {progress.n} of {progress.n_cells}"
        share = "" if inner.fraction is None else f" {inner.fraction:.0%}"
        if inner.message or share:
            about += f": {inner.message or inner.stage}{share}"
        under_way = progress.step > 0  # what a preparation takes is not among what is reckoned
        told = {"loss": inner.loss, "steps_per_s": inner.steps_per_s, "eta_s": progress.eta_s if under_way else None}
        job.report(
            stage=inner.stage,
            step=progress.step,
            steps=progress.steps,
            message=about,
            extra={"cell": progress.cell, "n": progress.n, "n_cells": progress.n_cells},
            **{name: value for name, value in told.items() if value is not None},
        )

    sweep, only = Sweep.from_options(options), str(options.get("cell") or "")
    outcome = sweeps.train(workspace, sweep, only=only, report=report, should_stop=job.should_stop)
    said = " ".join(outcome.failed.values())
    return {**vars(outcome), "message": said}
