"""Families of commands: ``takes list``, ``takes show`` and so on are actions of ``takes``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.errors import InstrumentError, OutputError

if TYPE_CHECKING:
    from ddsing.workspace import Workspace


def family(commands: argparse._SubParsersAction, name: str, help_text: str) -> argparse._SubParsersAction:
    """Add a command that has actions; returns what `action` adds to."""
    parser = commands.add_parser(name, help=help_text, description=f"{help_text[:1].upper()}{help_text[1:]}.")
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")


def action(
    actions: argparse._SubParsersAction,
    name: str,
    func: Callable[[argparse.Namespace], dict],
    text: Callable[[dict], str],
    help_text: str,
) -> argparse.ArgumentParser:
    """Add an action: what it does, and what it says to people."""
    parser = actions.add_parser(name, help=help_text, description=f"{help_text[:1].upper()}{help_text[1:]}.")
    parser.set_defaults(func=func, text=text)
    return parser


def require_folder(path: str | Path) -> Path:
    """A file to be written, whose folder is there; said before the work, not after it."""
    path = Path(path)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise OutputError(f"{str(path)[:200]!r} is a folder, or its folder does not exist. Choose another file.")
    return path


def require_tops(workspace: Workspace, references: Sequence[str]) -> None:
    """Raise `InstrumentError` unless all of some instruments can sing above 8 kHz."""
    from ddsing.instrument import models

    for reference in references:
        if models.shared().open(workspace, reference).top is None:
            raise InstrumentError(
                f"{reference[:80]!r} has no top, so it sings up to 8 kHz. Leave out --band full, or give it a top with "
                "`instrument top`."
            )


def table(rows: list[list[str]], *, right: tuple[int, ...] = ()) -> str:
    """Rows under each other; the columns whose numbers are in `right` stand to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )
