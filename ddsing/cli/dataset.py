"""``dataset``: a voice's recordings, what they are good for, and the windows that a model is trained on."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing import names
from ddsing.cli import actions, background, trashed
from ddsing.cli.quiet import native_messages_hidden
from ddsing.cli.writing import writing
from ddsing.constants import TRACKERS
from ddsing.errors import DatasetError
from ddsing.files import spelled, write_atomic
from ddsing.sound import kinds
from ddsing.units import format_bytes, format_duration
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.dataset.voices import Voice

_LINE_S = 0.2  # between two lines about the progress


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``dataset`` and its actions to the command line."""
    family = actions.family(subparsers, "dataset", "recordings of a voice, and its training windows")
    action = actions.action(family, "list", _list, _list_text, "the workspace's voices, or a voice's recordings")
    action.add_argument("voice", metavar="VOICE", nargs="?")
    action = actions.action(family, "add", _add, _add_text, "copy recordings into a voice; creates the voice if needed")
    action.add_argument("voice", metavar="VOICE")
    action.add_argument("files", metavar="FILE", nargs="+", help=f"{kinds.WORDS}; or a folder of them")
    action = actions.action(
        family, "report", _report, _report_text, "what the recordings cover, and whether they are enough"
    )
    action.add_argument("voice", metavar="VOICE")
    action.add_argument(
        "--tracker", choices=TRACKERS, default="tiny", help="tracker for recordings not analysed yet (tiny)"
    )
    action = actions.action(
        family,
        "prepare",
        _prepare,
        background.or_text(_prepare_text),
        "make or update the training windows",
    )
    action.add_argument("voice", metavar="VOICE")
    action.add_argument("--tracker", choices=TRACKERS, help="pitch tracker (the one used before, else full)")
    action.add_argument(
        "--replace",
        action="store_true",
        help="replace a 2021 dataset; the old one is kept as another voice's",
    )
    background.add_option(action)
    action = actions.action(family, "show", _show, _show_text, "a window's sound, features and figure")
    action.add_argument("voice", metavar="VOICE")
    action.add_argument("--window", type=int, required=True, metavar="N", help="number of the window, from 0")
    action.add_argument(
        "--out", required=True, metavar="DIR", help="folder for window.wav, features.npz and window.html"
    )
    for name, help_text in (("exclude", "leave windows out when preparing"), ("include", "use excluded windows again")):
        action = actions.action(family, name, _select, _select_text, help_text)
        action.add_argument("voice", metavar="VOICE")
        action.add_argument("windows", metavar="N", nargs="+", type=int)
    _add_changes(family)


def _add_changes(family: argparse._SubParsersAction) -> None:
    action = actions.action(family, "create", _create, _create_text, "create a voice without recordings")
    action.add_argument("voice", metavar="VOICE")
    action = actions.action(family, "remove", _remove, _remove_text, "move recordings of a voice to the trash")
    action.add_argument("voice", metavar="VOICE")
    action.add_argument("recordings", metavar="RECORDING", nargs="+", help="names as in `dataset list VOICE`")
    action = actions.action(family, "restore", _restore, _restored_text, "restore a removed recording")
    action.add_argument("voice", metavar="VOICE")
    trashed.add_argument(action)


def _voice(args: argparse.Namespace) -> Voice:
    from ddsing.dataset import voices

    return voices.get(open_workspace(args.workspace), args.voice)


def _list(args: argparse.Namespace) -> dict:
    from ddsing.dataset import scan, voices

    if args.voice is not None:
        voice = _voice(args)
        with native_messages_hidden():
            return {"voice": voice.name, "recordings": [dataclasses.asdict(facts) for facts in scan.scan(voice)]}
    workspace = open_workspace(args.workspace)
    return {
        "voices": [
            {
                "name": voice.name,
                "recordings": len(voice.recordings()),
                "unreadable": voice.unreadable(),
                "prepared": voice.prepared,
                "trained": voice.trained,
            }
            for voice in voices.list_voices(workspace)
        ],
        "astray": voices.astray(workspace),
    }


