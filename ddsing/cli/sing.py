"""``sing``: sing a score, or the notes of a recording, with an instrument."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing import names
from ddsing.cli import humming
from ddsing.cli.writing import writing
from ddsing.errors import AudioError, ScoreError, SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.play.melody import RULES
from ddsing.play.style import CONTROLS, STYLES, VOICE
from ddsing.transfer.settings import Settings
from ddsing.units import format_duration, note_name
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.play.edit import ScoreEdit
    from ddsing.play.score import Line, Score
    from ddsing.play.style import Style
    from ddsing.transfer.take import Take

_SOUNDS, _CURVES = (".wav", ".flac"), (".csv", ".mid")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("sing", help="sing a score with an instrument")
    parser.add_argument(
        "score",
        metavar="SCORE",
        help="a MIDI or MusicXML file (.mid, .musicxml, .xml, .mxl), a take sung from one, or a recording of a melody",
    )
    parser.add_argument("--list", action="store_true", help="only list the score's parts, with their ranges")
    parser.add_argument("--instrument", metavar="NAME|ZIP", help="required without --list or --like")
    parser.add_argument("--out", metavar="OUT.wav", help="where the result is written, as .wav or .flac")
    parser.add_argument("--curves", metavar="F.mid|F.csv", help="also write the curves: as MIDI with bends, or as CSV")
    parser.add_argument("--controls", metavar="C.npz", help="also write the controls as used")
    parser.add_argument(
        "--like", metavar="TAKE", help="use instrument, style, transposition, seed and edit of a take sung from a score"
    )
    parser.add_argument("--edit", metavar="FILE", help="sing with the edit in this file, as the page saves it")
    parser.add_argument("--part", type=int, metavar="N", help="the part as --list numbers it (the first for a voice)")
    parser.add_argument("--line", choices=RULES, help="which note is sung where several sound (highest)")
    parser.add_argument("--start", type=float, metavar="S", help="sing from this second of the score on")
    parser.add_argument("--end", type=float, metavar="S", help="sing up to this second of the score")
    parser.add_argument("--transpose", metavar="N|auto", help="semitones; auto moves by octaves into the range (auto)")
    parser.add_argument("--seed", type=int, help="seed of what is left to chance, and of the noise (0)")
    parser.add_argument(
        "--style",
        metavar="|".join([*STYLES, f"{VOICE}NAME"]),
        help=f"how it is sung; {VOICE}NAME sings as the recordings of that voice do (classical)",
    )
    humming.add_arguments(parser)
    numbers = parser.add_argument_group("what can be changed in a style")
    for name, control in CONTROLS.items():
        unit = f" {control.words.unit}" if control.words.unit else ""
        text = f"{control.what}, {control.low:g} to {control.high:g}{unit}".replace("%", "%%")
        numbers.add_argument(control.option, dest=name, type=float, metavar="X", help=text)
    parser.set_defaults(func=run, text=text_of)


def run(args: argparse.Namespace) -> dict:
    """List the parts, or sing, and write what was asked for."""
    from ddsing.instrument import models

    workspace = open_workspace(args.workspace)
    if args.list:
        return _listed(_score(args))
    _check(args)
    before = _Before.of(workspace, args.like)
    seed = Settings(seed=before.seed if args.seed is None else args.seed).seed
    transpose = before.transpose if args.transpose is None else _transpose(args.transpose)
    instrument = models.find(workspace, args.instrument or before.instrument)
    line, warnings = _line(workspace, args)
    style, style_name, more = _style(workspace, args, before)
    edit, said = _edit(workspace, args, line)
    warnings = (*warnings, *more, *said)
    asked = _Asked(workspace, instrument, line, style, style_name, transpose, seed, edit, warnings)
    return _sung(asked, args)


@dataclass(frozen=True)
class _Before:
    """What singing begins from: the defaults, or what a take was sung with."""

    instrument: str = ""
    transpose: int | None = None
    seed: int = 0
    score: Mapping | None = None

    @classmethod
    def of(cls, workspace: Workspace, like: str | None) -> _Before:
        if like is None:
            return cls()
        take = _take(workspace, like)
        if take.score is None:
            raise ScoreError(f"The take {take.name!r} was not sung from a score. Use transfer --like for it.")
        transpose = take.score.get("transpose")
        return cls(take.instrument, transpose if isinstance(transpose, int) else None, take.settings.seed, take.score)


@dataclass(frozen=True)
class _Asked:
    """Everything that singing needs."""

    workspace: Workspace
    instrument: Instrument
    line: Line
    style: Style
    style_name: str
    transpose: int | None
    seed: int
    edit: ScoreEdit | None
    warnings: tuple[str, ...]


def _check(args: argparse.Namespace) -> None:
    """Refuse what can't be written or done, before anything takes time."""
    if args.instrument is None and args.like is None:
        raise SettingsError("Singing needs an instrument: choose one with --instrument.")
    if args.out is None and args.curves is None:
        raise SettingsError("Nothing to write; use --out for the sound or --curves for the curves.")
    if args.out is None and args.controls is not None:
        raise SettingsError("--controls needs --out: controls are those of a sound.")
    for option, path, suffixes in (("--out", args.out, _SOUNDS), ("--curves", args.curves, _CURVES)):
        if path is not None and Path(path).suffix.lower() not in suffixes:
            raise SettingsError(f"{option} is {path[:200]!r}; its name must end in {' or '.join(suffixes)}.")
    for path in filter(None, (args.out, args.curves, args.controls)):
        if not Path(path).absolute().parent.is_dir():
            raise AudioError(f"The folder of {str(path)!r} does not exist. Create it or choose another file.")


