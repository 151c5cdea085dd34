"""``compare losses``: trainings side by side, in numbers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.cli.writing import writing
from ddsing.files import write_atomic
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.experiments.curves.runs import Run


def add_to(what: argparse._SubParsersAction) -> None:
    """Add the subcommand to those of ``compare``."""
    parser = what.add_parser("losses", help="last, best and held-out losses of training runs, or losses at a step")
    parser.add_argument("voices", nargs="*", metavar="VOICE", help="runs to compare (all)")
    parser.add_argument("--at", type=int, metavar="STEP", help="also the loss at this step")
    parser.add_argument(
        "--smoothing",
        type=float,
        default=100,
        metavar="STEPS",
        help="average over this many steps; 0 for each step as measured (100)",
    )
    parser.add_argument("--csv", metavar="FILE", help="also write the table as CSV")
    parser.add_argument("--curves", metavar="FILE", help="also write all losses step by step as CSV")
    parser.add_argument("--figure", metavar="FILE.html", help="also write the curves as a web page")
    parser.add_argument(
        "--show",
        choices=("loss", "spectral_loss", "f0_cents", "loudness_db", "timbre_db"),
        default="loss",
        help="what --figure shows: the loss, or a measure on held-out windows (loss)",
    )
    parser.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Compare, and write what was asked for."""
    from ddsing.experiments.curves import numbers, tables
    from ddsing.experiments.curves import runs as space

    workspace = open_workspace(args.workspace)
    runs = [space.load(workspace, name) for name in args.voices or space.names(workspace)]
    rows = [numbers.summary(run, at=args.at, smoothing_steps=args.smoothing) for run in runs]
    for path, content in ((args.csv, tables.table_csv(rows)), (args.curves, tables.curves_csv(runs))):
        if path:
            with writing(path):
                write_atomic(Path(path), content.encode())
    if args.figure:
        with writing(args.figure):
            write_atomic(Path(args.figure), _page(runs, args).encode())
    return {"at": args.at, "smoothing_steps": args.smoothing, "trainings": [row.to_json() for row in rows]}


def _page(runs: Sequence[Run], args: argparse.Namespace) -> str:
    from ddsing.plots import curves, trainings

    document, _ = trainings.figure(runs, args.show, args.smoothing, at=args.at)
    return curves.to_html(document, f"{curves.MEASURES[args.show][0]} over training steps".capitalize())


def text(document: dict) -> str:
    """The document for a person."""
    if not document["trainings"]:
        return "No training runs in this workspace yet."
    head = ["run", "model", "steps", "last", "best", "at step"]
    names = ["voice", "family", "steps", "last", "best", "best_step"]
    if document["at"] is not None:
        head.append(f"at {document['at']:,}")
        names.append("at")
    head += ["held-out", "cents", "dB", "timbre"]
    names += ["spectral_loss", "f0_cents", "loudness_db", "timbre_db"]
    table = [head, *([_cell(row[name]) for name in names] for row in document["trainings"])]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in table
    )


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
