"""``sweep``: train a voice once for every combination of some parameters' values."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from ddsing.cli import background
from ddsing.constants import TRACKERS
from ddsing.errors import SettingsError
from ddsing.experiments.sweep.parameters import ORIGINAL, PARAMETERS
from ddsing.units import format_bytes, format_range
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ddsing.experiments.sweep.grid import Cost, Sweep


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "sweep",
        help="train a voice with many combinations of harmonics and noise bands; resumes where it was stopped",
        description="Trains VOICE_h20_n10, VOICE_h20_n35, … on the dataset of VOICE. Finished runs are skipped.",
    )
    parser.add_argument("voice", metavar="VOICE")
    parser.add_argument(
        "--harmonics", type=int, nargs="+", metavar="H", help=f"numbers of harmonics ({_of_2021('n_harmonics')})"
    )
    parser.add_argument(
        "--noise-bands", type=int, nargs="+", metavar="N", help=f"numbers of noise bands ({_of_2021('n_noise_bands')})"
    )
    others = ", ".join(name for name in PARAMETERS if name not in ORIGINAL)
    parser.add_argument(
        "--vary", action="append", default=[], metavar="NAME=V,V,…", help=f"values of another parameter: {others}"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="steps of each run (as in the model's file)")
    parser.add_argument("--config", help="a file of gin/models (singing)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="windows per step (as in the model's file)")
    parser.add_argument("--save-every", type=int, metavar="N", help="steps between checkpoints")
    parser.add_argument(
        "--tracker",
        choices=TRACKERS,
        help="pitch tracker, if the dataset needs preparing (the one used before, else full)",
    )
    parser.add_argument(
        "--full-band",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="instruments exported from its runs get a top from the voice's recordings at 44.1 or 48 kHz (no)",
    )
    parser.add_argument("--cost", action="store_true", help="only estimate time and disk space")
    background.add_option(parser)
    parser.set_defaults(func=run, text=background.or_text(text))


def _of_2021(name: str) -> str:
    return " ".join(map(str, ORIGINAL[name]))


def run(args: argparse.Namespace) -> dict:
    """Say what it costs, then sweep, here or as a job."""
    from ddsing.dataset import voices
    from ddsing.experiments.sweep.grid import Sweep, cost
    from ddsing.training.recipe import Recipe

    workspace = open_workspace(args.workspace)
    voice = voices.get(workspace, args.voice).name
    sweep = Sweep(voice, axes(args), Recipe.from_options(vars(args)))
    expected = cost(workspace, sweep)
    document = {"voice": voice, "cells": [cell.name for cell in sweep.cells()], "cost": asdict(expected)}
    print(cost_text(expected), file=sys.stderr)
    if args.cost:
        return document
    if not background.wanted(args):
        return document | _foreground(workspace, sweep)
    from ddsing.experiments.sweep import job

    return document | background.start(workspace, job.order(workspace, sweep), args)


def axes(args: argparse.Namespace) -> dict[str, tuple[float, ...]]:
    """The values of each parameter; those of the original study where none are given."""
    from ddsing.experiments.sweep.grid import parsed_values

    chosen = {"n_harmonics": args.harmonics, "n_noise_bands": args.noise_bands}
    for text in args.vary:
        name, _, values = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in PARAMETERS or not values:
            raise SettingsError(f"--vary is {text[:80]!r}; write for example learning_rate=1e-3,3e-4.")
        chosen[name] = parsed_values(name, values)
    given = {name: tuple(values) for name, values in chosen.items() if values}
    return given or dict(ORIGINAL)


def cost_text(expected: Cost) -> str:
    """What a sweep takes, for a person."""
    from ddsing.jobs.time_left import around

    if not expected.n_left:
        return f"All {expected.n_cells} runs are done."
    done = expected.n_cells - expected.n_left
    said = f"{expected.n_left} run" + ("s" if expected.n_left > 1 else "")
    said += f" ({done} of {expected.n_cells} already done)" if done else ""
    how_long = format_range(*around(expected.seconds))
    return f"{said}: about {how_long} ({expected.why}) and {format_bytes(expected.n_bytes)}."


def _foreground(workspace: Workspace, sweep: Sweep) -> dict:
    from ddsing.cli.progress import Printer, stop_on_signal
    from ddsing.cli.quiet import load_tensorflow
    from ddsing.cli.turn import turn
    from ddsing.experiments.sweep import run as sweeps

    printer, at = Printer(), [""]

    def report(progress: sweeps.Progress) -> None:
        if progress.cell != at[0]:
            at[0] = progress.cell
            print(f"{progress.cell}, {progress.n} of {progress.n_cells}:", file=sys.stderr, flush=True)
        printer(progress.training)

    with turn():
        load_tensorflow()
        with stop_on_signal() as should_stop:
            outcome = sweeps.train(workspace, sweep, report=report, should_stop=should_stop)
    if outcome.stopped:
        print("Stopped and saved. Run the same command again to continue.", file=sys.stderr)
        raise KeyboardInterrupt
    return asdict(outcome)


def text(document: dict) -> str:
    """The document for a person."""
    if "trained" not in document:
        return "\n".join(document["cells"])
    lines = [f"{len(document['trained'])} trained, {len(document['skipped'])} already done."]
    lines += document["failed"].values()
    shown = " ".join(document["cells"][:3]) + (" …" if len(document["cells"]) > 3 else "")
    return "\n".join([*lines, f"Compare them with `compare losses {shown}`."])