def _score(args: argparse.Namespace) -> Score:
    from ddsing.play import reading

    return reading.read(spelled(Path(args.score)))


def _take(workspace: Workspace, reference: str) -> Take:
    from ddsing.experiments.comparison import selection

    return selection.only(workspace, reference)


def _line(workspace: Workspace, args: argparse.Namespace) -> tuple[Line, tuple[str, ...]]:
    """What is sung, and what the score's reading warns of."""
    from ddsing.play import melody
    from ddsing.play.sing import line_of

    path = spelled(Path(args.score))
    if humming.is_one(path):
        line, warnings = humming.line(args, workspace, path)  # type: Line, tuple[str, ...]
    elif path.suffix.lower() not in _suffixes() and not path.is_file():
        humming.refuse(args)
        if args.part is not None or args.line is not None:
            raise SettingsError("--part and --line are for a score's file; a take has its notes already.")
        line, warnings = line_of(_take(workspace, args.score)), ()
    else:
        humming.refuse(args)
        score = _score(args)
        line, warnings = melody.line(score, args.part, args.line or RULES[0]), score.warnings
    if args.start is not None or args.end is not None:
        start_s, end_s = args.start or 0.0, line.duration_s if args.end is None else args.end
        if not 0.0 <= start_s < end_s:
            raise SettingsError(
                f"--start is {start_s:g} and --end {end_s:g}; seconds from 0 on, the end after the start."
            )
        line = line.between(start_s, end_s)
    return line, warnings


def _suffixes() -> tuple[str, ...]:
    from ddsing.play import reading

    return reading.SUFFIXES


def _style(workspace: Workspace, args: argparse.Namespace, before: _Before) -> tuple[Style, str, tuple[str, ...]]:
    """The style with its changes, what it began as, and what its learning warns of."""
    from ddsing.play import learning, style
    from ddsing.play.sing import style_of

    warnings: tuple[str, ...] = ()
    name = args.style or "classical"
    if args.style is None and before.score is not None:
        chosen, name = style_of(before.score)
    elif name.startswith(VOICE):
        learnt = learning.learn(workspace, name.removeprefix(VOICE))
        chosen, name, warnings = learnt.style, f"{VOICE}{learnt.voice}", learnt.warnings
    else:
        chosen = style.named(name)
    changes = {one: getattr(args, one) for one in CONTROLS if getattr(args, one) is not None}
    return style.adjusted(chosen, changes), name, warnings


def _edit(workspace: Workspace, args: argparse.Namespace, line: Line) -> tuple[ScoreEdit | None, tuple[str, ...]]:
    """What is changed: as a file says, else as in the take that is sung or followed; and what that warns of."""
    from ddsing.play.edit import ScoreEdit, line_digest
    from ddsing.play.sing import edit_of

    if args.edit is not None:
        asked = ScoreEdit.from_text(_content(args.edit))
        asked.notes_of(line)
        return asked or None, ()
    path = spelled(Path(args.score))
    is_file = path.suffix.lower() in _suffixes() or path.is_file()
    for reference in filter(None, (None if is_file else args.score, args.like)):
        take = _take(workspace, reference)
        edit = edit_of(take)
        if edit and edit.line == line_digest(line):
            return edit, ()
        if edit:
            return None, (f"The edit of the take {take.name!r} is for other notes, and was left out.",)
    return None, ()


