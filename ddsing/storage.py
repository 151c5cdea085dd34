"""What a workspace keeps besides its owner's files: results that can be computed again, and what was deleted.

Both are only ever removed on request. The cache of pitch tracks is bounded by itself
(`ddsing.sound.features.FeatureCache`).
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ddsing import names
from ddsing.errors import WorkspaceError
from ddsing.files import existing, trash
from ddsing.sound.features import FeatureCache
from ddsing.workspace import FOLDERS, Workspace

TRASH = ".trash"
_MADE = ("_checkpoints", "_dataset")  # endings of folders' names
SOURCES = "sources"  # of the cache: what was uploaded or recorded last, for a page that is loaded again
COMPUTED = (
    "features",
    "instruments",
    "curves",
    "sweeps",
    "latent",
    "heard",
    "first sounds",
    SOURCES,
)  # of the cache; made again when needed


@dataclass(frozen=True)
class Storage:
    """Sizes in bytes.

    Attributes
    ----------
    cache_bytes : int
        Pitch tracks, converted 2021 instruments, parsed losses and the like, which are made again when needed.
    trash_bytes : int
        Deleted recordings, instruments and takes that can still be brought back.
    """

    cache_bytes: int
    trash_bytes: int


def measure(workspace: Workspace) -> Storage:
    """What there is to gain."""
    return Storage(_size(workspace.cache), sum(map(_size, _trashes(workspace))))


def total_bytes(workspace: Workspace) -> int:
    """All that is in a workspace; 0 for one that is not there."""
    return _size(workspace.root)


def by_kind(workspace: Workspace) -> dict[str, int]:
    """Bytes of what its owner may delete, by what it is."""
    runs = sum(runs_and_datasets(workspace).values())
    return {
        "recordings": max(0, _size(workspace.audio) - runs),
        "runs and datasets": runs,
        "instruments": _size(workspace.instruments),
        "takes": _size(workspace.experiments),
    }


def runs_and_datasets(workspace: Workspace) -> dict[str, int]:
    """Bytes of what training has written and what it reads, by the folder's name."""
    folders = [path for ending in _MADE for path in workspace.audio.glob(f"*{ending}")]
    return {names.read(path.name): _size(path) for path in sorted(folders) if path.is_dir() and path.name[0] != "."}


def remove_run_or_dataset(workspace: Workspace, name: str) -> None:
    """Move one of those folders to the trash; no job of its voice may be running."""
    path = existing(workspace.audio, name)
    if path is None or not path.name.endswith(_MADE):
        raise WorkspaceError(f"No run or dataset {name[:80]!r}.")
    trash(path)


def clear_cache(workspace: Workspace) -> int:
    """Remove what can be computed again; returns the bytes gained."""
    before = _size(workspace.cache)
    FeatureCache(workspace.cache / "features").clear()
    for name in COMPUTED[1:]:
        shutil.rmtree(workspace.cache / name, ignore_errors=True)
    return before - _size(workspace.cache)


def empty_trash(workspace: Workspace) -> int:
    """Delete for good what was deleted; returns the bytes gained."""
    gained = 0
    for folder in list(_trashes(workspace)):
        before = _size(folder)
        shutil.rmtree(folder, ignore_errors=True)
        gained += before - _size(folder)
    return gained


def _trashes(workspace: Workspace) -> Iterator[Path]:
    for name in (*FOLDERS, "presets"):
        for path, folders, _ in os.walk(workspace.root / name):  # follows no symbolic link
            if TRASH in folders:
                folders.remove(TRASH)
                trash = Path(path) / TRASH
                if not trash.is_symlink():
                    yield trash


def _size(folder: Path) -> int:
    total = 0
    for path, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(path, file)).st_size
            except OSError:
                continue  # it went away meanwhile
    return total
