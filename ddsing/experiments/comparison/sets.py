"""Named sets of takes: a title, notes, tags and a star for what belongs together. One JSON file each in ``sets/``."""

from __future__ import annotations

import contextlib
import datetime
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ddsing import names
from ddsing.changing import changing
from ddsing.errors import DdsingError, TakeError
from ddsing.files import existing, listed, restore, safe_name, trash, write_json
from ddsing.transfer.take import clean_tags
from ddsing.workspace import Workspace

FOLDER = "sets"
MAX_TITLE, MAX_NOTES, MAX_TAKES = 120, 10_000, 200


@dataclass(frozen=True)
class TakeSet:
    """Takes that belong together; `takes` holds their ids, also of those that were deleted meanwhile."""

    id: str
    title: str
    takes: tuple[str, ...]
    notes: str = ""
    tags: tuple[str, ...] = ()
    star: bool = False
    created: str = ""


class SetStore:
    """The sets of a workspace."""

    def __init__(self, workspace: Workspace):
        self.folder = workspace.experiments / FOLDER

    def list(self) -> tuple[TakeSet, ...]:
        """All that can be read: starred ones first, then the newest."""
        found = []
        for path in _files(self.folder):
            try:
                found.append(_read(path))
            except DdsingError:
                continue
        newest = sorted(found, key=lambda one: one.id, reverse=True)
        return tuple(sorted(newest, key=lambda one: not one.star))

    def get(self, set_id: str) -> TakeSet:
        """The set with an id."""
        return _read(self._path(set_id))

    def of(self, takes: Iterable[str]) -> TakeSet | None:
        """The set that holds exactly these takes, if there is one."""
        wanted = set(takes)
        return next((one for one in self.list() if set(one.takes) == wanted), None)

    def find(self, reference: str) -> TakeSet:
        """The set with an id or a title; raises `TakeError` for none, and for a title that several have."""
        called = [one for one in self.list() if names.same(one.title, reference)]
        if len(called) > 1:
            ids = ", ".join(one.id for one in called[:4])
            raise TakeError(f"{len(called)} sets are named {reference[:80]!r}; choose one by its id: {ids}.")
        return called[0] if called else self.get(reference)

    def create(self, title: str, takes: Iterable[str], **facts: Any) -> TakeSet:
        """Keep takes as a set."""
        now = datetime.datetime.now(datetime.UTC)
        one = TakeSet("", title, tuple(takes), created=now.isoformat(timespec="seconds"), **facts)
        while True:
            set_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
            with contextlib.suppress(FileExistsError):
                return self._write(replace(one, id=set_id), new=True)

    def change(self, set_id: str, **changes: Any) -> TakeSet:
        """Change its title, notes, tags, star or takes."""
        with changing(self.folder):
            return self._write(replace(self.get(set_id), **changes))

    def _write(self, one: TakeSet, *, new: bool = False) -> TakeSet:
        """Write a set, its text cut to what is kept."""
        kept = replace(
            one,
            title=" ".join(one.title.split())[:MAX_TITLE] or "Untitled",
            notes=one.notes[:MAX_NOTES],
            tags=clean_tags(one.tags),
            takes=tuple(dict.fromkeys(one.takes))[:MAX_TAKES],
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self._path(one.id), asdict(kept), new=new)
        except OSError as error:
            if isinstance(error, FileExistsError) and self._path(one.id).exists():
                raise
            raise TakeError(f"The set {kept.title!r} can't be saved: {error.strerror}.") from None
        return kept

    def delete(self, set_id: str) -> str:
        """Move a set to the trash, its takes stay; returns what `undo` takes."""
        with changing(self.folder):
            self.get(set_id)
            return str(trash(self._path(set_id)))

    def undo(self, token: str) -> TakeSet:
        """Bring a deleted set back."""
        path = Path(token)
        if path.parent.parent != self.folder / ".trash":
            raise TakeError("This set can't be restored: it was not deleted here.")
        return _read(restore(path))

    def _path(self, set_id: str) -> Path:
        there = existing(self.folder, set_id, ".json")
        return there or self.folder / f"{safe_name(set_id)}.json"


def _files(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.suffix == ".json"]


def _read(path: Path) -> TakeSet:
    try:
        data = names.mended(json.loads(path.read_text("utf-8")))
        texts = {name: str(data.get(name, "")) for name in ("title", "notes", "created")}
        takes = tuple(str(take_id) for take_id in data["takes"])
        return TakeSet(
            names.read(path.stem),
            takes=takes,
            tags=clean_tags(data.get("tags", ())),
            star=data.get("star") is True,
            **texts,
        )
    except FileNotFoundError:
        raise TakeError(f"No set {names.read(path.stem)[:80]!r}; it may have been deleted.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TakeError(f"The set {names.read(path.stem)[:80]!r} is damaged and can't be read.") from None
