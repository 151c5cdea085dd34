"""``latent``: where a voice's timbre lies, for instruments that listen to it: look, keep, hear."""

from __future__ import annotations

import argparse
import io
import math
from typing import TYPE_CHECKING

from ddsing.cli import actions
from ddsing.cli.writing import writing
from ddsing.errors import SettingsError
from ddsing.files import write_atomic
from ddsing.transfer.settings import MAX_Z_SHIFT
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    import numpy as np

    from ddsing.instrument import Instrument
    from ddsing.latent.points import Points
    from ddsing.model.latent_space import LatentSpace


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``latent`` and its actions to the command line."""
    family = actions.family(
        subparsers, "latent", "the timbre map of a voice: view it, save it to the instrument, listen to it"
    )
    actions.action(family, "list", _list, _list_text, "instruments that follow timbre, and their timbre maps")
    points = actions.action(family, "points", _points, _points_text, "points and directions of the map")
    render = actions.action(
        family, "render", _render, _render_text, "a built-in phrase with a timbre from the map, as WAV"
    )
    keep = actions.action(family, "keep", _keep, _keep_text, "save the timbre map to an instrument")
    for action in (points, render, keep):
        action.add_argument("name", metavar="INSTRUMENT")
        action.add_argument("--voice", help="voice whose dataset to use (the one the instrument was trained on)")
    points.add_argument("--csv", metavar="FILE", help="also write all points as a CSV table")
    render.add_argument("--out", required=True, metavar="OUT.wav")
    render.add_argument("--point", type=int, metavar="N", help="timbre of this point, from 1 (the voice's average)")
    render.add_argument("--to", type=int, metavar="M", help="morph from point N to point M")
    render.add_argument(
        "--shift",
        action="append",
        default=[],
        metavar="K=S",
        help="shift the timbre along the K-th direction by S standard deviations; can be repeated",
    )
    render.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the noise (0)")


def _opened(args: argparse.Namespace) -> tuple[Instrument, LatentSpace, Points | None]:
    from ddsing.instrument import models
    from ddsing.instrument.library import Library
    from ddsing.latent import instruments

    workspace = open_workspace(args.workspace)
    instrument = Library(workspace).get(args.name)
    return (instrument, *instruments.explored(workspace, instrument, models.shared(), voice=args.voice))


def _list(args: argparse.Namespace) -> dict:
    from ddsing.instrument.library import Library

    found = [entry for entry in Library(open_workspace(args.workspace)).list() if entry.config and entry.config.z]
    return {
        "instruments": [
            {"name": entry.name, "voice": entry.provenance.voice, "knows": _space(entry.latent)} for entry in found
        ]
    }


def _space(known: LatentSpace | None) -> dict | None:
    return None if known is None else {"dimensions": len(known.mean), "explained": known.explained.tolist()}


def _list_text(document: dict) -> str:
    lines = [f"{one['name']}: {_said(one['knows'])}" for one in document["instruments"]]
    return "\n".join(lines) or "No instrument follows timbre yet; that takes one trained with an encoder."


def _said(known: dict | None) -> str:
    if known is None:
        return "has no timbre map; save one with `latent keep`"
    shares = ", ".join(f"{share:.0%}" for share in known["explained"][:3])
    return f"{known['dimensions']} dimensions; the first directions explain {shares} of the variance"


def _points(args: argparse.Namespace) -> dict:
    instrument, known, points = _opened(args)
    rows = [] if points is None else _rows(known, points)
    if args.csv:
        if points is None:
            raise SettingsError("Without a dataset there are no points to write. Choose a prepared voice with --voice.")
        with writing(args.csv):
            write_atomic(actions.require_folder(args.csv), _table(rows).encode())
    return {
        "name": instrument.name,
        "knows": _space(known),
        "in_the_instrument": instrument.latent is not None,
        "points": rows,
    }


def _rows(known: LatentSpace, points: Points) -> list[dict]:
    places = known.project(points.z)
    return [
        {
            "point": number + 1,
            "file": str(points.file[number]),
            "window": int(points.row[number]),
            "start_s": float(points.start_s[number]),
            "f0_hz": None if math.isnan(points.f0_hz[number]) else float(points.f0_hz[number]),
            "loudness_db": float(points.loudness_db[number]),
            "directions": places[number].tolist(),
        }
        for number in range(len(points.z))
    ]


def _table(rows: list[dict]) -> str:
    import csv

    from ddsing.experiments.comparison.differences import spreadsheet_text

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = ("point", "file", "window", "start_s", "f0_hz", "loudness_db")
    writer.writerow([*names, *(f"direction_{n + 1}" for n in range(len(rows[0]["directions"]) if rows else 0))])
    for row in rows:
        cells = [row[name] for name in names]
        cells[1] = spreadsheet_text(row["file"])
        writer.writerow(["" if cell is None else cell for cell in (*cells, *row["directions"])])
    return buffer.getvalue()


def _points_text(document: dict) -> str:
    number = f"{len(document['points'])} points" if document["points"] else "no dataset, so no points"
    return f"{document['name']}: {_said(document['knows'])}; {number}."


def _render(args: argparse.Namespace) -> dict:
    from ddsing.instrument import models
    from ddsing.latent import sound

    out, shifts = actions.require_folder(args.out), _shifts(args.shift)
    instrument, known, points = _opened(args)
    if args.to is not None and args.point is None:
        raise SettingsError("--to morphs from one point to another. Choose the first with --point.")
    moved = known.offset(shifts)
    first = (known.mean if args.point is None else _z_of(points, args.point)) + moved
    last = None if args.to is None else _z_of(points, args.to) + moved
    content = sound.sing(models.shared().get(instrument)[0], instrument, first, last, seed=args.seed)
    with writing(args.out):
        write_atomic(out, content)
    return {"name": instrument.name, "out": args.out, "point": args.point, "to": args.to, "shift": shifts}


def _z_of(points: Points | None, number: int) -> np.ndarray:
    if points is None:
        raise SettingsError("Without a dataset there are no points. Choose a prepared voice with --voice.")
    if not 1 <= number <= len(points.z):
        raise SettingsError(f"No point {number}; the points are 1 to {len(points.z)}.")
    return points.z[number - 1]


def _shifts(said: list[str]) -> list[float]:
    from ddsing.model.latent_space import MAX_DIRECTIONS

    found = [0.0] * MAX_DIRECTIONS
    for entry in said:
        number, _, amount = entry.partition("=")
        try:
            place, value = int(number) - 1, float(amount)
        except ValueError:
            place, value = -1, 0.0
        if not 0 <= place < MAX_DIRECTIONS or not abs(value) <= MAX_Z_SHIFT:
            raise SettingsError(
                f"--shift is {entry[:80]!r}; write for example 1=+1.5, with 1 to {MAX_DIRECTIONS} before the =, and "
                f"up to {MAX_Z_SHIFT:g} after it."
            )
        found[place] = value
    return found


def _render_text(document: dict) -> str:
    return f"Phrase of {document['name']} written to {document['out']}."


def _keep(args: argparse.Namespace) -> dict:
    from ddsing.instrument.library import Library

    library = Library(open_workspace(args.workspace))
    seen = library.find(args.name)  # before its voice's z is computed
    instrument, known, points = _opened(args)
    entry = library.put_latent(
        instrument.name, points.space if points else known, places=points.places if points else None, seen=seen
    )
    return {"name": entry.name, "knows": _space(entry.latent)}


def _keep_text(document: dict) -> str:
    return f"Timbre map saved to {document['name']}: {_said(document['knows'])}."
