"""``features``: f0, confidence and loudness of a recording, as arrays."""

import argparse
import time
from pathlib import Path

from ddsing.cli.quiet import native_messages_hidden
from ddsing.cli.writing import writing
from ddsing.constants import TRACKERS
from ddsing.errors import FeaturesError
from ddsing.files import write_arrays, write_atomic
from ddsing.sound import kinds
from ddsing.units import format_duration
from ddsing.workspace import open_workspace


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("features", help="pitch, confidence and loudness of a recording")
    parser.add_argument("audio", metavar="AUDIO", help=f"a recording: {kinds.WORDS}")
    parser.add_argument(
        "--out",
        required=True,
        metavar="F.npz|F.csv|F.mid",
        help="the arrays f0_hz, f0_confidence, loudness_db; a table that `transfer --f0` takes; or the notes",
    )
    parser.add_argument("--tracker", choices=TRACKERS, default="full")
    parser.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Extract and write the features: float32 at 250 frames a second, loudness of generation 3."""
    from ddsing.sound import audio as recordings
    from ddsing.sound import features
    from ddsing.sound.curve.contour import Curve
    from ddsing.transfer import edited

    out = Path(args.out)
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise FeaturesError(f"{args.out!r} is a folder, or its folder does not exist. Choose another file with --out.")
    workspace = open_workspace(args.workspace)
    began = time.monotonic()
    with native_messages_hidden():
        recording = recordings.read(Path(args.audio))
    cache = features.FeatureCache(workspace.cache / "features")
    found = features.extract(recording.audio, tracker=args.tracker, cache=cache)
    with writing(args.out, "choose another file with --out"):
        if out.suffix.lower() in edited.SUFFIXES:
            write_atomic(out, edited.write(out.name, Curve.of(found), found.loudness_db))
        else:
            write_arrays(out, f0_hz=found.f0_hz, f0_confidence=found.f0_confidence, loudness_db=found.loudness_db)
    return {
        "out": args.out,
        "tracker": args.tracker,
        "n_frames": len(found.f0_hz),
        "seconds": round(time.monotonic() - began, 3),
        "reused": found.reused,
        "warnings": list(recording.remarks),
    }


def text(document: dict) -> str:
    """The document for a person."""
    how = "reused" if document["reused"] else "analysed"
    took = format_duration(document["seconds"])
    lines = [f"{document['n_frames']} frames {how} in {took}, written to {document['out']}"]
    return "\n".join(lines + document["warnings"])
