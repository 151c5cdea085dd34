"""What a run's files say, kept in the workspace's cache until one of them changes."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from ddsing import files
from ddsing.training import folder
from ddsing.workspace import Workspace

_VERSION = 2  # of what is kept
_READ_FILES = ("history.jsonl", "best.json", "recipe.json")
_ARRAYS = ("steps", "loss", "held_out")


def fingerprint(path: Path) -> str:
    """What changes whenever a file that a run is read from does."""
    seen = [f"v{_VERSION}"]
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.name in _READ_FILES or entry.name.endswith((".gin", ".index")):
            seen.append(_seen(entry))
    for event_file in folder.event_files(path):
        seen.append(_seen(event_file))
    return "\n".join(seen)


def _seen(file: Path | os.DirEntry) -> str:
    return " ".join(map(str, (file.name, *files.stamp(file))))


def place(workspace: Workspace, path: Path) -> Path:
    """Where the cache keeps what was read from a training's folder."""
    key = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    return workspace.cache / "curves" / f"{key}.npz"


def read(kept: Path, stamp: str) -> tuple[dict, dict[str, np.ndarray]] | None:
    """(facts, arrays) as they were written for this `fingerprint`; None where there are none."""
    arrays = files.read_arrays(kept, ("facts", *_ARRAYS)) or {}
    try:
        facts = json.loads(arrays.pop("facts").tobytes())
        return (facts, arrays) if facts["stamp"] == stamp else None
    except (ValueError, KeyError, TypeError):
        return None


def write(kept: Path, stamp: str, facts: dict, arrays: dict[str, np.ndarray]) -> None:
    """Keep facts and arrays; a full disk only means that they are not kept."""
    document = json.dumps({"stamp": stamp, **facts}).encode()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        files.write_arrays(kept, facts=np.frombuffer(document, np.uint8), **arrays)
    except OSError:
        return
