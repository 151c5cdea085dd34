"""``train``: teach an instrument a voice, here or in the background."""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

from ddsing.errors import Diverged
from ddsing.units import format_duration
from ddsing.workspace import open_workspace

_PRINT_S = 5.0
_NUMBERS = {
    "--steps": (
        "steps",
        int,
        "to train in all, those of earlier runs included (as the model's file says: 40,000 for singing)",
    ),
    "--batch-size": ("batch_size", int, "windows in a step (32 for singing)"),
    "--save-every": ("save_every", int, "steps between two checkpoints (250 for singing)"),
    "--learning-rate": ("learning_rate", float, "Adam's step size (0.0003 for singing)"),
    "--harmonics": ("n_harmonics", int, "sinusoids of the model (100 for singing)"),
    "--noise-bands": ("n_noise_bands", int, "bands of its noise filter (65 for singing)"),
    "--head-start-steps": (
        "head_start_steps",
        int,
        "first learn for so long how loud harmonics and noise are (300 for the small models, else 0)",
    ),
    "--seed": ("seed", int, "of first weights, order of windows, and noise (0)"),
}


def add_parser(commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("train", help="train a voice's instrument; goes on from its last checkpoint by itself")
    parser.add_argument("voice", metavar="VOICE")
    parser.add_argument(
        "--config", help="a file of gin/models, such as singing_small (the one that it was begun with, or singing)"
    )
    for option, (field, kind, what) in _NUMBERS.items():
        parser.add_argument(option, dest=field, type=kind, metavar="N", help=what)
    parser.add_argument(
        "--centred-frames",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="pitch and loudness stand where they were heard, not up to 32 ms early as in ddsp's preparation (yes)",
    )
    parser.add_argument("--mixed-precision", action="store_true", help="compute in 16 bits where that is faster")
    parser.add_argument(
        "--export", choices=("best", "latest"), default="best", help="which checkpoint becomes the instrument (best)"
    )
    parser.add_argument(
        "--tracker", choices=("full", "fast", "tiny"), default="full", help="pitch of a dataset not prepared yet"
    )
    parser.add_argument("--background", action="store_true", help="start it as a job and return at once")
    parser.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Train, or start the job that does."""
    from ddsing.training.recipe import Recipe

    workspace = open_workspace(args.workspace)
    recipe = Recipe.from_options(vars(args))
    return _background(workspace, args.voice, recipe) if args.background else _foreground(workspace, args.voice, recipe)


def _background(workspace, voice: str, recipe) -> dict:
    from ddsing.jobs import device
    from ddsing.jobs.store import JobStore
    from ddsing.training import folder, job

    folder.locate(workspace, voice)  # a voice that is not there is said here, not in the job
    status = JobStore(workspace).submit(**job.order(voice, recipe), device=device.name())
    return {"job": status.id, "state": status.state}


def _foreground(workspace, voice: str, recipe) -> dict:
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
        with _stop_on_signal() as should_stop, _option_said(workspace, voice):
            outcome = runs.train(workspace, voice, recipe, report=_Printer(), should_stop=should_stop)
    if outcome.stopped:
        done = f"after step {outcome.step:,}, and saved" if outcome.step else "before its first step"
        print(f"Stopped {done}; the same command goes on from there.", file=sys.stderr)
        raise KeyboardInterrupt
    return {**asdict(outcome), "seconds": round(time.monotonic() - began, 1)}


@contextlib.contextmanager
def _option_said(workspace, voice: str) -> Iterator[None]:
    """Where a training diverges, name the option that helps."""
    from ddsing.training import divergence, folder

    try:
        yield
    except Diverged as error:
        rate = divergence.lower_learning_rate(folder.locate(workspace, voice).path)
        raise Diverged(f"{error} The option is --learning-rate{'' if rate is None else f' {rate:g}'}.") from None


def _expectation(workspace, voice: str, recipe) -> str:
    """How long it will take, in a sentence."""
    from ddsing.training import checkpoints, estimate, folder
    from ddsing.training.recipe import resolved

    path = folder.locate(workspace, voice).path
    how = folder.begun(path)
    if how is not None and not how.recipe:  # of 2021, whose model is none of ours
        return "Going on with a training of the 2021 notebooks."
    recipe = recipe.merged(how.recipe) if how else recipe
    steps = resolved(recipe).steps
    done = max((checkpoint.step for checkpoint in checkpoints.published(path)), default=0)
    expected_s, why = estimate.seconds(workspace, recipe)
    left_s = format_duration(expected_s * max(0.0, 1.0 - done / steps))
    return f"About {left_s} to step {steps:,}{f' from step {done:,}' if done else ''} ({why})."


class _Printer:
    """Prints where a training is, a few times a minute and when its stage changes."""

    def __init__(self) -> None:
        self._printed, self._stage = 0.0, ""

    def __call__(self, progress) -> None:
        due = time.monotonic() - self._printed > _PRINT_S
        if not (due or progress.stage != self._stage and progress.stage != "saving"):
            return
        self._printed, self._stage = time.monotonic(), progress.stage
        print(self._line(progress), file=sys.stderr, flush=True)

    @staticmethod
    def _line(progress) -> str:
        if progress.stage in ("preparing", "loading", "head start"):
            share = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
            return f"{progress.message or progress.stage.capitalize()}{share}"
        line = f"Step {progress.step:,} of {progress.steps:,}"
        if progress.loss is not None:
            line += f", loss {progress.loss:.3f}"
        if progress.steps_per_s:
            left_s = (progress.steps - progress.step) / progress.steps_per_s
            line += f", {progress.steps_per_s:.2f} steps/s, {format_duration(left_s)} left"
        return line


@contextlib.contextmanager
def _stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM once: finish the step, save and stop. Ctrl-C again: at once, without saving.

    Where SIGINT was ignored from the start, by ``nohup`` or in the background of a script, it is meant for others.
    """
    asked = threading.Event()
    numbers = [signal.SIGTERM, *([] if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else [signal.SIGINT])]

    def ask(number, frame):
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()
        os.write(2, b"Finishing the step and saving; again to stop at once.\n")

    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def text(document: dict) -> str:
    """The document for a person."""
    if "job" in document:
        return f"Started as the job {document['job']}; `jobs show {document['job']}` tells how far it is."
    return (
        f"Trained to step {document['step']:,} in {format_duration(document['seconds'])}. The instrument "
        f"{document['instrument_name']!r} is that of step {document['exported_step']:,}."
    )
