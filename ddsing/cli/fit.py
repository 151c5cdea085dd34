"""``fit``: how much of a recording lies in an instrument's range, and the shifts that fit best, before a transfer."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddsing.cli.quiet import native_messages_hidden
from ddsing.constants import TRACKERS
from ddsing.sound import kinds
from ddsing.workspace import open_workspace


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    help_text = "how much of a recording is inside an instrument's range, and the best shifts"
    parser = commands.add_parser("fit", help=help_text)
    parser.add_argument("audio", metavar="AUDIO", help=f"a recording: {kinds.WORDS}")
    parser.add_argument("--instrument", required=True, metavar="NAME|ZIP")
    parser.add_argument(
        "--tracker", choices=TRACKERS, default="tiny", help="tracker if the recording isn't analysed yet (tiny)"
    )
    parser.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Analyse the recording, which a transfer with the same tracker then need not do again, and read the fit."""
    from ddsing.instrument import models
    from ddsing.sound import audio, features
    from ddsing.transfer import fit

    workspace = open_workspace(args.workspace)
    instrument = models.find(workspace, args.instrument)
    with native_messages_hidden():
        recording = audio.read(Path(args.audio))
    cache = features.FeatureCache(workspace.cache / "features")
    found = features.extract(
        recording.audio, tracker=args.tracker, generation=instrument.config.generation, cache=cache
    )
    known = instrument.statistics is not None
    reading = fit.measure(found, instrument.statistics).to_json()
    return {"instrument": instrument.name, "known": known, "warnings": list(recording.remarks), **reading}


def text(document: dict) -> str:
    """The document for a person."""
    if not document["known"]:
        return f"{document['instrument']} has no training ranges to compare with."
    if document["inside_share"] is None:
        return "\n".join(["No singing found in this recording, so there is nothing to fit.", *document["warnings"]])
    said = (
        f"{document['inside_share']:.0%} of the singing is inside the range of {document['instrument']} "
        f"(pitch {document['pitch_inside']:.0%}, loudness {document['loudness_inside']:.0%}). Best fit: "
        f"--octave-shift {document['octave_shift']} --loudness-shift {document['loudness_shift_db']:g}"
    )
    if document["transpose"] != 12 * document["octave_shift"]:
        said += f"; in another key, --transpose {document['transpose']}"
    return "\n".join([said, *document["warnings"]])