def _list_text(document: dict) -> str:
    if "recordings" in document:
        lines = [_recording_line(facts) for facts in document["recordings"]]
        return "\n".join(lines) or "No recordings yet. Add some with `dataset add VOICE FILE`."
    lines = []
    for voice in document["voices"]:
        number = voice["recordings"]
        states = [state for state in ("prepared", "trained") if voice[state]]
        lines.append(", ".join([f"{voice['name']}: {number} recording{'s' if number != 1 else ''}", *states]))
        lines += [f"  {name}: {why}" for name, why in voice["unreadable"].items()]
    return "\n".join(lines + document["astray"]) or "No voices yet. Create one with `dataset add VOICE FILE`."


def _recording_line(facts: Mapping[str, Any]) -> str:
    if facts["error"]:
        return f"{facts['name']}: {facts['error']}"
    voiced = "" if facts["voiced_share"] is None else f", {facts['voiced_share']:.0%} voiced"
    clips = f", {facts['clipped_share']:.1%} clipped" if facts["clipped_share"] else ""
    level = f"{facts['rms_dbfs']:.0f} dB, peak {facts['peak_dbfs']:.0f} dB"
    return (
        f"{facts['name']}: {format_duration(facts['duration_s'])}, {facts['format']} {facts['sample_rate_hz']} Hz, "
        f"{level}, {facts['silent_share']:.0%} silent{voiced}{clips}"
    )


def _add(args: argparse.Namespace) -> dict:
    from ddsing.dataset import adding, voices

    voice = voices.create(open_workspace(args.workspace), args.voice)
    with native_messages_hidden():
        added = adding.add(voice, [spelled(Path(file)) for file in args.files])
    document = {
        "voice": voice.name,
        "added": list(added.added),
        "duplicates": [{"name": name, "same_as": of} for name, of in added.duplicates],
        "refused": [{"name": name, "reason": reason} for name, reason in added.refused],
        "warnings": [f"{name}: {remark}" for name, remark in added.remarks],
    }
    if added.refused and not added.added and not added.duplicates:
        raise DatasetError(f"Nothing was added. {added.refused[0][0]}: {added.refused[0][1]}")
    return document


def _add_text(document: dict) -> str:
    lines = [f"{name}: added" for name in document["added"]] + document["warnings"]
    lines += [f"{entry['name']}: same sound as {entry['same_as']}, not added" for entry in document["duplicates"]]
    lines += [f"{entry['name']}: {entry['reason']}" for entry in document["refused"]]
    return "\n".join(lines) or f"No recordings in that folder. Supported: {kinds.WORDS}."


def _report(args: argparse.Namespace) -> dict:
    from ddsing.dataset import report

    with _Progress(args) as tell, native_messages_hidden():
        return report.report(_voice(args), tracker=args.tracker, progress=tell).to_json()


def _report_text(document: dict) -> str:
    judged = document["verdict"]
    lines = [f"{judged['level'].capitalize()}: {judged['sentence']}"]
    if document["voices_hint"]:
        lines.append(document["voices_hint"])
    lines += [f"{name}: {text}" for name, texts in document["remarks"].items() for text in texts]
    return "\n".join(lines)


def _prepare(args: argparse.Namespace) -> dict:
    from ddsing.dataset import facts, job, prepare

    voice = _voice(args)
    tracker = args.tracker or facts.tracker(voice) or TRACKERS[0]
    if background.wanted(args):
        workspace = open_workspace(args.workspace)
        with native_messages_hidden():
            order = job.order(workspace, args.voice, tracker=tracker, replace=args.replace)
        return background.start(workspace, order, args)
    with _Progress(args) as tell, native_messages_hidden():
        return dataclasses.asdict(prepare.prepare(voice, tracker=tracker, replace=args.replace, progress=tell))


def _prepare_text(document: dict) -> str:
    lines = [f"{name}: {reason}" for name, reason in document["refused"]]
    if document["kept_as"]:
        from ddsing.dataset.job import KEPT_AS

        lines.append(KEPT_AS.format(document["kept_as"]))
    how = "Nothing had changed" if document["reused"] else f"Prepared in {format_duration(document['seconds'])}"
    lines.append(
        f"{how}: {document['n_train']} windows to train on, {document['n_held_out']} held out, "
        f"{document['n_excluded']} excluded, from {format_duration(60 * document['minutes'])}."
    )
    return "\n".join(lines)


