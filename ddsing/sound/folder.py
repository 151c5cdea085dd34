"""A folder's recordings: all files, at any depth, that are audio by their content or say so by their name.

Hidden files and folders are passed over, and what is no ordinary file. Links to folders are followed, each folder is
looked into once; a link that leads nowhere counts by its name. What can't be looked into is said.

Public: `Found`, `look`, `recordings`, `name_of`, `named`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ddsing import names
from ddsing.sound.audio import is_recording
from ddsing.sound.kinds import SUFFIXES


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes
    ----------
    recordings : tuple[Path, ...]
        By path.
    unreadable : Mapping[Path, str]
        Folders that can't be looked into, each with the sentence that says why; the folder itself may be one.
    """

    recordings: tuple[Path, ...]
    unreadable: Mapping[Path, str]


def look(folder: Path) -> Found:
    """The recordings in a folder and those below it; a folder that is not there has none."""
    if not os.path.lexists(folder):
        return Found((), {})
    recordings: list[Path] = []
    unreadable: dict[Path, str] = {}
    seen: set[tuple[int, int]] = set()
    folders, links = [folder], list[Path]()  # links last, so that a recording is called by the folder that it is in
    while folders or links:
        here = folders.pop() if folders else links.pop(0)
        try:
            facts = os.stat(here)
            if (facts.st_dev, facts.st_ino) in seen:
                continue
            seen.add((facts.st_dev, facts.st_ino))
            with os.scandir(here) as entries:
                visible = [entry for entry in entries if entry.name[0] != "."]
        except OSError as error:
            unreadable[here] = f"The folder can't be read: {error.strerror or error}. Its contents are left out."
            continue
        for entry in sorted(visible, key=lambda entry: entry.name):
            if _is_folder(entry):
                (links if entry.is_symlink() else folders).append(Path(entry.path))
            elif _counts(entry):
                recordings.append(Path(entry.path))
    return Found(tuple(sorted(recordings)), unreadable)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _counts(entry: os.DirEntry[str]) -> bool:
    said = Path(entry.name).suffix.lower() in SUFFIXES
    try:
        ordinary = entry.is_file()
    except OSError:
        ordinary = False
    if ordinary:
        return said or is_recording(Path(entry.path))
    return said and entry.is_symlink() and not Path(entry.path).exists()


def recordings(folder: Path) -> list[Path]:
    """The recordings in a folder and those below it, by path."""
    return list(look(folder).recordings)


def name_of(folder: Path, path: Path) -> str:
    """What a recording is called: its place below the folder, such as ``tutti/one.wav``."""
    return names.read(path.relative_to(folder).as_posix())


def named(folder: Path, name: str) -> Path | None:
    """The file below a folder with such a name, however its letters are composed; None if there is none."""
    place = Path(names.on_disk(name)) if name and "\0" not in name else Path("..")
    if place.is_absolute() or place.drive or any(part.startswith(".") for part in place.parts):
        return None
    if (folder / place).is_file():
        return folder / place
    known = {name_of(folder, path): path for path in look(folder).recordings}
    found = names.find(name, known)
    return known[found] if found is not None and known[found].is_file() else None
