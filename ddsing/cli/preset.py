"""``preset``: the controls of a transfer under a name: keep, list, pass on, and make the default of an instrument."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing.cli import actions, trashed, tuning
from ddsing.cli.asked import base_of, settings_of
from ddsing.cli.transfer import OPTIONS, add_settings
from ddsing.cli.writing import writing
from ddsing.errors import InstrumentError, SettingsError
from ddsing.files import read_json, spelled, write_atomic
from ddsing.transfer import settings as words
from ddsing.transfer.settings import Settings
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.transfer.presets import Preset, Presets


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``preset`` and its actions to the command line."""
    family = actions.family(subparsers, "preset", "presets: all controls of a transfer under a name")
    actions.action(family, "list", _list, _list_text, "all presets, and whose default they are")
    show = actions.action(family, "show", _show, _show_text, "what a preset sets")
    save = actions.action(family, "save", _save, _show_text, "keep settings as a preset; one of that name is replaced")
    rename = actions.action(family, "rename", _rename, _show_text, "rename a preset")
    delete = actions.action(family, "delete", _delete, _delete_text, "delete a preset")
    for action in (show, save, rename, delete):
        action.add_argument("preset", metavar="NAME")
    rename.add_argument("new", metavar="NEW", help="its new name")
    save.add_argument(
        "--like", metavar="TAKE|FILE", help="start from the settings of a take, or of a file made by ddsing"
    )
    save.add_argument("--preset", dest="base", metavar="NAME", help="start from another preset")
    add_settings(save)
    trashed.add_argument(actions.action(family, "restore", _restore, _show_text, "restore a deleted preset"))
    default = actions.action(family, "default", _default, _default_text, "what the page sets with an instrument")
    default.add_argument("instrument", metavar="INSTRUMENT")
    default.add_argument("preset", metavar="NAME", nargs="?", help="the preset; without it, the default is only shown")
    default.add_argument("--none", action="store_true", help="the instrument no longer has a default")
    export = actions.action(family, "export", _export, _export_text, "write presets to a file to pass on")
    export.add_argument("presets", metavar="NAME", nargs="*", help="which (all)")
    export.add_argument("--out", required=True, metavar="PRESETS.json")
    take_over = actions.action(family, "import", _import, _import_text, "keep the presets of such a file")
    take_over.add_argument("file", metavar="PRESETS.json")


def _store(args: argparse.Namespace) -> Presets:
    from ddsing.transfer.presets import Presets

    return Presets(open_workspace(args.workspace))


def _document(preset: Preset) -> dict[str, Any]:
    return {**preset.to_json(), "default_for": list(preset.default_for)}


def _list(args: argparse.Namespace) -> dict:
    return {"presets": [_document(one) for one in _store(args).list()]}


def _list_text(document: dict) -> str:
    return "\n".join(map(_line, document["presets"])) or "No presets yet. Keep one with `preset save NAME`."


def _line(one: dict) -> str:
    default = f" (default of {', '.join(one['default_for'])})" if one["default_for"] else ""
    return f"{one['name']}{default}: {_said(one)}"


def _said(one: dict) -> str:
    """What it changes, in a line."""
    settings, default = Settings.from_json(one["settings"]), Settings()
    changed = [name for name in words.SHOWN if getattr(settings, name) != getattr(default, name)]
    said = [f"{words.words(name).label} {words.text(name, getattr(settings, name))}" for name in changed]
    return ", ".join([f"tracker {one['tracker']}", *said])


def _show(args: argparse.Namespace) -> dict:
    return _document(_store(args).get(args.preset))


def _show_text(document: dict) -> str:
    return _line(document)


def _save(args: argparse.Namespace) -> dict:
    from ddsing.transfer.presets import Preset

    if args.like is not None and args.base is not None:
        raise SettingsError("--like and --preset both say what to start from. Leave one of them out.")
    if args.transpose == tuning.AUTO:
        raise SettingsError("--transpose auto depends on the recording, so a preset can't have it. Give the semitones.")
    store, name, args.preset = _store(args), args.preset, args.base
    base, tracker = base_of(args)
    settings, z_source = settings_of(args, OPTIONS, base)
    if z_source is not None:
        raise SettingsError("--z-from must be recording or mean in a preset: a file may not be there later.")
    return _document(store.save(Preset(name, settings, args.tracker or tracker)))


def _rename(args: argparse.Namespace) -> dict:
    return _document(_store(args).rename(args.preset, args.new))


def _delete(args: argparse.Namespace) -> dict:
    store = _store(args)
    preset = store.get(args.preset)
    return {"name": preset.name, "token": store.delete(preset.name)}


def _delete_text(document: dict) -> str:
    return f"Deleted {document['name']}. Restore it with `preset restore {document['name']!r}`."


def _restore(args: argparse.Namespace) -> dict:
    store = _store(args)
    path = trashed.find(
        [store.folder], args.deleted, what="preset", called=lambda path: (read_json(path) or {}).get("name")
    )
    return _document(store.undo(str(path)))


def _default(args: argparse.Namespace) -> dict:
    from ddsing.instrument.library import Library

    entry = Library(open_workspace(args.workspace)).find(args.instrument)
    if entry is None:
        raise InstrumentError(f"No instrument {args.instrument[:80]!r}; `instrument list` shows all.")
    store = _store(args)
    if args.preset is not None or args.none:
        if args.preset is not None and args.none:
            raise SettingsError("--none removes the default. Leave out the preset's name.")
        store.set_default(entry.name, args.preset)
    preset = store.default_of(entry.name)
    return {"instrument": entry.name, "preset": None if preset is None else preset.name}


def _default_text(document: dict) -> str:
    if document["preset"] is None:
        return f"{document['instrument']} has no default preset."
    return f"The default of {document['instrument']} is {document['preset']}."


def _export(args: argparse.Namespace) -> dict:
    from ddsing.transfer.presets import to_file

    store, out = _store(args), actions.require_folder(args.out)
    presets = [store.get(name) for name in args.presets] or list(store.list())
    if not presets:
        raise SettingsError("There are no presets to export. Keep one with `preset save NAME`.")
    with writing(args.out):
        write_atomic(out, to_file(presets))
    return {"out": args.out, "presets": [one.name for one in presets]}


def _export_text(document: dict) -> str:
    return f"Written to {document['out']}: {', '.join(document['presets'])}."


def _import(args: argparse.Namespace) -> dict:
    path = spelled(Path(args.file))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{args.file[:200]!r} can't be read: {error.strerror or error}.") from None
    return {"presets": [_document(one) for one in _store(args).take_over(content)]}


def _import_text(document: dict) -> str:
    return "\n".join(map(_line, document["presets"]))
