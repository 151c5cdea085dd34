"""``instrument top``: give an instrument what it sings above 8 kHz, or take it away."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddsing.constants import TRACKERS
from ddsing.errors import AudioError, SettingsError
from ddsing.files import spelled
from ddsing.workspace import open_workspace


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the action."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument(
        "--voice",
        default="",
        help="whose recordings at 44.1 or 48 kHz it is made from (the instrument's own voice)",
    )
    parser.add_argument(
        "--recordings", nargs="+", default=[], metavar="FILE", help="recordings that it is made from instead"
    )
    parser.add_argument(
        "--tracker", choices=TRACKERS, help="pitch tracker for recordings that are not analysed yet (tiny)"
    )
    parser.add_argument("--remove", action="store_true", help="remove the top, so that it sings up to 8 kHz again")


def run(args: argparse.Namespace) -> dict:
    """Give the top, or take it away."""
    from ddsing.instrument.library import Library
    from ddsing.training import top

    workspace = open_workspace(args.workspace)
    if args.remove:
        if args.voice or args.recordings:
            raise SettingsError("--remove takes no voice and no recordings. Leave them out.")
        return {"name": Library(workspace).put_top(args.name, None).name, "top": None, "left_out": []}
    if args.voice and args.recordings:
        raise SettingsError("A top is made from a voice or from recordings. Leave out --voice or --recordings.")
    paths = [spelled(Path(name)) for name in args.recordings]
    for path in paths:
        if not path.is_file():
            raise AudioError(f"No file {str(path)[:200]!r}; give the path of a recording.")
    given = top.give(workspace, args.name, voice=args.voice, paths=paths, tracker=args.tracker or "")
    about = {"minutes": given.minutes, "recordings": list(given.used)}
    return {
        "name": given.entry.name,
        "top": about,
        "left_out": list(map(list, given.left_out)),
        "said": top.said(given),
    }


def text(document: dict) -> str:
    """The document for a person."""
    if document["top"] is None:
        return f"{document['name']} sings up to 8 kHz again. `instrument restore` restores the file as it was."
    return "\n".join([document["said"], *(f"{name}: {why}" for name, why in document["left_out"])])
