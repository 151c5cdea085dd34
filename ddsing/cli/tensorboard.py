"""``tensorboard``: TensorBoard on the workspace's trainings, until Ctrl+C."""

import argparse
import sys
import time

from ddsing.units import format_duration


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "tensorboard",
        help="opens TensorBoard on the curves of all trainings, or of some",
        description="Runs TensorBoard on this computer only, until Ctrl+C. Trainings that begin meanwhile appear by "
        "themselves unless some are named.",
    )
    command.add_argument("voices", nargs="*", metavar="VOICE", help="trainings to show; all of them, if not named")
    command.add_argument("--port", type=int, default=6006, metavar="P", help="where it listens; 0 for any free (6006)")
    command.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Serve until a signal comes."""
    from ddsing.training import board
    from ddsing.workspace import open_workspace

    document: dict = {}

    def tell(address: str, n_runs: int) -> None:
        document.update(address=address, runs=n_runs)
        shows = f"{n_runs} trainings" if n_runs > 1 else "one training"
        print(f"TensorBoard shows {shows} at {address}; Ctrl+C ends it.", file=sys.stderr, flush=True)

    began_s = time.monotonic()
    board.serve(open_workspace(args.workspace), args.voices, port=args.port, ready=tell)
    return {**document, "seconds": round(time.monotonic() - began_s, 1)}


def text(document: dict) -> str:
    """That it has ended."""
    return f"TensorBoard has ended after {format_duration(document['seconds'])}."
