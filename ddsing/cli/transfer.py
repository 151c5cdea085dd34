"""``transfer``: sing a recording with an instrument."""

import argparse
from pathlib import Path

from ddsing.cli.quiet import native_messages_hidden
from ddsing.constants import TRACKERS
from ddsing.errors import AudioError, SettingsError
from ddsing.experiments import TakeStore
from ddsing.transfer import morph, morphing, pipeline
from ddsing.transfer.settings import RANGES, Settings
from ddsing.units import format_duration
from ddsing.workspace import open_workspace, write_atomic

_OPTIONS = {
    "--mask-threshold": ("mask_threshold", float, "how clear a note must be"),
    "--attenuation": ("attenuation_db", float, "dB by which what is no note is quietened, with statistics"),
    "--autotune": ("autotune", float, "how far f0 is drawn to the semitones"),
    "--octave-shift": ("octave_shift", int, "octaves"),
    "--loudness-shift": ("loudness_shift_db", float, "dB"),
    "--seed": ("seed", int, "of the noise"),
}


def add_parser(commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("transfer", help="sing a recording with an instrument")
    parser.add_argument("audio", metavar="AUDIO")
    parser.add_argument("--instrument", required=True, metavar="NAME|ZIP")
    parser.add_argument("--out", required=True, metavar="OUT.wav")
    parser.add_argument("--tracker", choices=TRACKERS, default="full")
    parser.add_argument("--use-statistics", action="store_true", help="match the loudness of the instrument")
    for option, (field, kind, what) in _OPTIONS.items():
        low, high = RANGES[field]
        span = "" if field == "seed" else f", {low:g} to {high:g}"
        default = getattr(Settings(), field)
        parser.add_argument(option, dest=field, type=kind, default=default, help=f"{what}{span} ({default:g})")
    parser.add_argument(
        "--morph",
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help="sing with a mixture: this much of NAME, the rest of --instrument; or over time, NAME=0:0,8:1, which goes "
        "from --instrument to NAME in 8 s; up to three times. Amplitude and noise are mixed in dB, harmonics in shares",
    )
    parser.add_argument("--stems", action="store_true", help="also write OUT_harmonic.wav and OUT_noise.wav")
    parser.add_argument("--controls", metavar="C.npz", help="also write the controls as used")
    parser.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Transfer, and write what was asked for."""
    chosen = {field: getattr(args, field) for field, _, _ in _OPTIONS.values()}
    settings = Settings(use_statistics=args.use_statistics, **chosen)
    out = Path(args.out)
    file_format = out.suffix[1:].upper()
    if file_format not in ("WAV", "FLAC"):
        raise SettingsError(f"--out is {args.out[:200]!r}; its name must end in .wav or .flac.")
    workspace = open_workspace(args.workspace)
    for path in (out, *([Path(args.controls)] if args.controls else [])):
        if not path.absolute().parent.is_dir():
            raise AudioError(f"The folder of {str(path)!r} does not exist; make it or name another file.")
    options = {"tracker": args.tracker, "keep_controls": bool(args.controls)}
    with native_messages_hidden():
        if args.morph:
            mixture = morph.parse(args.instrument, args.morph)
            take = morphing.run(workspace, Path(args.audio), mixture, settings, **options)
        else:
            take = pipeline.run(workspace, Path(args.audio), args.instrument, settings, **options)
    try:
        write_atomic(out, TakeStore(workspace).export(take.id, file_format))
        if args.stems:
            for stem in ("harmonic", "noise"):
                content = (take.folder / f"{stem}.wav").read_bytes()
                write_atomic(out.with_name(f"{out.stem}_{stem}.wav"), content)
        if args.controls:
            write_atomic(Path(args.controls), (take.folder / "controls.npz").read_bytes())
    except OSError as error:
        raise AudioError(f"{args.out!r} can't be written: {error.strerror}; the take {take.id} is kept.") from None
    return {
        "take": take.id,
        "out": args.out,
        "seconds": take.seconds,
        "reused": list(take.reused),
        "fit": take.fit,
        "settings": take.settings.to_json(),
        "morph": take.morph.to_json() if take.morph else None,
        "warnings": list(take.warnings),
    }


def text(document: dict) -> str:
    """The document for a person."""
    total = format_duration(sum(document["seconds"].values()))
    inside = f"{document['fit']['inside_share']:.0%} inside the instrument's range"
    lines = [f"Written to {document['out']} in {total}; {inside}."]
    return "\n".join(lines + document["warnings"])
