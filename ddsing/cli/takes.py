"""``takes``: what was rendered: list, look, call otherwise, describe, delete, bring back, export."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.cli import actions, trashed
from ddsing.cli.writing import writing
from ddsing.errors import SettingsError, TakeError
from ddsing.files import atomic, write_atomic, write_json
from ddsing.units import format_bytes, format_duration
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ddsing.transfer.take import Take
    from ddsing.transfer.takes import TakeStore

_STEMS = ("harmonic", "noise")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``takes`` and its actions to the command line."""
    family = actions.family(subparsers, "takes", "rendered takes: list, show, rename, describe, delete, export")
    actions.action(family, "list", _list, _list_text, "all takes, newest first")
    for name, func, text, help_text in (
        ("show", _show, _show_text, "a take's recipe, settings, times and notes"),
        ("rename", _rename, _renamed_text, "rename a take"),
        ("edit", _edit, _show_text, "a take's note, tags and star"),
        ("export", _export, _export_text, "a take as WAV or FLAC, with its recipe inside; or several, for a DAW"),
    ):
        action = actions.action(family, name, func, text, help_text)
        if name == "export":
            action.add_argument(
                "takes",
                metavar="TAKE",
                nargs="+",
                help="its id, or its name if no other take has it; several go to a zip",
            )
        else:
            action.add_argument("take", metavar="TAKE", help="its id, or its name if no other take has it")
        if name == "rename":
            action.add_argument("name", metavar="NAME")
        if name == "edit":
            add_texts(action, "note")
        if name == "export":
            action.add_argument(
                "--out",
                required=True,
                metavar="OUT.wav|OUT.flac|OUT.zip",
                help="24 bits, at the take's sample rate; the zip, for a DAW, holds the result, its stems and the "
                "recording, with a marker for every note, and the notes as MIDI; of several takes each has a folder",
            )
            action.add_argument("--stems", action="store_true", help="also OUT_harmonic.wav and OUT_noise.wav")
            action.add_argument("--recipe", metavar="R.json", help="also write the recipe as JSON")
            action.add_argument(
                "--f0",
                metavar="F0.csv|F0.mid",
                help="also write the pitch curve, with its edit, as a table or as notes",
            )
    delete = actions.action(family, "delete", _delete, _delete_text, "move takes to the workspace's trash")
    delete.add_argument("takes", metavar="TAKE", nargs="+", help="ids, or names that no other take has")
    trashed.add_argument(actions.action(family, "restore", _restore, _restored_text, "restore a deleted take"))


def add_texts(parser: argparse.ArgumentParser, notes: str) -> None:
    """Add ``--note`` or ``--notes``, ``--tag``, ``--no-tags`` and ``--star``: what people say about takes and sets."""
    parser.add_argument(f"--{notes}", metavar="TEXT", help="your own notes; an empty text removes them")
    tags = parser.add_mutually_exclusive_group()
    tags.add_argument("--tag", action="append", dest="tags", metavar="TAG", help="replaces its tags; can be repeated")
    tags.add_argument("--no-tags", action="store_const", const=[], dest="tags", help="remove its tags")
    parser.add_argument("--star", action=argparse.BooleanOptionalAction, default=None, help="mark or unmark it")


def store_and_take(workspace: Workspace, reference: str) -> tuple[TakeStore, Take]:
    """The one take that is meant, and where it is kept."""
    from ddsing.experiments.comparison import selection

    take = selection.only(workspace, reference)
    return selection.store_of(workspace, take), take


def _whole(workspace: Workspace, reference: str) -> tuple[TakeStore, Take]:
    """The one take that is meant; a damaged one is refused."""
    store, take = store_and_take(workspace, reference)
    return store, store.get(take.id)


def _list(args: argparse.Namespace) -> dict:
    from ddsing.transfer.takes import TakeStore

    names = ("id", "name", "instrument", "source", "tracker", "created", "duration_s", "star", "tags", "note")
    return {
        "takes": [
            {name: getattr(take, name) for name in names} | {"error": take.error or None}
            for take in TakeStore(open_workspace(args.workspace)).list_all()
        ]
    }


def _list_text(document: dict) -> str:
    return "\n".join(map(line, document["takes"])) or "No takes yet. Make one with `transfer`."


def line(take: dict) -> str:
    """A take in a line: id, when, star, name, length, tags."""
    if take["error"]:
        return f"{take['id']}: {take['error']}"
    tags = "".join(f" #{tag}" for tag in take["tags"])
    star = "★ " if take["star"] else ""
    when = take["created"][:16].replace("T", " ")
    return f"{take['id']}  {when}  {star}{take['name']}, {format_duration(take['duration_s'])}{tags}"


def _document(take: Take) -> dict:
    return {"id": take.id, "folder": str(take.folder), **take.to_json(), "recipe": take.recipe()}


def _show(args: argparse.Namespace) -> dict:
    return _document(_whole(open_workspace(args.workspace), args.take)[1])


def _show_text(document: dict) -> str:
    from ddsing.transfer import settings
    from ddsing.transfer.morph import Morph
    from ddsing.transfer.settings import Settings

    chosen = Settings.from_json(document["settings"])
    said = ", ".join(
        f"{settings.words(name).label} {settings.text(name, getattr(chosen, name))}" for name in settings.shown(chosen)
    )
    how = "sung from a score" if document.get("score") else f"tracker {document['tracker']}"
    lines = [
        line(document | {"error": None}),
        f"{document['source']} with {document['instrument']}, {how}",
        said[:1].upper() + said[1:],
    ]
    if edit := document.get("pitch_edit"):
        n_steps = len(edit["steps"])
        lines.append("Pitch edited in 1 step" if n_steps == 1 else f"Pitch edited in {n_steps} steps")
    if document["morph"]:
        lines.append(Morph.from_json(document["morph"]).said())
    if document["fit"] and document["fit"]["inside_share"] is not None:
        lines.append(f"{document['fit']['inside_share']:.0%} inside the instrument's range")
    if document["note"]:
        lines.append(document["note"])
    return "\n".join([*lines, *document["warnings"], document["folder"]])


