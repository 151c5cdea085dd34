"""Checkpoints in a ``<voice>_checkpoints`` folder: published whole or not at all, verified before they are believed.

A checkpoint of step N is ``ckpt-N.index`` and ``ckpt-N.data-00000-of-00001``, which ddsp restores, and ``ckpt-N.json``
with their SHA-256 and what was measured. It is written aside, flushed to the disk and hashed; then the data is moved to
its place, then the manifest, and the index last. A step counts as published once its index is there; one that is
published and verifies is never written again. Checkpoints of 2021 have no manifest; whether they are whole shows when
they are read.

TensorFlow's file ``checkpoint``, which names the newest to ddsp's own tools, is written for them and never read here.
One process at a time may publish in a folder (`ddsing.training.folder.held`); any may read.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ddsing import names as names_of_files
from ddsing.errors import DiskFull, InstrumentError, TrainingError
from ddsing.files import flush, move, read_json, write_atomic, write_json
from ddsing.model.config import ModelConfig
from ddsing.training import state as states
from ddsing.training.state import State
from ddsing.units import format_bytes

BEST_NAME = "best.json"
_INDEX = re.compile(r"ckpt-(0|[1-9][0-9]{0,10})\.index")
_ASIDE = re.compile(r"\.writing-[0-9a-f]{32}")
_DATA_SUFFIX = ".data-00000-of-00001"
_MAX_MANIFEST_BYTES = 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded")
_STATE_COPIES = 3  # weights, and Adam's two averages of each


@dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint; `facts` is its manifest, empty for one of 2021."""

    folder: Path
    step: int
    facts: Mapping = field(default_factory=dict)

    @property
    def index_path(self) -> Path:
        """Its ``.index`` file."""
        return self.folder / f"ckpt-{self.step}.index"

    def state(self, config: ModelConfig) -> State:
        """Weights, Adam's averages and step count; raises `InstrumentError` unless all is whole."""
        if self.facts and not verify(self):
            raise InstrumentError(
                f"The checkpoint of step {self.step:,} is damaged: its SHA-256 checksum doesn't match."
            )
        return states.read(self.index_path, config)


class Newest(NamedTuple):
    """The newest checkpoint that can be read, what it holds, and a sentence on each that was passed over."""

    checkpoint: Checkpoint
    state: State
    skipped: tuple[str, ...]


def names(step: int) -> tuple[str, str, str]:
    """File names of a checkpoint that we write, in the order in which they are moved into place."""
    return f"ckpt-{step}{_DATA_SUFFIX}", f"ckpt-{step}.json", f"ckpt-{step}.index"


def published(folder: Path) -> list[Checkpoint]:
    """All published checkpoints, oldest first."""
    try:
        found = [match for path in folder.iterdir() if (match := _INDEX.fullmatch(path.name))]
    except OSError:
        return []
    steps = sorted(int(match[1]) for match in found)
    return [Checkpoint(folder, step, _manifest(folder, step)) for step in steps]


def verify(checkpoint: Checkpoint) -> bool:
    """Whether the files are those that the manifest describes; False without a manifest."""
    files = checkpoint.facts.get("files")
    data, _, index = names(checkpoint.step)
    if not isinstance(files, dict) or set(files) != {data, index}:
        return False
    try:
        return all(_sha256(checkpoint.folder / name) == files[name] for name in files)
    except OSError:
        return False


def newest_state(folder: Path, config: ModelConfig) -> Newest | None:
    """The newest checkpoint that verifies or, from 2021, reads whole; None where there is no checkpoint."""
    skipped: list[str] = []
    for checkpoint in reversed(published(folder)):
        try:
            return Newest(checkpoint, checkpoint.state(config), tuple(skipped))
        except InstrumentError as error:
            skipped.append(f"Skipped step {checkpoint.step:,}: {error}")
    if skipped:
        raise TrainingError(
            f"None of the checkpoints in {folder.name!r} can be read, so training can't continue. Move the folder "
            f"away to start from scratch. {skipped[0]}"
        )
    return None


def get(folder: Path, step: int) -> Checkpoint:
    """The published checkpoint of a step."""
    found = {checkpoint.step: checkpoint for checkpoint in published(folder)}
    if step not in found:
        known = ", ".join(f"{kept:,}" for kept in sorted(found)) or "none yet"
        raise TrainingError(f"{folder.name!r} has no checkpoint of step {step:,}; available steps: {known}.")
    return found[step]


