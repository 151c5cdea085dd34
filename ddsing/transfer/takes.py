"""Where takes are kept: one folder each in ``experiments/``, with the record and the sounds.

A take is built aside and renamed into place, so that a crash leaves a whole take or none. `TakeStore.list_all` shows a
damaged one with its reason and never fails for it. What was read is remembered until the file on disk is another.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ddsing import files, names
from ddsing.changing import changing
from ddsing.errors import DdsingError, TakeError
from ddsing.files import existing, flush, move_exclusively, restore, safe_name, trash
from ddsing.sound.audio import encode
from ddsing.transfer.take import MAX_NAME, Take, clean_tags
from ddsing.workspace import Workspace

_ABANDONED_S = 24 * 3600.0  # a half-built take this old was left by a crash
RESERVED = ("matrix", "sets", "listening")  # folders beside the takes that are no takes
_MAX_REMEMBERED = 5000
_remembered: dict[str, tuple[tuple[int, ...], Take]] = {}  # by folder, with the stamp of take.json; bounded


Takes = list[Take]  # inside `TakeStore`, `list` is its method


class TakeStore:
    """The takes of a workspace, or those of another folder in it."""

    def __init__(self, workspace: Workspace, folder: Path | None = None):
        self.folder = folder or workspace.experiments

    def list(self) -> Takes:
        """All readable takes, newest first."""
        return [take for take in self.list_all() if not take.error]

    def list_all(self) -> Takes:
        """All takes, newest first; one that can't be read has its reason as `error`."""
        return [self._read(place) for place in self._places()]

    def newest(self) -> Take | None:
        """The newest readable take."""
        return next((take for take in map(self._read, self._places()) if not take.error), None)

    def get(self, take_id: str) -> Take:
        """The take with an id."""
        take = self._read(str(existing(self.folder, take_id) or self.folder / safe_name(take_id)))
        if take.error:
            raise TakeError(take.error)
        return take

    def rename(self, take_id: str, name: str) -> Take:
        """Call a take otherwise (up to 120 characters)."""
        return self._change(take_id, name=name.strip()[:MAX_NAME] or take_id)

    def note(self, take_id: str, note: str) -> Take:
        """Write a note to a take (up to 2,000 characters)."""
        return self._change(take_id, note=note[:2000])

    def label(self, take_id: str, *, tags: Iterable[str] | None = None, star: bool | None = None) -> Take:
        """Give a take tags, or a star, or take them away; None leaves as it is."""
        changes = {} if tags is None else {"tags": clean_tags(tags)}
        return self._change(take_id, **changes, **({} if star is None else {"star": bool(star)}))

    def delete(self, take_id: str) -> str:
        """Move a take, readable or not, to the trash; returns what `undo` takes."""
        with changing(self.folder):
            folder = existing(self.folder, take_id)
            if folder is None or not folder.is_dir():
                raise TakeError(f"No take {take_id[:80]!r}; it may have been deleted.")
            return str(trash(folder))

    def undo(self, token: str) -> Take:
        """Bring a deleted take back."""
        path = Path(token)
        if path.parent.parent != self.folder / ".trash":
            raise TakeError("This take can't be restored: it was not deleted here.")
        return self._read(str(restore(path)))

    def export(self, take_id: str, format: str = "WAV") -> bytes:
        """The result as a 24-bit WAV or FLAC with the recipe in its metadata."""
        take = self.get(take_id)
        return encode(take.folder / "result.wav", format=format, recipe=take.recipe())

    @contextlib.contextmanager
    def building(self, title: str) -> Iterator[tuple[str, Path]]:
        """A new take's id and a folder to fill; it becomes a take when the block ends well, and vanishes otherwise."""
        now = datetime.datetime.now(datetime.UTC)  # local time would go back an hour in autumn
        when = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}"
        stem = f"{when}-{safe_name(title)[:40].strip(' .-')}"
        self._remove_abandoned()
        with _disk_errors():
            take_id, folder = self._claim(stem)
            try:
                yield take_id, folder
                for path in (*folder.iterdir(), folder):
                    flush(path)
                move_exclusively(folder, self.folder / take_id)
                flush(self.folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def _claim(self, stem: str) -> tuple[str, Path]:
        """An id that no take has, and the folder to build it in, which keeps others from the id."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            take_id = f"{stem}-{secrets.token_hex(2)}"
            folder = self.folder / f".{take_id}.partial"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                if not (self.folder / take_id).exists():
                    return take_id, folder
                folder.rmdir()  # who had the id was just done with it

    def _places(self) -> Sequence[str]:
        """The takes' folders, the newest first: of hundreds that are remembered, making paths would take the time."""
        try:
            with os.scandir(self.folder) as entries:  # which knows folders without asking the disk for each
                found = [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise TakeError(f"The folder {str(self.folder)!r} can't be read: {error.strerror or error}.") from None
        return [os.path.join(self.folder, name) for name in sorted(found, reverse=True) if name not in RESERVED]

    def _remove_abandoned(self) -> None:
        for path in self.folder.glob(".*.partial"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(path, ignore_errors=True)

    def _change(self, take_id: str, **changes: Any) -> Take:
        with changing(self.folder), _disk_errors():
            take = replace(self.get(take_id), **changes)
            write_take(take)
            return take

    def _read(self, place: str) -> Take:
        """A take as it is on disk in a folder, read anew only if its ``take.json`` has changed."""
        try:
            stamp = files.stamp(os.path.join(place, "take.json"), inode=True)
            sound, found = os.path.join(place, "result.wav"), _remembered.get(place)
            if found is None or found[0] != stamp or not os.path.isfile(sound):  # noqa: PTH113  of hundreds
                if len(_remembered) >= _MAX_REMEMBERED:
                    _remembered.clear()
                found = _remembered[place] = (stamp, self._parse(Path(place)))
            return found[1]
        except FileNotFoundError:
            folder = Path(place)
            return _unreadable(folder, "is damaged: its take.json is missing" if folder.is_dir() else "is missing")
        except PermissionError as error:
            return _unreadable(Path(place), f"can't be read: {error.strerror}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, DdsingError):
            return _unreadable(Path(place), "is damaged and can't be read")

    def _parse(self, folder: Path) -> Take:
        data = names.mended(json.loads((folder / "take.json").read_text("utf-8")))
        if not (folder / "result.wav").is_file():
            raise TakeError("the sound is missing")
        return Take.from_json(folder, data)


def _unreadable(folder: Path, why: str) -> Take:
    name = names.read(folder.name)
    return Take(name, folder, name=name, error=f"The take {name!r} {why}.")


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """What the disk refuses, in a sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TakeError(f"The take can't be saved: {reason}. Free some space or use another workspace.") from None


def write_take(take: Take, folder: Path | None = None) -> None:
    """Write a take's ``take.json``, into `folder` while it is being built."""
    files.write_json((folder or take.folder) / "take.json", take.to_json())