def _content(edit: str) -> bytes:
    from ddsing.play.edit import MAX_BYTES

    try:
        with open(spelled(Path(edit)), "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"--edit is {edit[:200]!r}, which can't be read: {error.strerror or error}.") from None


def _transpose(text: str) -> int | None:
    """Semitones; None for ``auto``."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"--transpose is {text[:40]!r}; it must be auto or a whole number of semitones.") from None


def _sung(asked: _Asked, args: argparse.Namespace) -> dict:
    from ddsing.play import export, placing, sing

    sing.check_length(asked.line)
    how: dict[str, Any] = {"transpose": asked.transpose, "seed": asked.seed, "edit": asked.edit}
    placed = placing.place(
        asked.line, asked.style, asked.instrument.statistics, generation=asked.instrument.config.generation, **how
    )
    document: dict[str, Any] = {
        "score": asked.line.score,
        "part": asked.line.part,
        "line": asked.line.rule,
        "notes": len(placed.line.notes),
        "duration_s": placed.line.duration_s,
        **({"edit": asked.edit.digest} if asked.edit else {}),
        "transpose": placed.transpose,
        "style": {"name": asked.style_name, **asked.style.to_json()},
        "fit": placed.fit.to_json(),
        "out": args.out,
        "curves": args.curves,
        "warnings": list(asked.warnings),
    }
    if args.curves is not None:
        content = (
            export.csv(placed.curves)
            if args.curves.lower().endswith(".csv")
            else export.midi(placed.line, placed.curves)
        )
        with writing(args.curves):
            write_atomic(Path(args.curves), content)
    if args.out is not None:
        document |= _rendered(asked, args)
    return document


def _rendered(asked: _Asked, args: argparse.Namespace) -> dict:
    from ddsing.play import sing
    from ddsing.transfer.takes import TakeStore

    take = sing.sing(
        asked.workspace,
        asked.line,
        asked.instrument,
        asked.style,
        style_name=asked.style_name,
        transpose=asked.transpose,
        seed=asked.seed,
        edit=asked.edit,
        keep_controls=args.controls is not None,
        warnings=asked.warnings,
    )
    with writing(args.out, f"the take {take.id} is kept"):
        write_atomic(Path(args.out), TakeStore(asked.workspace).export(take.id, Path(args.out).suffix[1:].upper()))
        if args.controls is not None:
            write_atomic(Path(args.controls), (take.folder / "controls.npz").read_bytes())
    found = {"take": take.id, "seconds": take.seconds, "reused": list(take.reused), "warnings": list(take.warnings)}
    return found | {"settings": take.settings.to_json()}


def _listed(score: Score) -> dict:
    chosen = score.part()[0] if not all(part.percussion for part in score.parts) else None
    parts = []
    for number, part in enumerate(score.parts, 1):
        low, high = part.range_midi
        parts.append(
            {
                "number": number,
                "name": part.name,
                "notes": len(part.notes),
                "lowest_midi": low,
                "highest_midi": high,
                "chords": part.chords,
                "percussion": part.percussion,
                "lyrics": part.lyrics,
                "program": part.program,
            }
        )
    bpm = sorted({round(bpm, 3) for _, bpm in score.tempos})
    about = {"score": score.name, "kind": score.kind, "duration_s": score.duration_s, "bpm": [bpm[0], bpm[-1]]}
    return about | {"chosen": chosen, "parts": parts, "warnings": list(score.warnings)}


def text_of(document: dict) -> str:
    """The document for a person."""
    return _list_text(document) if "parts" in document else _sung_text(document)


def _list_text(document: dict) -> str:
    slow, fast = document["bpm"]
    tempo = f"{slow:g}" if slow == fast else f"{slow:g} to {fast:g}"
    lines = [f"{document['score']}: {document['kind']}, {format_duration(document['duration_s'])}, {tempo} bpm"]
    for part in document["parts"]:
        notes = f"{part['notes']} notes" if part["notes"] != 1 else "1 note"
        span = f"{note_name(part['lowest_midi'])} to {note_name(part['highest_midi'])}"
        facts = ["percussion"] if part["percussion"] else [span, *(["chords"] if part["chords"] else [])]
        mark = "*" if part["number"] == document["chosen"] else " "
        lines.append(f"{mark} {part['number']:3d}  {names.shown(part['name'])}: {', '.join([notes, *facts])}")
    if document["chosen"] is not None:
        lines.append("* is sung unless you choose another with --part.")
    return "\n".join([*lines, *document["warnings"]])


def _sung_text(document: dict) -> str:
    share, moved = document["fit"]["inside_share"], document["transpose"]
    inside = "its range is unknown" if share is None else f"{share:.0%} inside the instrument's range"
    where = f", transposed by {moved:+d} semitones" if moved else ""
    notes = f"{document['notes']} notes" if document["notes"] != 1 else "1 note"
    said = f"{notes} in {format_duration(document['duration_s'])}{where}; {inside}."
    lines = [f"Written to {path}." for path in (document["out"], document["curves"]) if path]
    return "\n".join([*lines, said, *document["warnings"]])