def _rename(args: argparse.Namespace) -> dict:
    store, take = _whole(open_workspace(args.workspace), args.take)
    return {"id": take.id, "name": store.rename(take.id, args.name).name, "before": take.name}


def _renamed_text(document: dict) -> str:
    return f"Renamed {document['before']} to {document['name']}."


def _edit(args: argparse.Namespace) -> dict:
    if args.note is None and args.tags is None and args.star is None:
        raise SettingsError("Nothing to change; use --note, --tag, --no-tags, --star or --no-star.")
    store, take = _whole(open_workspace(args.workspace), args.take)
    if args.note is not None:
        take = store.note(take.id, args.note)
    if args.tags is not None or args.star is not None:
        take = store.label(take.id, tags=args.tags, star=args.star)
    return _document(take)


def _export(args: argparse.Namespace) -> dict:
    from ddsing.transfer import edited

    out = actions.require_folder(args.out)
    if out.suffix.lower() not in (".wav", ".flac", ".zip"):
        raise SettingsError(f"--out is {args.out[:200]!r}; its name must end in .wav or .flac, or in .zip for a DAW.")
    if len(args.takes) > 1:
        return _export_several(args, out)
    store, take = _whole(open_workspace(args.workspace), args.takes[0])
    written = [out]
    with writing(args.out):
        write_atomic(out, _content(store, take, out.suffix[1:].upper()))
    for stem in _STEMS if args.stems else ():
        written.append(out.with_name(f"{out.stem}_{stem}.wav"))
        write_stem(take, stem, written[-1])
    if args.recipe:
        written.append(actions.require_folder(args.recipe))
        with writing(args.recipe):
            write_json(written[-1], take.recipe())
    if args.f0:
        written.append(actions.require_folder(args.f0))
        with writing(args.f0):
            write_atomic(written[-1], edited.exported(take, written[-1].name))
    return {"id": take.id, "written": [str(path) for path in written], "bytes": sum(_size(path) for path in written)}


def _export_several(args: argparse.Namespace, out: Path) -> dict:
    """All of the takes, or none, to one zip for a DAW."""
    from ddsing.play import daw
    from ddsing.transfer import titles

    if out.suffix.lower() != ".zip":
        raise SettingsError(f"--out is {args.out[:200]!r}; several takes are exported for a DAW, to a .zip.")
    for option, value in (("--stems", args.stems), ("--recipe", args.recipe), ("--f0", args.f0)):
        if value:
            raise SettingsError(f"{option} is for one take. Leave it out, or export the takes one at a time.")
    workspace = open_workspace(args.workspace)
    takes = {take.id: take for _, take in (_whole(workspace, reference) for reference in args.takes)}
    called = titles.of(list(takes.values()))
    with writing(args.out), atomic(out) as file:
        daw.bundle_several(file, [(called[take.id], take) for take in takes.values()])
    return {"ids": list(takes), "written": [str(out)], "bytes": _size(out)}


def _content(store: TakeStore, take: Take, kind: str) -> bytes:
    if kind != "ZIP":
        return store.export(take.id, kind)
    from ddsing.play import daw

    return daw.bundle(take)


def write_stem(take: Take, stem: str, path: Path) -> None:
    """Write a take's harmonic part or noise as it is kept: 32-bit float."""
    try:
        content = (take.folder / f"{stem}.wav").read_bytes()
    except OSError:
        raise TakeError(f"The {stem} part of the take {take.name!r} can't be read. Render it again.") from None
    with writing(path):
        write_atomic(path, content)


def _size(path: Path) -> int:
    return path.stat().st_size


def _export_text(document: dict) -> str:
    return f"Written: {', '.join(document['written'])} ({format_bytes(document['bytes'])})."


def _delete(args: argparse.Namespace) -> dict:
    workspace = open_workspace(args.workspace)
    chosen = [store_and_take(workspace, reference) for reference in dict.fromkeys(args.takes)]  # all of them or none
    return {"deleted": [{"id": take.id, "name": take.name, "token": store.delete(take.id)} for store, take in chosen]}


def _delete_text(document: dict) -> str:
    return "\n".join(
        f"Moved {one['name']} to the trash. Restore it with `takes restore {one['id']}`." for one in document["deleted"]
    )


def _restore(args: argparse.Namespace) -> dict:
    from ddsing.experiments.comparison import selection
    from ddsing.transfer.takes import TakeStore

    workspace = open_workspace(args.workspace)
    stores = (TakeStore(workspace), selection.cells(workspace))
    path = trashed.find([store.folder for store in stores], args.deleted, what="take", called=_called)
    store = next(store for store in stores if path.is_relative_to(store.folder / ".trash"))
    take = store.undo(str(path))
    return {"id": take.id, "name": take.name}


def _called(path: Path) -> str | None:
    """What a deleted take was called."""
    from ddsing.files import read_json

    return (read_json(path / "take.json") or {}).get("name")


def _restored_text(document: dict) -> str:
    return f"Restored {document['name']}."
