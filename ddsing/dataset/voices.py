"""Voices: folders of recordings in the workspace's audio folder.

What a recording is: `ddsing.sound.folder`. Adding copies it in, whole or not at all, and never twice the same sound.

Voices whose names look the same, see `ddsing.names`, are one: its three folders may be spelled in different ways. Only
where the disk holds two of a kind, such as two folders of recordings, are they two voices, each with its spelling.
"""

import contextlib
import functools
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ddsing import names
from ddsing.changing import changing
from ddsing.errors import DatasetError
from ddsing.files import listed, names_in, safe_name, stamp, trash, unreadable
from ddsing.files import restore as bring_back
from ddsing.formats import tfrecord
from ddsing.sound import folder as folders
from ddsing.sound.kinds import SUFFIXES
from ddsing.workspace import Workspace

DATASET, CHECKPOINTS = "_dataset", "_checkpoints"  # the notebooks' folder names
_ENDINGS = ("", DATASET, CHECKPOINTS)


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
        spelled = names.on_disk(name)
        return cls(name, *(audio / (spelled + ending) for ending in _ENDINGS))

    @classmethod
    def of(cls, folder: Path) -> "Voice":
        """The voice that one of its three folders belongs to."""
        return cls.named(folder.parent, _split(folder)[0])

    def beside(self, name: str) -> "Voice":
        """Another voice of the same workspace, whether it is there or not."""
        return Voice.named(self.folder.parent, name)

    def recordings(self) -> list[Path]:
        """Its recordings, at any depth, by name."""
        return folders.recordings(self.folder)

    def unreadable(self) -> dict[str, str]:
        """Folders of recordings that can't be looked into, by name, each with the sentence that says why."""
        found = folders.look(self.folder).unreadable
        return {f"{self.name if path == self.folder else self.name_of(path)}/": why for path, why in found.items()}

    def name_of(self, path: Path) -> str:
        """What a recording is called: its place below the voice's folder."""
        return folders.name_of(self.folder, path)

    def path_of(self, name: str) -> Path:
        """Where a recording of that name lies."""
        return self.folder / names.on_disk(name)

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
    return list(_voices(workspace.audio, _folders(workspace.audio)))


def _folders(audio: Path) -> frozenset[str]:
    """The names of the folders of all voices; none where there is no audio folder."""
    try:
        with os.scandir(audio) as entries:  # which knows folders without asking the disk for each
            return frozenset(entry.name for entry in entries if entry.name[0] != "." and entry.is_dir())
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return frozenset(path.name for path in listed(audio) if path.is_dir())  # which says what is wrong


@functools.lru_cache(maxsize=8)
def _voices(audio: Path, folders: frozenset[str]) -> tuple[Voice, ...]:
    """The voices that some folders make, worked out once for as long as the folders are the same."""
    found: dict[str, dict[str, dict[str, Path]]] = {}  # folders by how the name looks, by its spelling, by their kind
    for path in (audio / name for name in folders):
        name, ending = _split(path)
        if name:
            found.setdefault(names.key(name), {}).setdefault(name, {})[ending] = path
    voices = [voice for spellings in found.values() for voice in _of_spellings(audio, spellings)]
    return tuple(sorted(voices, key=_place))


def _of_spellings(audio: Path, spellings: Mapping[str, Mapping[str, Path]]) -> list[Voice]:
    """The voices with names that look the same: one, unless two of its folders are of the same kind."""
    kinds = list(itertools.chain.from_iterable(spellings.values()))
    if len(spellings) == 1 or len(set(kinds)) < len(kinds):
        return [Voice.named(audio, name) for name in spellings]
    name = min(spellings, key=lambda name: min(map(_ENDINGS.index, spellings[name])))  # that of the recordings
    there = {ending: path for paths in spellings.values() for ending, path in paths.items()}
    return [Voice(name, *(there.get(ending, audio / (names.on_disk(name) + ending)) for ending in _ENDINGS))]


def _split(path: Path) -> tuple[str, str]:
    """A folder's name without its ending, and the ending."""
    name = names.read(path.name)
    ending = next(ending for ending in (DATASET, CHECKPOINTS, "") if name.endswith(ending))
    return name.removesuffix(ending), ending


def _place(voice: Voice) -> tuple[str, str]:
    return voice.name.lower(), voice.name


def trainings(workspace: Workspace) -> list[Voice]:
    """All voices with a checkpoints folder, by name."""
    there = _folders(workspace.audio)
    return [voice for voice in _voices(workspace.audio, there) if voice.checkpoints_folder.name in there]


def prepared(workspace: Workspace) -> list[Voice]:
    """All voices with a dataset, by name."""
    there = _folders(workspace.audio)
    return [voice for voice in _voices(workspace.audio, there) if voice.dataset_folder.name in there and voice.prepared]