def _show(args: argparse.Namespace) -> dict:
    from ddsing.dataset import windows
    from ddsing.files import write_arrays
    from ddsing.plots import dataset as plots
    from ddsing.sound.audio import encode

    window = windows.read(_voice(args), args.window)
    out = Path(args.out)
    curves = {name: getattr(window, name) for name in ("f0_hz", "f0_confidence", "loudness_db")}
    with writing(args.out, "choose another folder"):
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(out / "window.wav", encode(window.audio))
        write_arrays(out / "features.npz", **curves)
        figure = plots.window_figure(plots.Window(window.audio, **curves, start_s=window.start_s))
        write_atomic(out / "window.html", figure.to_html().encode())
        n_bytes = sum((out / name).stat().st_size for name in ("window.wav", "features.npz", "window.html"))
    return {
        "window": args.window,
        "file": window.file,
        "start_s": window.start_s,
        "state": window.state,
        "confidence": float(window.f0_confidence.mean()),
        "out": args.out,
        "bytes": n_bytes,
    }


def _show_text(document: dict) -> str:
    where = f"{document['file']} from {format_duration(document['start_s'])}" if document["file"] else "of 2021"
    return (
        f"Window {document['window']}, {where}, {document['state'].replace('_', ' ')}: "
        f"written to {document['out']} ({format_bytes(document['bytes'])})"
    )


def _select(args: argparse.Namespace) -> dict:
    from ddsing.dataset import windows

    change = windows.exclude if args.action == "exclude" else windows.include
    voice = _voice(args)
    change(voice, args.windows)
    table = windows.load(voice)
    return {"voice": voice.name, "excluded": table.excluded.nonzero()[0].tolist(), "changed": table.changed}


def _select_text(document: dict) -> str:
    number = len(document["excluded"])
    after = "; run `dataset prepare` to apply" if document["changed"] else ""
    return f"{number} window{'s' if number != 1 else ''} excluded{after}."


def _create(args: argparse.Namespace) -> dict:
    from ddsing.dataset import voices

    return {"voice": voices.create(open_workspace(args.workspace), args.voice).name}


def _create_text(document: dict) -> str:
    return f"Created {document['voice']}. Add recordings with `dataset add`."


def _remove(args: argparse.Namespace) -> dict:
    from ddsing.dataset import voices

    voice = _voice(args)
    known = {voice.name_of(path) for path in voice.recordings()}
    chosen: dict[str, None] = {}
    for name in args.recordings:  # all of them or none
        found = names.find(name, known)
        if found is None:
            raise DatasetError(f"The voice {voice.name!r} has no recording {name[:80]!r}; nothing was removed.")
        chosen[found] = None
    removed = [{"name": name, "token": voices.remove(voice, name)} for name in chosen]
    return {"voice": voice.name, "removed": removed}


def _remove_text(document: dict) -> str:
    removed = ", ".join(one["name"] for one in document["removed"])
    return f"Moved {removed} to the trash. Restore with `dataset restore`, the voice and a name."


def _restore(args: argparse.Namespace) -> dict:
    from ddsing.dataset import voices

    voice = _voice(args)
    folders = [voice.folder, *(path.parent for path in voice.folder.rglob(".trash") if path.parent != voice.folder)]
    path = trashed.find(folders, args.deleted, what="recording")
    return {"voice": voice.name, "restored": voices.restore(voice, voice.name_of(path))}


def _restored_text(document: dict) -> str:
    return f"Restored {document['restored']} to {document['voice']}."


class _Progress:
    """A line about the progress on a terminal's stderr; nothing anywhere else."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._shown = sys.stderr.isatty() and not args.json
        self._told = 0.0

    def __enter__(self) -> Callable[[str, float], None]:
        return self._tell

    def _tell(self, stage: str, fraction: float) -> None:
        if self._shown and time.monotonic() - self._told > _LINE_S:
            self._told = time.monotonic()
            print(f"\r{stage}: {fraction:.0%}  ", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self._shown and self._told:
            print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
