"""``tensorboard``: TensorBoard on the workspace's trainings, until Ctrl+C."""

import argparse
import sys
import time

from ddsing.units import format_duration


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "tensorboard",
        help="open TensorBoard with the curves of all or some training runs",
        description="Runs TensorBoard on this computer only, until Ctrl+C. New runs appear automatically "
        "unless you choose some.",
    )
    command.add_argument("voices", nargs="*", metavar="VOICE", help="runs to show (all)")
    command.add_argument(
        "--port", type=int, default=6006, metavar="P", help="port to listen on; 0 for any free port (6006)"
    )
    command.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Serve until a signal comes."""
    from ddsing.training import board
    from ddsing.workspace import open_workspace

    document: dict = {}

    def tell(address: str, n_runs: int) -> None:
        document.update(address=address, runs=n_runs)
        shows = f"{n_runs} runs" if n_runs > 1 else "one run"
        print(f"TensorBoard shows {shows} at {address}; stop it with Ctrl+C.", file=sys.stderr, flush=True)

    began_s = time.monotonic()
    board.serve(open_workspace(args.workspace), args.voices, port=args.port, ready=tell)
    return {**document, "seconds": round(time.monotonic() - began_s, 1)}


def text(document: dict) -> str:
    """That it has ended."""
    return f"TensorBoard stopped after {format_duration(document['seconds'])}."
