"""``instrument``: the workspace's instruments, and all that can be done with one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.cli import actions, instrument_top, trashed
from ddsing.cli.quiet import load_tensorflow
from ddsing.cli.writing import writing
from ddsing.constants import GENERATIONS
from ddsing.errors import InstrumentError, SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.units import format_bytes, format_duration, note_name
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.instrument.library import Library

_EDITABLE = {
    "voice": "who or what sings",
    "author": "who trained it",
    "licence": "what others may do with it; CC0-1.0 allows anything",
    "notes": "saved in the file",
}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``instrument`` and its actions to the command line."""
    family = actions.family(subparsers, "instrument", "the workspace's instruments: import, listen, describe, export")
    actions.action(family, "list", _list, _list_text, "the workspace's instruments")
    inspect = actions.action(family, "inspect", _inspect, _inspect_text, "details of an instrument, without playing it")
    inspect.add_argument("zip", metavar="ZIP", help="an instrument's file, or the name of one in the workspace")
    hear = actions.action(family, "audition", _audition, _audition_text, "a built-in phrase in the middle of its range")
    hear.add_argument("name", metavar="NAME")
    hear.add_argument("--out", required=True, metavar="OUT.wav")
    importing = actions.action(family, "import", _import, _import_text, "copy an instrument into the workspace")
    importing.add_argument(
        "zip", metavar="FILE", help="ddsing's own format, a zip of the 2021 notebooks, or a .tflite of ddsp-vst"
    )
    importing.add_argument("--name", help="name of the instrument (as in the file)")
    make = actions.action(family, "make", _make, _make_text, "make a voice's instrument from one of its checkpoints")
    make.add_argument("voice", metavar="VOICE")
    make.add_argument(
        "--step",
        default="chosen",
        metavar="N",
        help="the checkpoint: a step, latest, best (the lowest loss) or chosen: the latest unless "
        "timbre, pitch, loudness or harmonics got worse (chosen)",
    )
    export = actions.action(family, "export", _export, _export_text, "write an instrument to a file")
    export.add_argument("name", metavar="NAME")
    export.add_argument(
        "--format",
        choices=("native", "notebook", "vst"),
        default="native",
        help="ddsing's own zip, that of the 2021 notebooks, or the .tflite of the plug-in ddsp-vst (native)",
    )
    export.add_argument(
        "--approximate",
        action="store_true",
        help="with --format vst: an instrument that was not trained for the plug-in, as near as it can be; how near is "
        "measured and printed",
    )
    export.add_argument("--out", required=True, metavar="FILE")
    top = actions.action(
        family, "top", instrument_top.run, instrument_top.text, "let an instrument sing above 8 kHz, at 48 kHz"
    )
    instrument_top.add_options(top)
    _add_changes(family)


def _add_changes(family: argparse._SubParsersAction) -> None:
    rename = actions.action(family, "rename", _rename, _renamed_text, "rename an instrument")
    rename.add_argument("name", metavar="NAME")
    rename.add_argument("new_name", metavar="NEW-NAME")
    edit = actions.action(
        family, "edit", _edit, _edited_text, "edit the notes, author, licence and voice of an instrument"
    )
    edit.add_argument("name", metavar="NAME")
    for field, meaning in _EDITABLE.items():
        edit.add_argument(f"--{field}", metavar="TEXT", help=f"{meaning}; an empty text removes it")
    repair = actions.action(family, "repair", _repair, _repaired_text, "convert a 2021 zip to ddsing's small format")
    repair.add_argument("name", metavar="NAME")
    delete = actions.action(family, "delete", _delete, _delete_text, "move an instrument to the workspace's trash")
    delete.add_argument("name", metavar="NAME")
    restore = actions.action(
        family, "restore", _restore, _restored_text, "restore a deleted instrument, or the file before a repair"
    )
    trashed.add_argument(restore)


def _library(args: argparse.Namespace) -> Library:
    from ddsing.instrument.library import Library

    return Library(open_workspace(args.workspace))


