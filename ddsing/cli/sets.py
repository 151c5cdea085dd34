"""``sets``: takes that belong together: make, describe, dissolve, bring back, and pass on as a session."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from ddsing.cli import actions, trashed
from ddsing.cli.takes import add_texts
from ddsing.cli.writing import writing
from ddsing.errors import SettingsError
from ddsing.files import write_atomic
from ddsing.units import format_bytes
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.experiments.comparison.sets import SetStore, TakeSet


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``sets`` and its actions to the command line."""
    family = actions.family(subparsers, "sets", "sets of takes: create, describe, ungroup, export")
    actions.action(family, "list", _list, _list_text, "all sets, starred ones first")
    create = actions.action(family, "create", _create, _show_text, "group takes as a set")
    create.add_argument("title", metavar="TITLE")
    create.add_argument("takes", metavar="TAKE", nargs="+", help="ids or names of takes")
    add_texts(create, "notes")
    for name, func, text, help_text in (
        ("show", _show, _show_text, "a set's takes, notes and tags"),
        ("edit", _edit, _show_text, "a set's title, takes, notes, tags and star"),
        (
            "export",
            _export,
            _export_text,
            "the set as one zip: sounds, settings, metrics, tests and a web page",
        ),
        ("delete", _delete, _delete_text, "ungroup a set; its takes are kept"),
    ):
        action = actions.action(family, name, func, text, help_text)
        action.add_argument("set", metavar="SET", help="its id, or its title if no other set has it")
        if name == "edit":
            action.add_argument("--title", metavar="TITLE")
            action.add_argument("--takes", metavar="TAKE", nargs="+", help="replace its takes")
            add_texts(action, "notes")
        if name == "export":
            action.add_argument("--out", required=True, metavar="SESSION.zip")
    trashed.add_argument(actions.action(family, "restore", _restore, _restored_text, "restore an ungrouped set"))


def _store(args: argparse.Namespace) -> SetStore:
    from ddsing.experiments.comparison.sets import SetStore

    return SetStore(open_workspace(args.workspace))


def _document(one: TakeSet) -> dict[str, Any]:
    return dataclasses.asdict(one)


def _list(args: argparse.Namespace) -> dict:
    return {"sets": [_document(one) for one in _store(args).list()]}


def _list_text(document: dict) -> str:
    return "\n".join(map(_line, document["sets"])) or "No sets yet. Create one with `sets create TITLE TAKE TAKE`."


def _line(one: dict) -> str:
    tags = "".join(f" #{tag}" for tag in one["tags"])
    star = "★ " if one["star"] else ""
    return f"{one['id']}  {star}{one['title']}, {len(one['takes'])} takes{tags}"


def _ids(args: argparse.Namespace, references: list[str]) -> tuple[str, ...]:
    from ddsing.experiments.comparison import selection

    return tuple(take.id for take in selection.named(open_workspace(args.workspace), references))


def _create(args: argparse.Namespace) -> dict:
    facts = {"notes": args.notes or "", "tags": tuple(args.tags or ()), "star": bool(args.star)}
    return _document(_store(args).create(args.title, _ids(args, args.takes), **facts))


def _show(args: argparse.Namespace) -> dict:
    return _document(_store(args).find(args.set))


def _show_text(document: dict) -> str:
    notes = [document["notes"]] if document["notes"] else []
    return "\n".join([_line(document), *(f"  {take_id}" for take_id in document["takes"]), *notes])


def _edit(args: argparse.Namespace) -> dict:
    changes = {name: getattr(args, name) for name in ("title", "notes", "tags", "star", "takes")}
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes:
        raise SettingsError("Nothing to change; use --title, --takes, --notes, --tag, --no-tags or --star.")
    if "takes" in changes:
        changes["takes"] = _ids(args, args.takes)
    store = _store(args)
    return _document(store.change(store.find(args.set).id, **changes))


def _export(args: argparse.Namespace) -> dict:
    from ddsing.experiments.comparison import selection, session

    workspace, out = open_workspace(args.workspace), actions.require_folder(args.out)
    one = _store(args).find(args.set)
    takes = selection.found(workspace, one.takes)
    content = session.packed(workspace, takes, title=one.title, notes=one.notes, tags=one.tags)
    with writing(args.out):
        write_atomic(out, content)
    return {"out": args.out, "takes": [take.id for take in takes], "bytes": len(content)}


def _export_text(document: dict) -> str:
    size = format_bytes(document["bytes"])
    return f"Written to {document['out']} ({size}): {len(document['takes'])} takes. Open its index.html."


def _delete(args: argparse.Namespace) -> dict:
    store = _store(args)
    one = store.find(args.set)
    return {"id": one.id, "title": one.title, "token": store.delete(one.id)}


def _delete_text(document: dict) -> str:
    return f"Ungrouped {document['title']}. Restore it with `sets restore {document['id']}`."


def _restore(args: argparse.Namespace) -> dict:
    store = _store(args)
    return _document(store.undo(trashed.titled(store.folder, args.deleted, what="set")))


def _restored_text(document: dict) -> str:
    return f"Restored {document['title']}."
