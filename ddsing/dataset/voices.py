"""Voices: folders of recordings in the workspace's audio folder.

A recording is any file that is audio by its content or says so by its name; hidden files are none. Adding copies it in,
whole or not at all, and never twice the same sound.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from ddsing.errors import DatasetError
from ddsing.files import restore as bring_back
from ddsing.files import safe_name, trash
from ddsing.formats import tfrecord
from ddsing.sound.audio import is_recording
from ddsing.sound.kinds import SUFFIXES
from ddsing.workspace import Workspace

DATASET, CHECKPOINTS = "_dataset", "_checkpoints"  # the notebooks' folder names


@dataclass(frozen=True)
class Voice:
    """A voice's three folders, as in the notebooks; none of them need be there."""

    name: str
    folder: Path
    dataset_folder: Path
    checkpoints_folder: Path

    @classmethod
    def named(cls, audio: Path, name: str) -> "Voice":
        """The voice with a name in the workspace's audio folder, whether it is there or not."""
        folder = audio / name
        return cls(name, folder, folder.with_name(name + DATASET), folder.with_name(name + CHECKPOINTS))

    @classmethod
    def of(cls, folder: Path) -> "Voice":
        """The voice that one of its three folders belongs to."""
        return cls.named(folder.parent, folder.name.removesuffix(DATASET).removesuffix(CHECKPOINTS))

    def beside(self, name: str) -> "Voice":
        """Another voice of the same workspace, whether it is there or not."""
        return Voice.named(self.folder.parent, name)

    def recordings(self) -> list[Path]:
        """Its recordings, at any depth, by name."""
        return recordings_in(self.folder)

    def name_of(self, path: Path) -> str:
        """What a recording is called: its place below the voice's folder."""
        return path.relative_to(self.folder).as_posix()

    @property
    def there(self) -> bool:
        """Whether any of its folders is."""
        return any(folder.is_dir() for folder in (self.folder, self.dataset_folder, self.checkpoints_folder))

    @property
    def prepared(self) -> bool:
        """Whether there is a dataset, ours or one of 2021."""
        return bool(tfrecord.shards(self.dataset_folder))

    @property
    def trained(self) -> bool:
        """Whether there is a checkpoint."""
        return any(self.checkpoints_folder.glob("ckpt-*.index"))

    @property
    def cache(self) -> Path:
        """The workspace's folder of what can be computed again."""
        return self.folder.parent.parent / ".cache"


def list_voices(workspace: Workspace) -> list[Voice]:
    """All voices by name; one with only a dataset or checkpoints counts too."""
    folders = (path for path in workspace.audio.iterdir() if path.is_dir() and not path.name.startswith("."))
    names = {Voice.of(path).name for path in folders} - {""}
    return [Voice.named(workspace.audio, name) for name in sorted(names, key=str.lower)]


def trainings(workspace: Workspace) -> list[Voice]:
    """All voices with a checkpoints folder, by name."""
    folders = workspace.audio.glob(f"[!.]*{CHECKPOINTS}")
    return sorted((Voice.of(path) for path in folders if path.name != CHECKPOINTS), key=lambda v: v.name.lower())


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
    voice = Voice.named(workspace.audio, name)
    voice.folder.mkdir(parents=True, exist_ok=True)
    return voice


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


def _better_name(name: str) -> str:
    return safe_name(safe_name(name).removesuffix(DATASET).removesuffix(CHECKPOINTS))


def recordings_in(folder: Path) -> list[Path]:
    """All recordings in a folder and those below it, by path; hidden files and folders are passed over."""
    if not folder.is_dir():
        return []
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES or is_recording(path))
