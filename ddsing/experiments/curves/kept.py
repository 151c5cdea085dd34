"""What a run's files say, kept in the workspace's cache until one of them changes."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ddsing.training import folder
from ddsing.workspace import Workspace, write_atomic

_VERSION = 1  # of what is kept
_READ_FILES = ("history.jsonl", "best.json", "recipe.json")
_ARRAYS = ("steps", "loss", "held_out")


def fingerprint(path: Path) -> str:
    """What changes whenever a file that a run is read from does."""
    seen = [f"v{_VERSION}"]
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.name in _READ_FILES or entry.name.endswith((".gin", ".index")):
            facts = entry.stat()
            seen.append(f"{entry.name} {facts.st_size} {facts.st_mtime_ns}")
    for event_file in folder.event_files(path):
        facts = event_file.stat()
        seen.append(f"{event_file.name} {facts.st_size} {facts.st_mtime_ns}")
    return "\n".join(seen)


def place(workspace: Workspace, path: Path) -> Path:
    """Where the cache keeps what was read from a training's folder."""
    key = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]
    return workspace.cache / "curves" / f"{key}.npz"


def read(kept: Path, stamp: str) -> tuple[dict, dict[str, np.ndarray]] | None:
    """(facts, arrays) as they were written for this `fingerprint`; None where there are none."""
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            if facts["stamp"] != stamp:
                return None
            return facts, {name: arrays[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write(kept: Path, stamp: str, facts: dict, arrays: dict[str, np.ndarray]) -> None:
    """Keep facts and arrays; a full disk only means that they are not kept."""
    buffer = io.BytesIO()
    document = json.dumps({"stamp": stamp, **facts}).encode()
    contents: dict[str, Any] = {"facts": np.frombuffer(document, np.uint8), **arrays}
    np.savez(buffer, **contents)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, buffer.getvalue())
    except OSError:
        return