def usable(workspace: Workspace) -> list[Voice]:
    """All voices that can be trained, with recordings or a dataset, by name."""
    there = _folders(workspace.audio)
    return [
        voice
        for voice in _voices(workspace.audio, there)
        if (voice.dataset_folder.name in there and voice.prepared)
        or (voice.folder.name in there and _has_recordings(voice))
    ]


def _has_recordings(voice: Voice) -> bool:
    """Whether it has any; for most the names in its folder say so."""
    with contextlib.suppress(OSError):
        shown = (name for name in names_in(voice.folder) if name[0] != "." and _says_so(name))
        if any((voice.folder / name).is_file() for name in shown):
            return True
    return bool(voice.recordings())


def find(workspace: Workspace, name: str) -> Voice | None:
    """The voice with a name, as it is spelled or as it looks the same; None if there is none."""
    found = {voice.name: voice for voice in list_voices(workspace)}
    spelled = names.find(name, found)
    return None if spelled is None else found[spelled]


def get(workspace: Workspace, name: str) -> Voice:
    """The voice with a name; raises `DatasetError` if there is none."""
    voice = find(workspace, name)
    if voice is None:
        there = [known.name for known in list_voices(workspace)[:8]]
        known = f"there are {', '.join(map(repr, there))}" if there else "there are none yet"
        raise DatasetError(f"No voice {name[:80]!r}; {known}. `dataset add VOICE FILE` creates one.")
    return voice


def create(workspace: Workspace, name: str) -> Voice:
    """Make a voice, or return the one with that name; only a new name has to keep to the rules for names."""
    there = find(workspace, name)
    name = there.name if there is not None else names.key(name)
    if there is None and (name != safe_name(name) or name.endswith((DATASET, CHECKPOINTS))):
        raise DatasetError(
            f"{name[:80]!r} can't be the name of a voice. Use at most 80 letters, digits, spaces or -_.() and "
            f"no {DATASET} or {CHECKPOINTS} at the end, such as {_better_name(name)!r}."
        )
    voice = there or Voice.named(workspace.audio, name)
    voice.folder.mkdir(parents=True, exist_ok=True)
    return voice


def astray(workspace: Workspace) -> list[str]:
    """Sentences about recordings that belong to no voice, since they lie where no voice's recordings are."""
    said, audio = [], workspace.audio
    there = sorted(path.name for path in listed(audio))  # names alone: there are thousands of folders
    loose = sorted(names.read(name) for name in there if _says_so(name) and (audio / name).is_file())
    if loose:
        said.append(
            f"{_counted(loose)} directly in the audio folder, not in a voice's; move {'them' if loose[1:] else 'it'} "
            "into a folder there, which then becomes a voice."
        )
    for name in there:
        if not name.endswith((DATASET, CHECKPOINTS)):
            continue
        try:
            found = names_in(os.path.join(audio, name))
            inside = sorted(names.read(one) for one in found if one[0] != "." and _says_so(one))
        except FileNotFoundError:
            continue
        except OSError as error:
            said.append(str(unreadable(audio / name, error)))
            continue
        if inside:
            said.append(
                f"{_counted(inside)} in {names.read(name)!r}, whose ending is reserved for other folders; "
                f"rename it, for example to {f'{_split(audio / name)[0]} recordings'.strip()!r}."
            )
    return said


def _says_so(name: str) -> bool:
    return name[name.rfind(".") :].lower() in SUFFIXES


def _counted(found: list[str]) -> str:
    return f"{found[0]!r} is" if len(found) == 1 else f"{len(found)} recordings, such as {found[0]!r}, are"


def remove(voice: Voice, name: str, *, seen: tuple[int, ...] | None = None) -> str:
    """Move a recording to the trash; returns the token with which `restore` brings it back.

    Parameters
    ----------
    seen : tuple[int, ...], optional
        The `files.stamp` of the file that is meant; another one that has its name meanwhile is a DatasetError.
    """
    with changing(voice.folder):
        known = {voice.name_of(path): path for path in voice.recordings()}
        found = names.find(name, known)
        if found is None:
            raise DatasetError(f"The voice {voice.name!r} has no recording {name[:80]!r}.")
        if seen is not None and stamp(known[found]) != seen:
            raise DatasetError(f"{name!r} is another recording now. Listen to it, then try again.")
        return voice.name_of(trash(known[found]))


def restore(voice: Voice, token: str) -> str:
    """Bring a removed recording back; returns its name."""
    path = voice.path_of(token)
    if path.parent.parent.name != ".trash" or ".." in path.parts or not path.is_relative_to(voice.folder):
        raise DatasetError("This recording can't be restored: it was not removed here.")
    return voice.name_of(bring_back(path))


def _better_name(name: str) -> str:
    return safe_name(safe_name(name).removesuffix(DATASET).removesuffix(CHECKPOINTS))
