"""Commands that can leave their work to a job: the option, the start, and what is said about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ddsing.errors import JobError
from ddsing.jobs.engine import KINDS, REMOTE

if TYPE_CHECKING:
    from ddsing.jobs.order import Order
    from ddsing.workspace import Workspace


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--background``."""
    parser.add_argument("--background", action="store_true", help="run it as a background job and return immediately")
    parser.add_argument(
        "--engine",
        choices=KINDS,
        help="where the background job runs: on this computer, or on a Slurm or Ray cluster (as engine.toml in the "
        "workspace says, else local); slurm and ray imply --background",
    )


def wanted(args: argparse.Namespace) -> bool:
    """Whether the work is to be left to a job."""
    return args.background or args.engine in REMOTE


def start(workspace: Workspace, order: Order, args: argparse.Namespace) -> dict[str, Any]:
    """Start the job, or find the one that does the same already. Raises `JobError` if the engine refuses it."""
    from ddsing.jobs import launchers
    from ddsing.jobs.store import JobStore

    launcher = launchers.of(workspace.root, args.engine) if args.engine else None
    status = JobStore(workspace, launcher=launcher).submit(order)
    if status.state == "failed":
        raise JobError(status.message)
    return {"job": status.id, "state": status.state}


def or_text(text: Callable[[dict], str]) -> Callable[[dict], str]:
    """`text` for people, but for the documents of `start`."""

    def either(document: dict) -> str:
        if "job" not in document:
            return text(document)
        return f"Started as job {document['job']}. Follow it with `jobs show {document['job']}`."

    return either
