"""``transfer``: sing a recording with an instrument."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddsing.cli import background, pitch_edits, tuning
from ddsing.cli.asked import OFF, Asked, write_stems
from ddsing.cli.quiet import native_messages_hidden
from ddsing.cli.writing import writing
from ddsing.constants import TRACKERS
from ddsing.errors import AudioError, SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.sound import kinds
from ddsing.transfer.settings import RANGES, Settings
from ddsing.units import format_duration
from ddsing.workspace import open_workspace

OPTIONS = {
    "--mask-threshold": ("mask_threshold", float, "how sure the note detector must be"),
    "--attenuation": ("attenuation_db", float, "attenuation of the gaps between notes in dB, with --statistics"),
    "--autotune": ("autotune", float, "how far the pitch is moved to the nearest semitone, or note of the --scale"),
    "--autotune-speed": ("autotune_speed_ms", float, "time in which autotune draws the pitch to a note, in ms"),
    "--octave-shift": ("octave_shift", int, "octaves"),
    "--formant-shift": ("formant_shift", float, "semitones by which the vowels' resonances move; the pitch stays"),
    "--breath": ("breath_db", float, "how much louder the instrument's noise is beside its tone, in dB"),
    "--loudness-shift": ("loudness_shift_db", float, "dB"),
    "--keep-unvoiced": ("keep_unvoiced", float, "how far the recording's own consonants and breath are kept"),
    "--seed": ("seed", int, "seed of the noise"),
    "--pull": (
        "pull",
        float,
        "for instruments that follow timbre: how far to what the voice was trained on",
    ),
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("transfer", help="sing a recording with an instrument")
    parser.add_argument(
        "audio",
        metavar="AUDIO",
        nargs="+",
        help=f"a recording: {kinds.WORDS}; or several, or folders of them, which go to the folder --out",
    )
    parser.add_argument("--instrument", metavar="NAME|ZIP", help="required without --like")
    parser.add_argument(
        "--like",
        metavar="TAKE|FILE",
        help="use settings, tracker and instrument of a take, or of a file made by ddsing; other options override them",
    )
    parser.add_argument(
        "--out",
        metavar="OUT.wav|DIR",
        help="the result; of several recordings a folder, where what is done already is left as it is",
    )
    parser.add_argument(
        "--preset", metavar="NAME", help="start from a preset of the workspace; other options override it"
    )
    add_settings(parser)
    parser.add_argument(
        "--morph",
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help="sing with a mixture: this share of NAME, the rest of --instrument; or over time, NAME=0:0,8:1, "
        "from --instrument to NAME in 8 s; up to three times. Mixes amplitude and noise in dB, harmonics in shares",
    )
    pitch_edits.add_arguments(parser)
    background.add_option(parser)
    parser.add_argument("--stems", action="store_true", help="also write OUT_harmonic.wav and OUT_noise.wav")
    parser.add_argument("--controls", metavar="C.npz", help="also write the controls as used")
    parser.set_defaults(func=run, text=background.or_text(text))


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add what sets the tracker and the settings."""
    parser.add_argument("--tracker", choices=TRACKERS, help="(full)")
    parser.add_argument(
        "--use-statistics",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="match the loudness to what the instrument was trained on",
    )
    for option, (field, kind, what) in OPTIONS.items():
        low, high = RANGES[field]
        span = "" if field == "seed" else f", {low:g} to {high:g}"
        default = getattr(Settings(), field)
        parser.add_argument(option, dest=field, type=kind, help=f"{what}{span} ({default:g})")
    low, high = RANGES["gate_db"]
    parser.add_argument(
        "--gate-db",
        type=_gate,
        metavar="OFF|DB",
        help="silence what is this much softer than the loud parts of the recording, such as the noise in its pauses, "
        f"{low:g} to {high:g} dB; with or without the minus (OFF)",
    )
    tuning.add_options(parser)
    parser.add_argument(
        "--z-from",
        metavar="recording|FILE|mean",
        help="for instruments that follow timbre: take it from the recording, another file, or the voice's average "
        "(recording)",
    )
    parser.add_argument(
        "--z-shift",
        action="append",
        default=[],
        metavar="K=S",
        help="shift the timbre along the voice's K-th principal direction by S standard deviations; can be repeated",
    )
    parser.add_argument(
        "--band",
        choices=("full", "16k"),
        help="full: up to 24 kHz, as 48 kHz; 16k: up to 8 kHz, as 16 kHz (full if the instrument has a top)",
    )


def _gate(text: str) -> float | str:
    try:
        return OFF if text.lower() == OFF else -abs(float(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is neither OFF nor a number of dB such as -45") from None


def run(args: argparse.Namespace) -> dict:
    """Transfer, and write what was asked for."""
    from ddsing.cli import transfer_many
    from ddsing.transfer.takes import TakeStore

    if background.wanted(args):
        return transfer_many.start(args, OPTIONS)
    if args.out is None:
        raise SettingsError("Nothing to write; use --out for the sound, or --background to only keep the takes.")
    if transfer_many.wanted(args):
        return transfer_many.run(args, OPTIONS)
    asked, args.audio = Asked.of(args, OPTIONS), args.audio[0]
    out = Path(args.out)
    file_format = out.suffix[1:].upper()
    if file_format not in ("WAV", "FLAC"):
        raise SettingsError(f"--out is {args.out[:200]!r}; its name must end in .wav or .flac, or be a folder.")
    workspace = open_workspace(args.workspace)
    for path in (out, *([Path(args.controls)] if args.controls else [])):
        if not path.absolute().parent.is_dir():
            raise AudioError(f"The folder of {str(path)!r} does not exist. Create it or choose another file.")
    asked.check(workspace)
    with native_messages_hidden():
        take, settings = asked.sung(workspace, spelled(Path(args.audio)), keep_controls=bool(args.controls))
    with writing(args.out, f"the take {take.id} is kept"):
        write_atomic(out, TakeStore(workspace).export(take.id, file_format))
        if args.stems:
            write_stems(take, out)
        if args.controls:
            write_atomic(Path(args.controls), (take.folder / "controls.npz").read_bytes())
    return {
        "take": take.id,
        "out": args.out,
        "rate_hz": take.rate_hz,
        "seconds": take.seconds,
        "reused": list(take.reused),
        "fit": take.fit,
        "settings": take.settings.to_json(),
        "morph": take.morph.to_json() if take.morph else None,
        "pitch_edit": len(take.edit.steps) if take.edit else 0,
        "auto_transpose": settings.transpose if args.transpose == tuning.AUTO else None,
        "warnings": list(take.warnings),
    }


def text(document: dict) -> str:
    """The document for a person."""
    if "recordings" in document:
        from ddsing.cli import transfer_many

        return transfer_many.text(document)
    total = format_duration(sum(document["seconds"].values()))
    share = document["fit"]["inside_share"]
    inside = "there is nothing to fit" if share is None else f"{share:.0%} inside the instrument's range"
    lines = [f"Written to {document['out']} in {total}; {inside}."]
    if document["auto_transpose"] is not None:
        lines.append(f"Transposed by {document['auto_transpose']:+g} semitones.".replace("-", "−"))
    return "\n".join(lines + document["warnings"])
