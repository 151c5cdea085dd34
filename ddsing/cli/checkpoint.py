"""``checkpoint``: what a training has saved: list, hear, make an instrument of one, begin another training from one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from ddsing.cli import actions
from ddsing.cli.writing import writing
from ddsing.errors import SettingsError, TrainingError
from ddsing.files import write_atomic
from ddsing.units import format_bytes
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.training.history import History


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``checkpoint`` and its actions to the command line."""
    family = actions.family(
        subparsers, "checkpoint", "what a training has saved: list, hear, make an instrument, branch off"
    )
    for name, func, text, help_text in (
        ("list", _list, _list_text, "a training's saves, what was measured there, and what to make of it"),
        ("preview", _preview, _preview_text, "the phrase as the voice sang it at a save, as FLAC"),
        ("export", _export, _export_text, "make the instrument from a checkpoint, also while the training runs"),
        ("branch", _branch, _branch_text, "begin another training from a checkpoint, with a folder of its own"),
    ):
        action = actions.action(family, name, func, text, help_text)
        action.add_argument("voice", metavar="VOICE")
        if name != "list":
            action.add_argument(
                "--step", default="best", metavar="N", help="which checkpoint: best, latest or a step (best)"
            )
        if name == "preview":
            action.add_argument("--out", required=True, metavar="OUT.flac")
        if name == "branch":
            action.add_argument("--label", required=True, help="the new voice is called VOICE-LABEL; this one stays")


def step_of(text: str) -> str | int:
    """``best``, ``latest`` or a step, as `ddsing.training.checkpoints.choose` takes it."""
    if text.isdecimal():
        return int(text)
    if text in ("best", "latest"):
        return text
    raise SettingsError(f"--step is {text[:40]!r}; it must be best, latest or the number of a step.")


def _history(args: argparse.Namespace) -> History:
    from ddsing.training import folder, history

    found = history.read(folder.locate(open_workspace(args.workspace), args.voice).path)
    if not found.saves and not found.checkpoints:
        raise TrainingError(f"{args.voice!r} has not been trained yet; `train {args.voice}` does it.")
    return found


def _list(args: argparse.Namespace) -> dict:
    from ddsing.training import coach

    history = _history(args)
    return {
        "voice": args.voice,
        "best": history.best_step,
        "best_by": history.best_by or None,
        "checkpoints": list(history.checkpoints),
        "saves": [asdict(save) | {"preview": str(save.preview) if save.preview else None} for save in history.saves],
        "notes": [asdict(note) for note in history.notes],
        "advice": [asdict(remark) for remark in coach.advice(history)],
    }


def _list_text(document: dict) -> str:
    rows = [["step", "loss", "held-out", "cents", "dB", ""]]
    for save in document["saves"]:
        numbers = [save[name] for name in ("loss", "spectral_loss", "f0_cents", "loudness_db")]
        what = ["best"] if save["step"] == document["best"] else []
        what += ["can be exported"] if save["step"] in document["checkpoints"] else []
        cells = ["–" if number is None else f"{number:.2f}" for number in numbers]
        rows.append([f"{save['step']:,}", *cells, ", ".join(what)])
    remarks = [f"{remark['sentence']} {remark['evidence']}" for remark in document["advice"]]
    return "\n".join([actions.table(rows, right=(0, 1, 2, 3, 4)), *remarks])


def _preview(args: argparse.Namespace) -> dict:
    out, step = actions.require_folder(args.out), step_of(args.step)
    history = _history(args)
    previews = {save.step: save.preview for save in history.saves if save.preview}
    if not previews:
        raise TrainingError(f"{args.voice!r} has sung no phrase yet; the first one comes with the first save.")
    if step == "best":
        step = history.best_step if history.best_step in previews else max(previews)
    step = max(previews) if step == "latest" else step
    if step not in previews:
        known = ", ".join(f"{one:,}" for one in previews)
        raise TrainingError(f"There is no phrase of step {step:,}; there are those of {known}.")
    with writing(args.out):
        write_atomic(out, previews[step].read_bytes())
    return {"voice": args.voice, "step": step, "out": args.out}


def _preview_text(document: dict) -> str:
    return f"{document['voice']} at step {document['step']:,} sings in {document['out']}."


def _export(args: argparse.Namespace) -> dict:
    from ddsing.training import export

    entry = export.make_instrument(open_workspace(args.workspace), args.voice, step=step_of(args.step))
    return {
        "voice": args.voice,
        "name": entry.name,
        "step": entry.provenance.step,
        "path": str(entry.path),
        "bytes": entry.n_bytes,
        "warnings": list(entry.warnings),
    }


def _export_text(document: dict) -> str:
    said = f"{document['name']}, step {document['step']:,}, is in the instruments ({format_bytes(document['bytes'])})."
    return "\n".join([said, *document["warnings"]])


def _branch(args: argparse.Namespace) -> dict:
    from ddsing.training import branch, checkpoints, folder

    workspace, step = open_workspace(args.workspace), step_of(args.step)
    path = folder.locate(workspace, args.voice).path
    trained = folder.config(path)
    if trained is None:
        raise TrainingError(f"{args.voice!r} has not been trained yet, so there is nothing to branch from.")
    chosen = checkpoints.choose(path, step, trained.model).step
    made = branch.begin(workspace, args.voice, step=chosen, label=args.label)
    return {"voice": made, "from": args.voice, "step": chosen}


def _branch_text(document: dict) -> str:
    return (
        f"{document['voice']} begins where {document['from']} was at step {document['step']:,}; "
        f"`train {document['voice']}` goes on from there."
    )
