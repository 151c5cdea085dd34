"""``compare parameters``: the cells of a sweep side by side, in numbers and as a page to hear."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.cli import actions
from ddsing.cli.writing import writing
from ddsing.errors import SettingsError, TrainingError
from ddsing.experiments.sweep.parameters import PARAMETERS
from ddsing.files import write_atomic
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ddsing.experiments.sweep.results import Result

_MEASURES = {
    "loss": "loss",
    "held_out": "held-out",
    "timbre": "timbre",
    "parameters": "weights",
    "seconds": "s per step",
}


def add_to(what: argparse._SubParsersAction) -> None:
    """Add the subcommand to those of ``compare``."""
    parser = actions.action(what, "parameters", run, text, "the runs of a sweep: losses, sizes, speeds, sounds")
    parser.add_argument("voice", metavar="VOICE", help="the voice that the sweep was made with")
    parser.add_argument("--at", type=int, metavar="STEP", help="compare at this step (the last)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME=V",
        help=f"only runs with this value of {', '.join(PARAMETERS)}",
    )
    parser.add_argument("--page", metavar="FILE.html", help="also write a web page with the sound of each run")
    parser.add_argument("--sing", metavar="AUDIO", help="recording to sing on the page (a built-in phrase)")


def run(args: argparse.Namespace) -> dict:
    """Read the cells, and write the page if it is asked for."""
    from ddsing.experiments.curves.numbers import DEFAULT_SMOOTHING_STEPS
    from ddsing.experiments.sweep import results

    workspace = open_workspace(args.workspace)
    found = [cell for cell in results.cells(workspace, args.voice) if cell.steps and _is(cell, args.only)]
    if not found:
        known = ", ".join(results.swept(workspace)) or "none yet"
        raise TrainingError(f"No matching runs in a sweep of {args.voice[:80]!r}; voices with a sweep: {known}.")
    step = max(cell.steps for cell in found) if args.at is None else args.at
    if args.page:
        out, content = actions.require_folder(args.page), _page(workspace, args, found, step)
        with writing(args.page):
            write_atomic(out, content.encode())
    return {
        "voice": args.voice,
        "step": step,
        "cells": [
            {"name": cell.name, "steps": cell.steps, "values": dict(cell.values)}
            | {one: results.value(cell, one, step=step, smoothing_steps=DEFAULT_SMOOTHING_STEPS) for one in _MEASURES}
            for cell in found
        ],
    }


def _is(cell: Result, only: Sequence[str]) -> bool:
    from ddsing.experiments.sweep.grid import parsed_values

    for entry in only:
        name, _, value = entry.partition("=")
        if name not in PARAMETERS or len(parsed_values(name, value)) != 1:
            raise SettingsError(f"--only is {entry[:80]!r}; write for example n_harmonics=60.")
        if cell.values.get(name) != parsed_values(name, value)[0]:
            return False
    return True


def _page(workspace: Workspace, args: argparse.Namespace, found: Sequence[Result], step: int) -> str:
    from ddsing.experiments.sweep import page, results
    from ddsing.sound import audio

    axes = {name: values for name, values in results.axes(found).items() if len(values) > 1} or results.axes(found)
    if len(axes) > 2:
        raise SettingsError(
            f"A page has only rows and columns, but these runs differ in {', '.join(axes)}. Choose a value with --only."
        )
    names = list(axes)
    rows = (names[0], axes[names[0]]) if len(names) > 1 else ("", [0.0])
    columns = (names[-1], axes[names[-1]])
    _, cells = results.matrix(found, rows, columns, "loss", step=step)
    heard = audio.decode(Path(args.sing)) if args.sing else None

    def sound(cell: Result) -> tuple[bytes, int]:
        at = results.nearest_step(cell, step)
        sung = results.phrase(workspace, cell, at) if heard is None else results.sing(workspace, cell, at, heard)
        return sung, at

    phrase = Path(args.sing).name if args.sing else "Built-in phrase"
    return page.examples(args.voice, rows, columns, cells, phrase=phrase, sound=sound)


def text(document: dict) -> str:
    """The document for a person."""
    rows = [["training", "steps", *_MEASURES.values()]]
    for cell in document["cells"]:
        rows.append([cell["name"], f"{cell['steps']:,}", *(_cell(cell[one]) for one in _MEASURES)])
    return actions.table(rows, right=(1, 2, 3, 4, 5))


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