def _list(args: argparse.Namespace) -> dict:
    return {
        "instruments": [
            {
                "name": entry.name,
                "format": entry.source_format,
                "generation": entry.config.generation if entry.config else None,
                "step": entry.provenance.step,
                "bytes": entry.n_bytes,
                "top": entry.top is not None,
                "error": entry.error or None,
            }
            for entry in _library(args).list()
        ]
    }


def _list_text(document: dict) -> str:
    lines = [
        f"{entry['name']}: {entry['error']}"
        if entry["error"]
        else f"{entry['name']}: {GENERATIONS[entry['generation']]}, {_steps(entry['step'])}, "
        f"{format_bytes(entry['bytes'])}{', up to 24 kHz' if entry['top'] else ''}"
        for entry in document["instruments"]
    ]
    return "\n".join(lines) or "No instruments yet. Import one with `instrument import ZIP`."


def _inspect(args: argparse.Namespace) -> dict:
    from ddsing import instrument as instruments
    from ddsing.instrument.manifest import ranges
    from ddsing.instrument.opening import detect

    path = spelled(Path(args.zip))
    if path.is_file():
        source_format, instrument = detect(path), instruments.open_any(path)
    else:
        if path.suffix.lower() == ".zip":
            raise InstrumentError(f"No file {args.zip[:200]!r}; give the path of a zip or the name of an instrument.")
        library = _library(args)
        instrument = library.get(args.zip)
        source_format = next(entry.source_format for entry in library.list() if entry.name == instrument.name)
    statistics = instrument.statistics
    return {
        "name": instrument.name,
        "format": source_format,
        "generation": instrument.config.generation,
        "step": instrument.provenance.step,
        "model": instrument.config.to_json(),
        "statistics": None if statistics is None else statistics.to_json(),
        "ranges": ranges(statistics),
        "provenance": instrument.provenance.to_json(),
        "digest": instrument.digest,
        "top": None if instrument.top is None else instrument.top.to_json(),
        "warnings": list(instrument.warnings),
    }


def _inspect_text(document: dict) -> str:
    model, known = document["model"], document["ranges"] or {}
    lines = [
        f"{document['name']}: {document['format']} format, "
        f"{GENERATIONS[document['generation']]} loudness, {_steps(document['step'])}",
        f"GRU {model['rnn_channels']}, {model['n_harmonics']} harmonics, {model['n_noise_bands']} noise bands"
        + (f", z of {model['z']['z_dims']} dimensions" if model["z"] else ""),
    ]
    if "pitch_midi" in known:
        low, high = known["pitch_midi"]
        lines.append(f"pitch {note_name(low)} to {note_name(high)}")
    if "loudness_db" in known:
        low, high = known["loudness_db"]
        lines.append(f"loudness {low:.0f} to {high:.0f} dB")
    if document["top"]:
        length = format_duration(60.0 * document["top"]["minutes"])
        lines.append(f"sings up to 24 kHz: its top has {document['top']['n_bands']} bands, from {length} of recordings")
    return "\n".join(lines + [f"warning: {text}" for text in document["warnings"]])


def _import(args: argparse.Namespace) -> dict:
    path = spelled(Path(args.zip))
    if not path.is_file():
        raise InstrumentError(f"No file {args.zip[:200]!r}; give the path of an instrument's zip.")
    entry = _library(args).import_file(path, args.name)
    return {"name": entry.name, "path": str(entry.path), "warnings": list(entry.warnings)}


def _import_text(document: dict) -> str:
    return "\n".join([f"Imported {document['name']}."] + [f"warning: {text}" for text in document["warnings"]])


def _make(args: argparse.Namespace) -> dict:
    from ddsing.training import choice, export

    workspace = open_workspace(args.workspace)
    entry, why, top = export.make(workspace, args.voice, step=choice.named(args.step))
    return {"name": entry.name, "voice": args.voice, "step": entry.provenance.step, "why": why, "top": top}


