"""Bringing back what was deleted: ``restore`` takes the name of the thing, or the token that ``delete`` printed."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ddsing import names
from ddsing.errors import WorkspaceError
from ddsing.files import read_json, trashed


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add what `find` is given."""
    parser.add_argument(
        "deleted", metavar="NAME", help="what to restore: its name, or the token shown when it was deleted"
    )


def find(
    folders: Sequence[Path], wanted: str, *, what: str, called: Callable[[Path], str | None] = lambda path: None
) -> Path:
    """Where something that was deleted from one of some folders lies; of several of one name, the last deleted.

    Parameters
    ----------
    what : str
        What it is, for people.
    called : callable
        What a thing in the trash was called, where that is not its file's name.
    """
    found = [path for folder in folders for path in trashed(folder)]
    for path in found:
        token = ".trash/" in wanted and names.read(path.as_posix()).endswith(names.mended(wanted))
        spellings = (names.read(path.name), names.read(path.stem), called(path) or "")
        if token or any(names.same(wanted, one) for one in spellings):
            return path
    known = ", ".join(repr(called(path) or names.read(path.stem)) for path in found[:8])
    there = f"in it: {known}" if known else "nothing was deleted, or the trash was emptied"
    raise WorkspaceError(f"No {what} {wanted[:80]!r} in the trash; {there}.")


def titled(folder: Path, wanted: str, *, what: str) -> str:
    """As `find`, of a thing that is a JSON file with a title; what its store's ``undo`` takes."""
    return str(find([folder], wanted, what=what, called=lambda path: (read_json(path) or {}).get("title")))
