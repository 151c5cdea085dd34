"""``compare``: takes, and what trainings have left behind, side by side.

Each ``_add_…`` adds one of its subcommands, which are families of their own in the modules that do the work.
"""

import argparse

from ddsing.cli import compare_losses
from ddsing.errors import SettingsError


def add_parser(commands) -> None:
    """Add ``compare`` and its subcommands."""
    parser = commands.add_parser("compare", help="takes and losses side by side")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_takes(what)
    compare_losses.add_to(what)


def _add_takes(what) -> None:
    parser = what.add_parser("takes", help="settings that differ, and how near each take is to what was asked for")
    parser.add_argument("ids", nargs="+", metavar="ID", help="ids of takes, or whole names")
    parser.set_defaults(func=_takes, text=_takes_text)


def _takes(args: argparse.Namespace) -> dict:
    raise SettingsError("Takes can't be compared here yet.")


def _takes_text(document: dict) -> str:
    return ""
