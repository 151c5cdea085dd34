"""``resynthesise``: recordings that a training has not heard, and what its model makes of them."""

import argparse
from pathlib import Path

from ddsing.cli.writing import writing
from ddsing.files import write_atomic
from ddsing.workspace import open_workspace


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("resynthesise", help="originals and reconstructions, and how far apart they are")
    parser.add_argument("voice", metavar="VOICE")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the sounds; created if needed")
    parser.add_argument(
        "--window", type=int, action="append", metavar="N", help="which window; can be repeated (three)"
    )
    parser.add_argument(
        "--step", default="chosen", metavar="N", help="which checkpoint: chosen, latest, best or a step (chosen)"
    )
    parser.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Compare, and write both sounds of each window."""
    import numpy as np

    from ddsing.sound import audio
    from ddsing.training import choice, sanity

    workspace = open_workspace(args.workspace)
    step = choice.named(args.step)
    out = Path(args.out)
    compared = sanity.check(workspace, args.voice, windows=tuple(args.window) if args.window else None, step=step)
    with writing(args.out, "choose another folder with --out"):
        out.mkdir(parents=True, exist_ok=True)
        for one in compared:
            for name in ("original", "reconstruction"):
                write_atomic(out / f"window-{one.window}-{name}.wav", audio.encode(getattr(one, name)))
    cents = [one.f0_cents for one in compared if one.f0_cents is not None]
    return {
        "voice": args.voice,
        "out": args.out,
        "step": compared[0].step,
        "held_out": compared[0].held_out,
        "windows": [one.distances() for one in compared],
        "spectral_loss": float(np.mean([one.spectral_loss for one in compared])),
        "f0_cents": float(np.mean(cents)) if cents else None,
        "loudness_db": float(np.mean([one.loudness_error_db for one in compared])),
    }


def text(document: dict) -> str:
    """The document for a person."""
    kind = "held-out windows" if document["held_out"] else "training windows (none are held out)"
    lines = [f"Step {document['step']:,} on {kind}, written to {document['out']}:"]
    for one in [*document["windows"], {**document, "window": "mean", "loudness_error_db": document["loudness_db"]}]:
        cents = "no pitch" if one["f0_cents"] is None else f"{one['f0_cents']:.1f} cents"
        name = f"window {one['window']}" if one["window"] != "mean" else "mean"
        lines.append(f"  {name}: spectral loss {one['spectral_loss']:.3f}, {cents}, {one['loudness_error_db']:.2f} dB")
    return "\n".join(lines)
