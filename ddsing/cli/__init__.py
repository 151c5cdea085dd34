"""The command line: everything the pages do.

Each module here adds one command: a function that returns its JSON document, and one that says the same to a person. A user's mistake
is one sentence on stderr and exit status 2.
"""

import argparse
import json
import os
import sys

import ddsing
from ddsing.errors import Cancelled, DdsingError


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    from ddsing.cli import doctor, features, instrument, transfer

    parser = argparse.ArgumentParser(prog="python -m ddsing", description=ddsing.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"ddsing {ddsing.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (doctor, features, transfer, instrument):
        module.add_parser(commands)
    _add_common(parser)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    args = build_parser().parse_args(arguments)
    try:
        document = args.func(args)
        print(json.dumps(document, ensure_ascii=False) if args.json else args.text(document))
        sys.stdout.flush()
        return document.get("status", 0)
    except (Cancelled, KeyboardInterrupt):
        return 130
    except DdsingError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _add_common(parser):
    """``--workspace`` and ``--json`` on every command, wherever they are written."""
    parser.add_argument("--workspace", metavar="DIR", default=None, help="the workspace folder (else DDSING_WORKSPACE, else ./workspace)")
    parser.add_argument("--json", action="store_true", default=False, help="print one JSON document")
    for child in _commands(parser):
        child.add_argument("--workspace", metavar="DIR", default=argparse.SUPPRESS, help="the workspace folder")
        child.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")


def _commands(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield child
                yield from _commands(child)
