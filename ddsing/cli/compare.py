"""``compare``: takes, and what trainings have left behind, side by side.

Each ``_add_…`` adds one of its subcommands, which are families of their own in the modules that do the work.
"""

import argparse
from pathlib import Path

from ddsing.cli import compare_losses, compare_more, compare_parameters


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add ``compare`` and its subcommands."""
    parser = commands.add_parser("compare", help="takes, training runs, parameters and tests side by side")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_takes(what)
    compare_more.add_to(what)
    compare_losses.add_to(what)
    compare_parameters.add_to(what)


def _add_takes(what: argparse._SubParsersAction) -> None:
    parser = what.add_parser("takes", help="settings that differ, and how close each take is to its target")
    parser.add_argument("ids", nargs="+", metavar="ID", help="ids or names of takes, see `takes list`")
    parser.add_argument(
        "--complete", action="store_true", help="add pitch accuracy and voicing to takes measured by older versions"
    )
    parser.add_argument(
        "--with-voices",
        action="store_true",
        help="for morphs, also takes of their recording with each instrument alone",
    )
    parser.add_argument("--csv", metavar="FILE", help="also write the metrics as a CSV table")
    parser.set_defaults(func=_takes, text=_takes_text)


def _takes(args: argparse.Namespace) -> dict:
    from ddsing.experiments.comparison import differences, measure, selection
    from ddsing.sound.features import FeatureCache
    from ddsing.transfer.takes import TakeStore
    from ddsing.workspace import open_workspace

    workspace = open_workspace(args.workspace)
    takes = selection.named(workspace, args.ids)
    if args.with_voices:
        takes += [take for morphed in takes for take in selection.pure_voices(TakeStore(workspace).list(), morphed)]
        takes = list({take.id: take for take in takes}.values())
    cache = FeatureCache(workspace.cache / "features")
    rows = differences.table(takes)
    measured = [measure.measure(take, complete=args.complete, cache=cache) for take in takes]
    if args.csv:
        _write_table(Path(args.csv), differences.to_csv(takes, measured))
    return {
        "takes": [
            {
                "id": take.id,
                "name": take.name,
                "settings": take.settings.to_json(),
                "metrics": metrics.to_json(),
            }
            for take, metrics in zip(takes, measured)
        ],
        "differences": [{"label": row.label, "values": list(row.values)} for row in rows if row.differs],
    }


def _write_table(path: Path, content: str) -> None:
    from ddsing.errors import TakeError
    from ddsing.files import write_atomic

    try:
        write_atomic(path, content.encode())
    except OSError as error:
        raise TakeError(f"{str(path)[:200]!r} can't be written: {error.strerror}.") from None


def _takes_text(document: dict) -> str:
    from ddsing.experiments.comparison import differences
    from ddsing.experiments.comparison.measure import Metrics

    takes = document["takes"]
    measured = [Metrics.from_json(take["metrics"]) for take in takes]
    rows = [["Take", *(take["name"] for take in takes)]]
    rows += [[row["label"], *row["values"]] for row in document["differences"]]
    rows += [
        [differences.METRICS[field][0], *(differences.metric(field, one) for one in measured)]
        for field in differences.metric_fields(measured)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
