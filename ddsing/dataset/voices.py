"""Voices: folders of recordings in the workspace's audio folder.

A recording is any file that is audio by its content or says so by its name; hidden files are none. Adding copies it in,
whole or not at all, and never twice the same sound.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ddsing.audio import is_recording
from ddsing.engine import records
from ddsing.errors import DatasetError
from ddsing.portable import move
from ddsing.units import format_bytes
from ddsing.workspace import Workspace, safe_name, trash
from ddsing.workspace import restore as bring_back

DATASET, CHECKPOINTS = "_dataset", "_checkpoints"  # the notebooks' folder names
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_SPARE_BYTES = 200e6  # to stay free


@dataclass(frozen=True)
class Voice:
    """A voice's three folders, as in the notebooks; none of them need be there."""

    name: str
    folder: Path
    dataset_folder: Path
    checkpoints_folder: Path

    def recordings(self) -> list[Path]:
        """Its recordings, at any depth, by name."""
        return _recordings_in(self.folder)

    def name_of(self, path: Path) -> str:
        """What a recording is called: its place below the voice's folder."""
        return path.relative_to(self.folder).as_posix()

    @property
    def prepared(self) -> bool:
        """Whether there is a dataset, ours or one of 2021."""
        return bool(records.shards(self.dataset_folder))

    @property
    def trained(self) -> bool:
        """Whether there is a checkpoint."""
        return any(self.checkpoints_folder.glob("ckpt-*.index"))

    @property
    def cache(self) -> Path:
        """The workspace's folder of what can be computed again."""
        return self.folder.parent.parent / ".cache"


@dataclass(frozen=True)
class Added:
    """What became of files that were to be added.

    Attributes
    ----------
    added : tuple[str, ...]
        Names of the new recordings, relative to the voice's folder.
    duplicates : tuple[tuple[str, str], ...]
        (name, name of the recording with the same sound).
    refused : tuple[tuple[str, str], ...]
        (name, the sentence that says why).
    """

    added: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]


def list_voices(workspace: Workspace) -> list[Voice]:
    """All voices by name; one with only a dataset or checkpoints counts too."""
    folders = (path.name for path in workspace.audio.iterdir() if path.is_dir() and not path.name.startswith("."))
    names = {name.removesuffix(DATASET).removesuffix(CHECKPOINTS) for name in folders} - {""}
    return [_voice(workspace, name) for name in sorted(names, key=str.lower)]


def get(workspace: Workspace, name: str) -> Voice:
    """The voice with a name; raises `DatasetError` if there is none."""
    found = {voice.name: voice for voice in list_voices(workspace)}
    if name not in found:
        known = f"there are {', '.join(map(repr, list(found)[:8]))}" if found else "there are none yet"
        raise DatasetError(f"There is no voice {name[:80]!r}; {known}, and `dataset add VOICE FILE` makes one.")
    return found[name]


def create(workspace: Workspace, name: str) -> Voice:
    """Make a voice, or return the one with that name."""
    if name != safe_name(name) or name.endswith((DATASET, CHECKPOINTS)):
        raise DatasetError(
            f"A voice can't be called {name[:80]!r}: use letters, digits, spaces and -_(). up to 80, "
            f"but no {DATASET} or {CHECKPOINTS} at the end; {_better_name(name)!r} would do."
        )
    voice = _voice(workspace, name)
    voice.folder.mkdir(parents=True, exist_ok=True)
    return voice


def add(
    voice: Voice,
    sources: Iterable[Path | tuple[str, bytes]],
    *,
    progress: Callable[[float], None] | None = None,
) -> Added:
    """Copy recordings into a voice: files, all that is in folders, or (name, content) of uploads.

    Parameters
    ----------
    progress : callable, optional
        Told the fraction done; what it raises passes through, and what is added by then stays.
    """
    from ddsing.dataset import scan

    found = list(_spread(sources))
    known = {facts.content_hash: facts.name for facts in scan.scan(voice) if facts.content_hash}
    memory = scan.Memory(voice)
    added, duplicates, refused = [], [], []
    for number, (name, content) in enumerate(found):
        if progress:
            progress(number / len(found))
        facts, _ = scan.examine(content, name)
        if facts.error:
            refused.append((name, facts.error))
            continue
        if facts.content_hash in known:
            duplicates.append((name, known[facts.content_hash]))
            continue
        try:
            path = _copy(voice, name, content)
        except DatasetError as error:
            refused.append((name, str(error)))
            continue
        known[facts.content_hash] = voice.name_of(path)
        memory.put(path, facts)
        added.append(voice.name_of(path))
    memory.save()
    if progress:
        progress(1.0)
    return Added(tuple(added), tuple(duplicates), tuple(refused))


def remove(voice: Voice, name: str) -> str:
    """Move a recording to the trash; returns the token with which `restore` brings it back."""
    for path in voice.recordings():
        if voice.name_of(path) == name:
            return trash(path).relative_to(voice.folder).as_posix()
    raise DatasetError(f"The voice {voice.name!r} has no recording {name[:80]!r}.")


def restore(voice: Voice, token: str) -> str:
    """Bring a removed recording back; returns its name."""
    path = voice.folder / token
    if path.parent.parent.name != ".trash" or not path.resolve().is_relative_to(voice.folder.resolve()):
        raise DatasetError("This recording can't be brought back: it was not removed here.")
    return voice.name_of(bring_back(path))


def _voice(workspace, name):
    folder = workspace.audio / name
    return Voice(name, folder, folder.with_name(name + DATASET), folder.with_name(name + CHECKPOINTS))


def _better_name(name):
    return safe_name(safe_name(name).removesuffix(DATASET).removesuffix(CHECKPOINTS))


def _recordings_in(folder):
    if not folder.is_dir():
        return []
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES or is_recording(path))


def _spread(sources) -> Iterator[tuple[str, Path | bytes]]:
    """(name, file or content) of everything; a folder stands for the recordings in it."""
    for source in sources:
        if not isinstance(source, Path):
            yield source
        elif source.is_dir():
            yield from ((path.name, path) for path in _recordings_in(source))
        else:
            yield source.name, source


def _copy(voice, name, content):
    """Copy a file or write a content under its name, or one like it that is free; there is all of it or nothing."""
    n_bytes = len(content) if isinstance(content, bytes) else content.stat().st_size
    temporary = voice.folder / f".{uuid.uuid4().hex}.tmp"
    try:
        voice.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(voice.folder).free
        if free < n_bytes + _SPARE_BYTES:
            raise DatasetError(
                f"{name!r} has {format_bytes(n_bytes)}, and only {format_bytes(free)} are free; "
                f"{format_bytes(_SPARE_BYTES)} must stay so: make room first."
            )
        with open(temporary, "wb") as target:
            if isinstance(content, bytes):
                target.write(content)
            else:
                with open(content, "rb") as source:
                    shutil.copyfileobj(source, target, 2**20)
            target.flush()
            os.fsync(target.fileno())
        path = _free_path(voice.folder, name)
        move(temporary, path)
        return path
    except OSError as error:
        raise DatasetError(f"{name!r} can't be copied: {error.strerror or error}.") from None
    finally:
        temporary.unlink(missing_ok=True)


def _free_path(folder, name):
    name = Path(name.replace("\\", "/")).name
    suffix = Path(name).suffix if len(Path(name).suffix) <= 6 else ""
    stem = safe_name(name.removesuffix(suffix))
    path, number = folder / f"{stem}{suffix}", 2
    while path.exists():
        path = folder / f"{stem} {number}{suffix}"
        number += 1
    return path