def _make_text(document: dict) -> str:
    made = f"Made the instrument {document['name']!r} from step {document['step']:,}. {document['why']}"
    return " ".join(filter(None, [made, document["top"]]))


def _export(args: argparse.Namespace) -> dict:
    from ddsing import instrument as instruments
    from ddsing.instrument.vst import approximating, writing

    if args.approximate and args.format != "vst":
        raise SettingsError("--approximate goes with --format vst. Add that, or leave it out.")
    instrument = _library(args).get(args.name)
    write = instruments.write
    warnings: list[str] = []
    where = ""
    if args.format == "notebook":
        load_tensorflow()
        write, warnings = instruments.write_notebook, [instruments.NO_TOP] if instrument.top is not None else []
    elif args.format == "vst":
        load_tensorflow()
        write, warnings, where = writing.write_vst, writing.remarks(instrument), writing.WHERE
        write = approximating.write if args.approximate else write
    write(instrument, args.out)
    n_bytes = Path(args.out).stat().st_size
    measured = approximating.measured(Path(args.out).read_bytes()) if args.approximate else None
    document = {"name": instrument.name, "format": args.format, "path": args.out, "bytes": n_bytes}
    document |= {"approximation": None if measured is None else asdict(measured)}
    return document | {"warnings": ([approximating.said(measured)] if measured else []) + warnings, "where": where}


def _export_text(document: dict) -> str:
    wrote = f"Wrote {document['name']} to {document['path']} ({format_bytes(document['bytes'])})."
    return "\n".join([wrote, *document["warnings"], *filter(None, [document["where"]])])


def _delete(args: argparse.Namespace) -> dict:
    token = _library(args).delete(args.name)
    return {"name": Path(token).stem, "token": token}


def _delete_text(document: dict) -> str:
    return f"Moved {document['name']} to the trash. Restore it with `instrument restore {document['token']}`."


def _restore(args: argparse.Namespace) -> dict:
    workspace = open_workspace(args.workspace)
    path = trashed.find([workspace.instruments], args.deleted, what="instrument")
    return {"name": _library(args).undo(path.relative_to(workspace.instruments).as_posix()).name}


def _restored_text(document: dict) -> str:
    return f"Restored {document['name']}."


def _audition(args: argparse.Namespace) -> dict:
    from ddsing.instrument import models

    instrument = _library(args).get(args.name)
    with writing(args.out):
        write_atomic(actions.require_folder(args.out), models.shared().audition(instrument))
    return {"name": instrument.name, "out": args.out}


def _audition_text(document: dict) -> str:
    return f"Audition of {document['name']} written to {document['out']}."


def _rename(args: argparse.Namespace) -> dict:
    return {"name": _library(args).rename(args.name, args.new_name).name, "before": args.name}


def _renamed_text(document: dict) -> str:
    return f"Renamed {document['before']} to {document['name']}."


def _edit(args: argparse.Namespace) -> dict:
    changes = {field: getattr(args, field) for field in _EDITABLE if getattr(args, field) is not None}
    if not changes:
        raise SettingsError(f"Nothing to change; use {', '.join(f'--{field}' for field in _EDITABLE)}.")
    entry = _library(args).edit(args.name, **changes)
    return {"name": entry.name, **{field: getattr(entry.provenance, field) for field in _EDITABLE}}


def _edited_text(document: dict) -> str:
    lines = [f"{field}: {document[field]}" for field in _EDITABLE if document[field]]
    return "\n".join([f"{document['name']}:", *lines])


def _repair(args: argparse.Namespace) -> dict:
    library = _library(args)
    found = library.find(args.name)
    entry = library.repair(args.name, seen=found)
    return {"name": entry.name, "bytes_before": found.n_bytes if found else None, "bytes": entry.n_bytes}


def _repaired_text(document: dict) -> str:
    before, now = (format_bytes(document[name]) for name in ("bytes_before", "bytes"))
    return f"{document['name']}: {before} before, {now} now. `instrument restore` restores the old file."


def _steps(step: int | None) -> str:
    return "steps unknown" if step is None else f"{step:,} steps"
