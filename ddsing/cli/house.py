"""``house``: what everybody on a hosted dashboard has beside their own; for admins."""

import argparse
from pathlib import Path

from ddsing.cli.actions import action, family
from ddsing.units import format_bytes


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the family of commands."""
    house = family(subparsers, "house", "the library of a hosted dashboard that everybody has: list, publish, withdraw")
    action(house, "list", list_, list_text, "list its instruments and examples")
    command = action(house, "publish", publish, publish_text, "add an instrument or an example")
    command.add_argument("file", metavar="FILE", help="an instrument's zip, or a recording")
    command = action(house, "withdraw", withdraw, withdraw_text, "move an instrument or an example to its trash")
    command.add_argument("name", metavar="NAME", help="its name, see `house list`")


def _house():
    from ddsing.cli.users import site_here

    return site_here().house


def list_(args: argparse.Namespace) -> dict:
    """What is in it."""
    here = _house()
    instruments = [
        {"name": one.name, "voice": one.provenance.voice, "bytes": one.n_bytes, "error": one.error}
        for one in here.instruments()
    ]
    return {"folder": str(here.folder), "instruments": instruments, "examples": list(here.examples())}


def list_text(document: dict) -> str:
    """A line for each."""
    lines = [
        f"instrument  {one['name']}, {one['error'] or one['voice'] or 'voice unknown'}, {format_bytes(one['bytes'])}"
        for one in document["instruments"]
    ]
    lines += [f"example     {name}" for name in document["examples"]]
    return "\n".join(lines or ["The house library is empty."])


def publish(args: argparse.Namespace) -> dict:
    """Add a file."""
    return {"name": _house().publish_file(Path(args.file).expanduser().absolute(), by="command line")}


def publish_text(document: dict) -> str:
    """What was added."""
    return f"Everybody has {document['name']!r} now."


def withdraw(args: argparse.Namespace) -> dict:
    """Move one to the trash."""
    return {"kind": _house().withdraw(args.name, by="command line"), "name": args.name}


def withdraw_text(document: dict) -> str:
    """What was withdrawn."""
    return f"The {document['kind']} {document['name']!r} is withdrawn; it is in the trash of the house library."
