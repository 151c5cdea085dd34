"""``storage``: what the cache and the trash take, and clearing them."""

import argparse

from ddsing.units import format_bytes


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    command = subparsers.add_parser("storage", help="disk space of the cache and the trash, and options to clear them")
    command.add_argument("--clear-cache", action="store_true", help="delete everything that can be recomputed")
    command.add_argument("--empty-trash", action="store_true", help="delete everything in the trash permanently")
    command.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Clear what is asked for, then measure."""
    from ddsing import storage
    from ddsing.workspace import open_workspace

    workspace = open_workspace(args.workspace)
    gained = storage.clear_cache(workspace) if args.clear_cache else 0
    gained += storage.empty_trash(workspace) if args.empty_trash else 0
    now = storage.measure(workspace)
    return {"cache_bytes": now.cache_bytes, "trash_bytes": now.trash_bytes, "gained_bytes": gained}


def text(document: dict) -> str:
    """The sizes for people."""
    gained = f"Freed {format_bytes(document['gained_bytes'])}. " if document["gained_bytes"] else ""
    cache, trash = (format_bytes(document[f"{name}_bytes"]) for name in ("cache", "trash"))
    return f"{gained}Cache: {cache}. Trash: {trash}."
