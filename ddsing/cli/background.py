"""Commands that can leave their work to a job: the option, the start, and what is said about it."""

import argparse
from collections.abc import Callable
from typing import Any

from ddsing.jobs.order import Order
from ddsing.workspace import Workspace


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--background``."""
    parser.add_argument("--background", action="store_true", help="run it as a background job and return immediately")


def start(workspace: Workspace, order: Order) -> dict[str, Any]:
    """Start the job, or find the one that does the same already."""
    from ddsing.jobs.store import JobStore

    status = JobStore(workspace).submit(order)
    return {"job": status.id, "state": status.state}


def or_text(text: Callable[[dict], str]) -> Callable[[dict], str]:
    """`text` for people, but for the documents of `start`."""

    def either(document: dict) -> str:
        if "job" not in document:
            return text(document)
        return f"Started as job {document['job']}. Follow it with `jobs show {document['job']}`."

    return either
