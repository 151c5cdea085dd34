"""Voices: folders of recordings in the workspace's audio folder.

A recording is any file that is audio by its content or says so by its name; hidden files are none. Adding copies it in,
whole or not at all, and never twice the same sound.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ddsing.workspace import Workspace

DATASET, CHECKPOINTS = "_dataset", "_checkpoints"  # the notebooks' folder names
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class Voice:
    """A voice's three folders, as in the notebooks; none of them need be there."""

    name: str
    folder: Path
    dataset_folder: Path
    checkpoints_folder: Path

    def recordings(self) -> list[Path]:
        """Its recordings, at any depth, by name."""
        raise NotImplementedError

    @property
    def prepared(self) -> bool:
        """Whether there is a dataset, ours or one of 2021."""
        raise NotImplementedError

    @property
    def trained(self) -> bool:
        """Whether there is a checkpoint."""
        raise NotImplementedError

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
    raise NotImplementedError


def get(workspace: Workspace, name: str) -> Voice:
    """The voice with a name; raises `DatasetError` if there is none."""
    raise NotImplementedError


def create(workspace: Workspace, name: str) -> Voice:
    """Make a voice, or return the one with that name."""
    raise NotImplementedError


def add(
    voice: Voice,
    sources: Iterable[Path | tuple[str, bytes]],
    *,
    progress: Callable[[float], None] | None = None,
) -> Added:
    """Copy recordings into a voice: files, all that is in folders, or (name, content) of uploads."""
    raise NotImplementedError


def remove(voice: Voice, name: str) -> str:
    """Move a recording to the trash; returns the token with which `restore` brings it back."""
    raise NotImplementedError


def restore(voice: Voice, token: str) -> str:
    """Bring a removed recording back; returns its name."""
    raise NotImplementedError
