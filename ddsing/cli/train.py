"""``train``: teach an instrument a voice, here or in the background."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ddsing.cli import background
from ddsing.constants import TRACKERS
from ddsing.errors import Diverged, SettingsError
from ddsing.units import format_duration, format_range
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ddsing.training.recipe import Recipe

_NUMBERS = {
    "--steps": (
        "steps",
        int,
        "total steps, including earlier runs (as in the model's file: 40,000 for singing)",
    ),
    "--batch-size": ("batch_size", int, "windows per step (32 for singing)"),
    "--save-every": ("save_every", int, "steps between checkpoints (250 for singing)"),
    "--learning-rate": ("learning_rate", float, "Adam's step size (0.0003 for singing)"),
    "--learning-rate-end": (
        "lr_end",
        float,
        "share of the step size that is left at the last step, 1 for all of it (falls by 2 %% every 10,000 steps)",
    ),
    "--harmonics": ("n_harmonics", int, "harmonics of the model (100 for singing)"),
    "--noise-bands": ("n_noise_bands", int, "bands of its noise filter (65 for singing)"),
    "--z-width": (
        "z_dims",
        int,
        "for models that follow timbre: how many numbers describe it; fewer let less of the recording's singer through "
        "(16 for singing_z)",
    ),
    "--head-start-steps": (
        "head_start_steps",
        int,
        "steps that first learn how loud harmonics and noise are (300 for the small models, else 0)",
    ),
    "--seed": ("seed", int, "random seed for initial weights, order of windows and noise (0)"),
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "train", help="train a voice's instrument; continues automatically from its last checkpoint"
    )
    parser.add_argument("voice", metavar="VOICE")
    parser.add_argument(
        "--config", help="a file of gin/models, such as singing_small (the one it was started with, or singing)"
    )
    parser.add_argument(
        "--preset",
        choices=("hour", "overnight"),
        help="as many steps as fit into an hour or eight on this computer, all included, with the way of teaching that "
        "measured best; other options win over it",
    )
    for option, (field, kind, what) in _NUMBERS.items():
        parser.add_argument(option, dest=field, type=kind, metavar="N", help=what)
    parser.add_argument(
        "--z-rate",
        dest="z_time_steps",
        type=int,
        choices=(125, 250, 500),
        help="for models that follow timbre: how often in 4 seconds; 125 follows vowels, 500 nearly consonants "
        "(125 for singing_z)",
    )
    parser.add_argument(
        "--macro",
        dest="macros",
        action="append",
        metavar="NAME=VALUE",
        help="another way of teaching, described in gin/optimization/base.gin: loss_mel, loss_random, "
        "loudness_augmentation_db, z_noise, z_dropout or room_ms, all off at 0; can be repeated",
    )
    parser.add_argument(
        "--voicing",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="let the model also hear how sure the pitch is, so that it can distinguish breath and consonants from "
        "notes; such an instrument can't be taken back to the 2021 notebooks (no)",
    )
    parser.add_argument(
        "--centred-frames",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="align pitch and loudness with the audio, not up to 32 ms early as in ddsp's preparation (yes)",
    )
    parser.add_argument(
        "--full-band",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="give the instrument a top, so that it sings up to 24 kHz, at 48 kHz: made from the voice's recordings at "
        "44.1 or 48 kHz after training, and at each export of this run (only where the instrument had one before)",
    )
    parser.add_argument(
        "--mixed-precision", action="store_true", help="compute in 16 bits where possible; faster on recent GPUs"
    )
    parser.add_argument(
        "--export",
        choices=("chosen", "latest", "best"),
        default="chosen",
        help="which checkpoint becomes the instrument: the latest unless timbre, pitch, loudness or harmonics got "
        "worse (chosen), the latest in any case, or the one with the lowest loss; `instrument make` can use "
        "any other",
    )
    parser.add_argument(
        "--tracker",
        choices=TRACKERS,
        help="pitch tracker, if the dataset needs preparing (the one used before, else full)",
    )
    background.add_option(parser)
    parser.set_defaults(func=run, text=background.or_text(text))


def run(args: argparse.Namespace) -> dict:
    """Train, or start the job that does."""
    from ddsing.dataset import voices
    from ddsing.training.recipe import Recipe

    workspace = open_workspace(args.workspace)
    recipe = Recipe.from_options({**vars(args), "macros": _macros(args.macros)})
    from ddsing.training import folder, job, preparing, presets

    voice = voices.get(workspace, args.voice).name  # one that is not there is said here, not in the job
    recipe = presets.recipe(workspace, voice, args.preset, recipe) if args.preset else recipe
    source = folder.locate(workspace, voice).source
    recipe = replace(recipe, tracker=preparing.tracker(source, recipe))
    if not background.wanted(args):
        return _foreground(workspace, voice, recipe)
    return background.start(workspace, job.order(voice, recipe), args)


def _macros(given: list[str] | None) -> dict[str, float] | None:
    if not given:
        return None
    pairs = [entry.partition("=") for entry in given]
    try:
        return {name: float(value) for name, _, value in pairs}
    except ValueError:
        raise SettingsError(f"--macro is {given[0][:80]!r}; write for example loss_mel=0.5.") from None


def _foreground(workspace: Workspace, voice: str, recipe: Recipe) -> dict:
    from ddsing.cli.progress import Printer, stop_on_signal
    from ddsing.cli.quiet import load_tensorflow
    from ddsing.cli.turn import turn
    from ddsing.training import folder
    from ddsing.training import run as runs

    with folder.held(folder.locate(workspace, voice).path, voice):
        pass  # who trains the same voice already is not waited for
    print(_expectation(workspace, voice, recipe), file=sys.stderr)
    with turn():
        began = time.monotonic()
        load_tensorflow()
        with stop_on_signal() as should_stop, _option_said(workspace, voice):
            outcome = runs.train(workspace, voice, recipe, report=Printer(), should_stop=should_stop)
    if outcome.stopped:
        done = f"and saved after step {outcome.step:,}" if outcome.step else "before the first step"
        print(f"Stopped {done}. Run the same command again to continue.", file=sys.stderr)
        raise KeyboardInterrupt
    return {**asdict(outcome), "seconds": round(time.monotonic() - began, 1)}


@contextlib.contextmanager
def _option_said(workspace: Workspace, voice: str) -> Iterator[None]:
    """Where a training diverges, name the option that helps."""
    from ddsing.training import divergence, folder

    try:
        yield
    except Diverged as error:
        rate = divergence.lower_learning_rate(folder.locate(workspace, voice).path)
        raise Diverged(f"{error} Use --learning-rate{'' if rate is None else f' {rate:g}'}.") from None


def _expectation(workspace: Workspace, voice: str, recipe: Recipe) -> str:
    """How long it will take, in a sentence."""
    from ddsing.jobs import paces, time_left
    from ddsing.training import checkpoints, estimate, folder, preparing
    from ddsing.training.recipe import resolved

    where = folder.locate(workspace, voice)
    path = where.path
    how = folder.begun(path)
    if how is not None and not how.recipe:  # of 2021, whose model is none of ours
        return "Continuing a run of the 2021 notebooks."
    recipe = recipe.merged(how.recipe) if how else recipe
    steps = resolved(recipe).steps
    done = max((checkpoint.step for checkpoint in checkpoints.published(path)), default=0)
    expected_s, why = estimate.seconds(workspace, recipe, done=done)
    first = ""
    if preparing.needed(where.source):
        first_s, tracker = preparing.seconds(where.source, recipe), preparing.tracker(where.source, recipe)
        expected_s += first_s
        first = f" Prepares the dataset first, with the {tracker} tracker: about {format_duration(max(1.0, first_s))}."
    if recipe.full_band:
        expected_s += estimate.top_seconds(paces.of(workspace), where.source)
    left = format_range(*time_left.around(expected_s))
    return f"About {left} to step {steps:,}{f' from step {done:,}' if done else ''} ({why}).{first}"


def text(document: dict) -> str:
    """The document for a person."""
    said = (
        f"Trained to step {document['step']:,} in {format_duration(document['seconds'])}. The instrument "
        f"{document['instrument_name']!r} is from step {document['exported_step']:,}. {document['exported_why']}"
    )
    return " ".join(filter(None, [said, document["top"]]))
