"""``checkpoint``: what a training has saved: list, hear, begin another training from one.

`instrument make` makes an instrument of one.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from ddsing.cli import actions
from ddsing.cli.writing import writing
from ddsing.errors import TrainingError
from ddsing.files import write_atomic
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.training.history import History


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``checkpoint`` and its actions to the command line."""
    family = actions.family(subparsers, "checkpoint", "checkpoints of a training run: list, preview, branch")
    for name, func, text, help_text in (
        ("list", _list, _list_text, "a run's checkpoints, their measurements, and advice"),
        ("preview", _preview, _preview_text, "the built-in phrase as sung at a checkpoint, as FLAC"),
        ("branch", _branch, _branch_text, "start another run from a checkpoint, in its own folder"),
    ):
        action = actions.action(family, name, func, text, help_text)
        action.add_argument("voice", metavar="VOICE")
        if name != "list":
            action.add_argument(
                "--step",
                default="chosen",
                metavar="N",
                help="which checkpoint: chosen, latest, best or a step (chosen)",
            )
        if name == "preview":
            action.add_argument("--out", required=True, metavar="OUT.flac")
        if name == "branch":
            action.add_argument(
                "--label", required=True, help="the new voice is named VOICE-LABEL; this one doesn't change"
            )


def _history(args: argparse.Namespace) -> History:
    from ddsing.training import folder, history

    found = history.read(folder.locate(open_workspace(args.workspace), args.voice).path)
    if not found.saves and not found.checkpoints:
        raise TrainingError(f"{args.voice!r} has not been trained yet. Train it with `train {args.voice}`.")
    return found


def _list(args: argparse.Namespace) -> dict:
    from ddsing.training import coach

    history = _history(args)
    return {
        "voice": args.voice,
        "best": history.best_step,
        "best_by": history.best_by or None,
        "chosen": history.verdict.step if history.verdict else None,
        "why": history.verdict.why if history.verdict else None,
        "checkpoints": list(history.checkpoints),
        "saves": [asdict(save) | {"preview": str(save.preview) if save.preview else None} for save in history.saves],
        "notes": [asdict(note) for note in history.notes],
        "advice": [asdict(remark) for remark in coach.advice(history)],
    }


def _list_text(document: dict) -> str:
    rows = [["step", "loss", "held-out", "cents", "dB", "timbre", ""]]
    for save in document["saves"]:
        numbers = [save[name] for name in ("loss", "spectral_loss", "f0_cents", "loudness_db", "timbre_db")]
        what = ["chosen"] if save["step"] == document["chosen"] else []
        what += ["best"] if save["step"] == document["best"] else []
        what += ["can be exported"] if save["step"] in document["checkpoints"] else []
        cells = ["–" if number is None else f"{number:.2f}" for number in numbers]
        rows.append([f"{save['step']:,}", *cells, ", ".join(what)])
    remarks = [f"{remark['sentence']} {remark['evidence']}" for remark in document["advice"]]
    remarks = [document["why"], *remarks] if document["why"] else remarks
    return "\n".join([actions.table(rows, right=(0, 1, 2, 3, 4, 5)), *remarks])


def _preview(args: argparse.Namespace) -> dict:
    from ddsing.training import folder

    out, step = actions.require_folder(args.out), _step(args)
    sung = folder.locate(open_workspace(args.workspace), args.voice).path / folder.PREVIEWS / f"ckpt-{step}.flac"
    if not sung.is_file():
        raise TrainingError(f"There is no preview at step {step:,}. `checkpoint list` shows the steps with one.")
    with writing(args.out):
        write_atomic(out, sung.read_bytes())
    return {"voice": args.voice, "step": step, "out": args.out}


def _step(args: argparse.Namespace) -> int:
    """The step that ``--step`` means."""
    from ddsing.training import choice, folder

    path = folder.locate(open_workspace(args.workspace), args.voice).path
    trained = folder.config(path)
    if trained is None:
        raise TrainingError(f"{args.voice!r} has not been trained yet. Train it with `train {args.voice}`.")
    return choice.choose(path, choice.named(args.step), trained.model).checkpoint.step


def _preview_text(document: dict) -> str:
    return f"Preview of {document['voice']} at step {document['step']:,} written to {document['out']}."


def _branch(args: argparse.Namespace) -> dict:
    from ddsing.training import branch

    step = _step(args)
    made = branch.begin(open_workspace(args.workspace), args.voice, step=step, label=args.label)
    return {"voice": made, "from": args.voice, "step": step}


def _branch_text(document: dict) -> str:
    return (
        f"{document['voice']} starts from {document['from']} at step {document['step']:,}. "
        f"Continue with `train {document['voice']}`."
    )