def publish(folder: Path, step: int, write: Callable[[Path], object], facts: Mapping) -> Checkpoint:
    """Publish a checkpoint.

    Parameters
    ----------
    write : callable
        Writes the checkpoint's files with the prefix that it is given, as `tf.train.Checkpoint.write` does.
    facts : Mapping
        What its manifest says beside step and hashes; plain values.

    Raises
    ------
    DiskFull
        What was published before stays as it is.
    """
    for checkpoint in published(folder):
        if checkpoint.step == step and verify(checkpoint):
            return checkpoint
    aside = folder / f".writing-{uuid.uuid4().hex}"
    try:
        os.mkdir(aside)
        with _in_utf8(aside) as place:
            write(place / f"ckpt-{step}")
        data, manifest, index = names(step)
        for name in (data, index):
            flush(aside / name)
        document = {**facts, "step": step, "files": {name: _sha256(aside / name) for name in (data, index)}}
        with open(aside / manifest, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        for name in (data, manifest, index):
            move(aside / name, folder / name)
        flush(folder)
    except Exception as error:
        raise _explained(error, folder, step) from error
    finally:
        _remove_aside(aside)
    return Checkpoint(folder, step, document)


@contextlib.contextmanager
def _in_utf8(folder: Path) -> Iterator[Path]:
    """The folder, by way of a link where its path is no UTF-8, which TensorFlow does not take."""
    if names_of_files.read(folder) == str(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="ddsing-") as links:
        link = Path(links) / "folder"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


def prune(folder: Path, *, keep: int, worth: Collection[int]) -> list[int]:
    """Delete our own checkpoints but the last `keep` that verify, and those of `worth`; returns the steps gone.

    Those without a manifest, of 2021, are never touched, nor is any while fewer than `keep` verify.
    """
    ours = [checkpoint for checkpoint in published(folder) if checkpoint.facts]
    verified = [checkpoint.step for checkpoint in reversed(ours) if verify(checkpoint)][:keep]
    if len(verified) < keep:
        return []
    gone = [checkpoint for checkpoint in ours if checkpoint.step < verified[-1] and checkpoint.step not in worth]
    for checkpoint in gone:
        for name in reversed(names(checkpoint.step)):  # the index first: from then on it is none any more
            with contextlib.suppress(FileNotFoundError):
                os.unlink(folder / name)
    return [checkpoint.step for checkpoint in gone]


def tidy(folder: Path) -> None:
    """Remove what a save that was killed left aside."""
    for path in folder.iterdir():
        if _ASIDE.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            _remove_aside(path)


def write_pointer(folder: Path) -> None:
    """TensorFlow's file ``checkpoint``, by which ddsp's own tools find the newest; relative names only."""
    steps = [checkpoint.step for checkpoint in published(folder)]
    if not steps:
        return
    lines = [f'model_checkpoint_path: "ckpt-{steps[-1]}"']
    lines += [f'all_model_checkpoint_paths: "ckpt-{step}"' for step in steps]
    write_atomic(folder / "checkpoint", ("\n".join(lines) + "\n").encode())


def write_best(folder: Path, step: int, *, value: float, by: str) -> None:
    """Note which checkpoint is the best, and by which measure."""
    write_json(folder / BEST_NAME, {"step": step, "value": value, "by": by}, indent=None)


def read_best(folder: Path) -> tuple[int, float, str] | None:
    """(step, value, measure) of the best checkpoint, if one has been chosen."""
    document = read_json(folder / BEST_NAME) or {}
    step, value, by = (document.get(name) for name in ("step", "value", "by"))
    if type(step) is int and isinstance(value, int | float) and isinstance(by, str):
        return step, float(value), by
    return None


def require_room(folder: Path, config: ModelConfig) -> None:
    """Raise `DiskFull`, with the numbers, unless two more checkpoints would fit on the disk."""
    needed = 2 * n_bytes(config)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"The disk of {folder.name!r} has {format_bytes(free)} free, but saving safely needs "
            f"{format_bytes(needed)}, the size of two checkpoints. Free some space and start "
            "training again: it continues from the last checkpoint."
        )


def n_bytes(config: ModelConfig) -> int:
    """About what a checkpoint of a model takes on disk."""
    weights = sum(4 * _product(shape) for shape in config.weight_shapes().values())
    return _STATE_COPIES * weights + 100_000


def _product(shape: Iterable[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _explained(error: Exception, folder: Path, step: int) -> Exception:
    """A full disk in a sentence, whoever met it: TensorFlow says so in its text only."""
    full = isinstance(error, OSError) and error.errno in _FULL
    if full or any(text in str(error) for text in _FULL_TEXTS):
        free = format_bytes(shutil.disk_usage(folder).free)
        return DiskFull(
            f"The checkpoint of step {step:,} could not be saved: the disk is full ({free} free). All earlier "
            "checkpoints are safe. Free some space and start training again."
        )
    if isinstance(error, OSError):
        return TrainingError(f"The checkpoint of step {step:,} could not be saved: {error.strerror or error}.")
    return error


def _manifest(folder: Path, step: int) -> dict:
    document = read_json(folder / names(step)[1], max_bytes=_MAX_MANIFEST_BYTES) or {}
    return document if document.get("step") == step else {}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_aside(aside: Path) -> None:
    shutil.rmtree(aside, ignore_errors=True)
