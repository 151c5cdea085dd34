"""``transfer``: sing a recording with an instrument."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing import names
from ddsing.cli import actions, pitch_edits, tuning
from ddsing.cli.quiet import native_messages_hidden
from ddsing.cli.writing import writing
from ddsing.constants import TRACKERS
from ddsing.errors import AudioError, SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.sound import kinds
from ddsing.transfer.settings import MAX_Z_SHIFTS, RANGES, Settings
from ddsing.units import format_duration
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.sound.curve.edit import PitchEdit
    from ddsing.transfer.morph import Morph

_OPTIONS = {
    "--mask-threshold": ("mask_threshold", float, "how sure the note detector must be"),
    "--attenuation": ("attenuation_db", float, "attenuation of the gaps between notes in dB, with --statistics"),
    "--autotune": ("autotune", float, "how far the pitch is moved to the nearest semitone, or note of the --scale"),
    "--autotune-speed": ("autotune_speed_ms", float, "time in which autotune draws the pitch to a note, in ms"),
    "--octave-shift": ("octave_shift", int, "octaves"),
    "--formant-shift": ("formant_shift", float, "semitones by which the vowels' resonances move; the pitch stays"),
    "--loudness-shift": ("loudness_shift_db", float, "dB"),
    "--keep-unvoiced": ("keep_unvoiced", float, "how far the recording's own consonants and breath are kept"),
    "--seed": ("seed", int, "seed of the noise"),
    "--pull": (
        "pull",
        float,
        "for instruments that follow timbre: how far to what the voice was trained on",
    ),
}


_OFF = "off"  # of the noise gate


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("transfer", help="sing a recording with an instrument")
    parser.add_argument("audio", metavar="AUDIO", help=f"a recording: {kinds.WORDS}")
    parser.add_argument("--instrument", metavar="NAME|ZIP", help="required without --like")
    parser.add_argument(
        "--like",
        metavar="TAKE|FILE",
        help="use settings, tracker and instrument of a take, or of a file made by ddsing; other options override them",
    )
    parser.add_argument("--out", required=True, metavar="OUT.wav")
    parser.add_argument("--tracker", choices=TRACKERS, help="(full)")
    parser.add_argument(
        "--use-statistics",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="match the loudness to what the instrument was trained on",
    )
    for option, (field, kind, what) in _OPTIONS.items():
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
        "--morph",
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help="sing with a mixture: this share of NAME, the rest of --instrument; or over time, NAME=0:0,8:1, "
        "from --instrument to NAME in 8 s; up to three times. Mixes amplitude and noise in dB, harmonics in shares",
    )
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
    pitch_edits.add_arguments(parser)
    parser.add_argument(
        "--band",
        choices=("full", "16k"),
        help="full: up to 24 kHz, as 48 kHz; 16k: up to 8 kHz, as 16 kHz (full if the instrument has a top)",
    )
    parser.add_argument("--stems", action="store_true", help="also write OUT_harmonic.wav and OUT_noise.wav")
    parser.add_argument("--controls", metavar="C.npz", help="also write the controls as used")
    parser.set_defaults(func=run, text=text)


def _gate(text: str) -> float | str:
    try:
        return _OFF if text.lower() == _OFF else -abs(float(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is neither OFF nor a number of dB such as -45") from None


def run(args: argparse.Namespace) -> dict:
    """Transfer, and write what was asked for."""
    from ddsing.transfer import morph, pipeline
    from ddsing.transfer.takes import TakeStore

    like = _like(args)
    fields = ("use_statistics", *(field for field, _, _ in _OPTIONS.values()))
    chosen = {field: getattr(args, field) for field in fields if getattr(args, field) is not None}
    if args.gate_db is not None:
        chosen["gate_db"] = None if args.gate_db == _OFF else args.gate_db
    timbre, z_source = _timbre(args.z_from or "recording", args.z_shift)
    timbre = {name: value for name, value in timbre.items() if (args.z_shift if name == "z_shift" else args.z_from)}
    if args.band:
        chosen["full_band"] = args.band == "full"
    settings = replace(like.settings, **chosen, **timbre, **tuning.chosen(args))
    mixture = morph.parse(like.instrument, args.morph) if args.morph else like.morph
    if mixture and settings != settings.without_z():
        raise SettingsError("--z-from, --z-shift and --pull can't be used with --morph. Leave one of them out.")
    out = Path(args.out)
    file_format = out.suffix[1:].upper()
    if file_format not in ("WAV", "FLAC"):
        raise SettingsError(f"--out is {args.out[:200]!r}; its name must end in .wav or .flac.")
    workspace = open_workspace(args.workspace)
    for path in (out, *([Path(args.controls)] if args.controls else [])):
        if not path.absolute().parent.is_dir():
            raise AudioError(f"The folder of {str(path)!r} does not exist. Create it or choose another file.")
    if args.band == "full":
        actions.require_tops(workspace, mixture.names if mixture else [like.instrument])
    audio = spelled(Path(args.audio))
    options: dict[str, Any] = {"tracker": like.tracker, "keep_controls": bool(args.controls)}
    with native_messages_hidden():
        source, edit = pitch_edits.of(args, workspace, audio, tracker=like.tracker, edit=like.edit)
        options["edit"] = edit
        if args.transpose == tuning.AUTO:
            singer = mixture or like.instrument
            settings = tuning.transposed(workspace, source, singer, settings, tracker=like.tracker, edit=edit)
        options["source_name"] = names.read(audio.name)
        if mixture:
            take = pipeline.run(workspace, source, mixture.names, settings, morph=mixture, **options)
        else:
            options["z_source"] = z_source
            take = pipeline.run(workspace, source, like.instrument, settings, **options)
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


@dataclasses.dataclass(frozen=True)
class _Like:
    """What a transfer begins from: the defaults, or what a take was made with."""

    settings: Settings
    tracker: str
    instrument: str
    morph: Morph | None
    edit: PitchEdit | None


def _like(args: argparse.Namespace) -> _Like:
    from ddsing.transfer import take

    if args.like is None:
        if args.instrument is None:
            raise SettingsError("A transfer needs an instrument: choose one with --instrument, or a take with --like.")
        return _Like(Settings(), args.tracker or "full", args.instrument, None, None)
    recipe = _recipe(args)
    settings, tracker, instrument = take.read_recipe(recipe)
    mixture = take.read_morph(recipe) if args.instrument is None else None
    if tracker not in TRACKERS:
        tracker = "full"  # of a take that was sung from a score
    return _Like(settings, args.tracker or tracker, args.instrument or instrument, mixture, take.read_edit(recipe))


def _recipe(args: argparse.Namespace) -> Mapping:
    from ddsing.experiments.comparison import selection
    from ddsing.sound import audio
    from ddsing.transfer.takes import TakeStore

    path = Path(args.like)
    if not path.is_file():
        take = selection.only(open_workspace(args.workspace), args.like)
        return TakeStore(open_workspace(args.workspace), take.folder.parent).get(take.id).recipe()
    recipe = audio.read_recipe(path)
    if recipe is None:
        raise SettingsError(f"{args.like[:200]!r} has no recipe: it was not made by ddsing, or it was converted.")
    return recipe


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
                f"--z-shift is {entry[:80]!r}; write for example 1=+1.5, with 1 to {MAX_Z_SHIFTS} before the =."
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
    if document["auto_transpose"] is not None:
        lines.append(f"Transposed by {document['auto_transpose']:+g} semitones.".replace("-", "−"))
    return "\n".join(lines + document["warnings"])
