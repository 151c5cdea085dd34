"""``transfer``: sing a recording with an instrument."""

import argparse
from pathlib import Path
from typing import Any

from ddsing import names
from ddsing.cli.quiet import native_messages_hidden
from ddsing.cli.writing import writing
from ddsing.constants import TRACKERS
from ddsing.errors import AudioError, SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.sound import kinds
from ddsing.transfer import morph
from ddsing.transfer.settings import MAX_Z_SHIFTS, RANGES, Settings
from ddsing.units import format_duration
from ddsing.workspace import open_workspace

_OPTIONS = {
    "--mask-threshold": ("mask_threshold", float, "how clear a note must be"),
    "--attenuation": ("attenuation_db", float, "dB by which what is no note is quietened, with statistics"),
    "--autotune": ("autotune", float, "how far f0 is drawn to the semitones"),
    "--octave-shift": ("octave_shift", int, "octaves"),
    "--loudness-shift": ("loudness_shift_db", float, "dB"),
    "--seed": ("seed", int, "of the noise"),
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("transfer", help="sing a recording with an instrument")
    parser.add_argument("audio", metavar="AUDIO", help=f"a recording: {kinds.WORDS}")
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
    parser.add_argument(
        "--z-from",
        default="recording",
        metavar="recording|FILE|mean",
        help="for instruments that listen to timbre: whose it is, the recording's, another file's, or the voice's mean",
    )
    parser.add_argument(
        "--z-shift",
        action="append",
        default=[],
        metavar="K=S",
        help="move timbre along the voice's K-th principal direction, by S standard deviations; may be repeated",
    )
    parser.add_argument("--stems", action="store_true", help="also write OUT_harmonic.wav and OUT_noise.wav")
    parser.add_argument("--controls", metavar="C.npz", help="also write the controls as used")
    parser.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Transfer, and write what was asked for."""
    from ddsing.transfer import pipeline
    from ddsing.transfer.takes import TakeStore

    chosen = {field: getattr(args, field) for field, _, _ in _OPTIONS.values()}
    timbre, z_source = _timbre(args.z_from, args.z_shift)
    settings = Settings(use_statistics=args.use_statistics, **chosen, **timbre)
    if args.morph and settings.timbre:
        raise SettingsError("--z-from and --z-shift don't go together with --morph; leave either out.")
    out = Path(args.out)
    file_format = out.suffix[1:].upper()
    if file_format not in ("WAV", "FLAC"):
        raise SettingsError(f"--out is {args.out[:200]!r}; its name must end in .wav or .flac.")
    workspace = open_workspace(args.workspace)
    for path in (out, *([Path(args.controls)] if args.controls else [])):
        if not path.absolute().parent.is_dir():
            raise AudioError(f"The folder of {str(path)!r} does not exist; make it or name another file.")
    audio = spelled(Path(args.audio))
    options: dict[str, Any] = {"tracker": args.tracker, "keep_controls": bool(args.controls)}
    with native_messages_hidden():
        if args.morph:
            mixture = morph.parse(args.instrument, args.morph)
            take = pipeline.run(workspace, audio, mixture.names, settings, morph=mixture, **options)
        else:
            options["z_source"] = z_source
            take = pipeline.run(workspace, audio, args.instrument, settings, **options)
    with writing(args.out, f"the take {take.id} is kept"):
        write_atomic(out, TakeStore(workspace).export(take.id, file_format))
        if args.stems:
            for stem in ("harmonic", "noise"):
                content = (take.folder / f"{stem}.wav").read_bytes()
                write_atomic(out.with_name(f"{out.stem}_{stem}.wav"), content)
        if args.controls:
            write_atomic(Path(args.controls), (take.folder / "controls.npz").read_bytes())
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


def _timbre(z_from: str, moved: list[str]) -> tuple[dict[str, Any], Path | None]:
    """The settings of z, and the other recording that it comes from."""
    shifts = [0.0] * MAX_Z_SHIFTS
    for entry in moved:
        number, _, amount = entry.partition("=")
        try:
            place = int(number) - 1
            if not 0 <= place < MAX_Z_SHIFTS:
                raise ValueError
            shifts[place] = float(amount)
        except ValueError:
            raise SettingsError(
                f"--z-shift is {entry[:80]!r}; write for instance 1=+1.5, with 1 to {MAX_Z_SHIFTS} before the =."
            ) from None
    if z_from in ("recording", "mean"):
        return {"z_from": z_from, "z_shift": tuple(shifts)}, None
    path = spelled(Path(z_from))
    if not path.is_file():
        raise SettingsError(f"--z-from is {z_from[:200]!r}; it must be recording, mean, or a recording's file.")
    return {"z_from": "other", "z_recording": names.read(path.name)[:300], "z_shift": tuple(shifts)}, path


def text(document: dict) -> str:
    """The document for a person."""
    total = format_duration(sum(document["seconds"].values()))
    share = document["fit"]["inside_share"]
    inside = "there is nothing to fit" if share is None else f"{share:.0%} inside the instrument's range"
    lines = [f"Written to {document['out']} in {total}; {inside}."]
    return "\n".join(lines + document["warnings"])
