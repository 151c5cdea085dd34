"""``storage``: what the cache, the trash, runs and datasets take, and clearing them."""

import argparse

from ddsing.units import format_bytes


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "storage", help="disk space of cache, trash, runs and datasets, and options to clear them"
    )
    command.add_argument(
        "--remove",
        metavar="NAME",
        action="append",
        default=[],
        help="move a run or a dataset, such as Mira_dataset, to the trash; can be given several times",
    )
    command.add_argument("--clear-cache", action="store_true", help="delete everything that can be recomputed")
    command.add_argument("--empty-trash", action="store_true", help="delete everything in the trash permanently")
    command.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Clear what is asked for, then measure."""
    from ddsing import storage
    from ddsing.errors import DdsingError
    from ddsing.jobs.store import JobStore
    from ddsing.workspace import open_workspace

    workspace = open_workspace(args.workspace)
    if args.remove and JobStore(workspace).live():
        raise DdsingError("Jobs are running or waiting. Stop them first, or wait for them.")
    for name in args.remove:
        storage.remove_run_or_dataset(workspace, name)
    gained = storage.clear_cache(workspace) if args.clear_cache else 0
    gained += storage.empty_trash(workspace) if args.empty_trash else 0
    now = storage.measure(workspace)
    return {
        "cache_bytes": now.cache_bytes,
        "trash_bytes": now.trash_bytes,
        "gained_bytes": gained,
        "runs_and_datasets": storage.runs_and_datasets(workspace),
        "removed": args.remove,
    }


def text(document: dict) -> str:
    """The sizes for people."""
    gained = f"Freed {format_bytes(document['gained_bytes'])}. " if document["gained_bytes"] else ""
    cache, trash = (format_bytes(document[f"{name}_bytes"]) for name in ("cache", "trash"))
    removed = f"In the trash now: {', '.join(document['removed'])}. " if document["removed"] else ""
    made = [f"{name}, {format_bytes(n_bytes)}" for name, n_bytes in document["runs_and_datasets"].items()]
    return "\n".join([f"{removed}{gained}Cache: {cache}. Trash: {trash}.", *made])
