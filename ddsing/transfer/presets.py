"""Presets: the controls of a transfer under a name. One JSON file each in the workspace's ``presets/``.

A preset has the settings and the tracker, of no instrument in particular; it can be the default of some, which a page
sets when one of these is chosen. Files from elsewhere are read strictly: what this version does not know is refused
with the reason, and nothing of the file is taken over then. What a file leaves out is as by default.

Presets of another kind are kept the same way: a `Store` takes any class of them.

Public: `Preset`, `Presets`, `Store`, `to_file`, `from_file`, `PresetError`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from ddsing import names
from ddsing.changing import changing
from ddsing.constants import TRACKERS
from ddsing.errors import DdsingError, ScoreError, SettingsError
from ddsing.files import listed, read_json, restore, safe_name, trash, write_json, write_new
from ddsing.formats import strict_json
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

VERSION = 1
MAX_NAME, MAX_PRESETS, MAX_DEFAULTS = 80, 200, 200
MAX_BYTES = 1_000_000
_OF_SETTINGS = tuple(one.name for one in fields(Settings))


class PresetError(DdsingError):
    """A preset that can't be found, saved or read."""


class Named(Protocol):
    """What a store needs of a kind of presets; `FORMAT` is what its files say they are, `ENTRIES` what one has."""

    FORMAT: ClassVar[str]
    ENTRIES: ClassVar[tuple[str, ...]]

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def default_for(self) -> tuple[str, ...]:
        """Names of the instruments whose default it is."""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, as files have it, without `default_for`."""

    @classmethod
    def from_json(cls, data: object) -> Any:
        """What `to_json` has written, perhaps by somebody else."""


K = TypeVar("K", bound=Named)


@dataclass(frozen=True)
class Preset:
    """The controls of a transfer under a name.

    Attributes
    ----------
    name : str
        Up to 80 characters on one line.
    settings : Settings
    tracker : str
    default_for : tuple[str, ...]
        Names of the instruments whose default it is.
    """

    FORMAT: ClassVar[str] = "ddsing presets"
    ENTRIES: ClassVar[tuple[str, ...]] = ("name", "tracker", "settings")

    name: str
    settings: Settings
    tracker: str = "full"
    default_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", clean_name(self.name))
        if self.tracker not in TRACKERS:
            raise PresetError(f"The tracker is {self.tracker!r:.60}; it must be {', '.join(TRACKERS)}.")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, as files have it."""
        return {"name": self.name, "tracker": self.tracker, "settings": self.settings.to_json()}

    @classmethod
    def from_json(cls, data: object) -> Preset:
        """What `to_json` has written, perhaps by somebody else; `DdsingError` for anything that can't be meant."""
        if not isinstance(data, Mapping):
            raise PresetError("A preset must have a name and settings.")
        refuse_unknown("A preset", data, cls.ENTRIES)
        settings = data.get("settings", {})
        if not isinstance(data.get("name"), str) or not isinstance(settings, Mapping):
            raise PresetError("A preset must have a name and settings.")
        refuse_unknown(f"The preset {data['name'][:80]!r}", settings, _OF_SETTINGS)
        try:
            return cls(data["name"], Settings.from_json(settings), data.get("tracker", "full"))
        except TypeError:
            raise PresetError(f"The preset {data['name'][:80]!r} has a setting that is of the wrong kind.") from None


def clean_name(name: str) -> str:
    """A name as it is kept; `PresetError` for what can't be one."""
    cleaned = unicodedata.normalize("NFC", " ".join(names.mended(name).split()))
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise PresetError(f"A preset's name has 1 to {MAX_NAME} characters on one line.")
    return cleaned


def to_file(presets: Iterable[K], kind: type[Named] = Preset) -> bytes:
    """Presets of a kind as a JSON file to pass on, without whose default they are."""
    return strict_json.dumps({"format": kind.FORMAT, "version": VERSION, "presets": [one.to_json() for one in presets]})


def from_file(content: bytes, kind: type[Named] = Preset) -> tuple[Any, ...]:
    """The presets of a kind in such a file; raises `PresetError` if it is none, whole or not at all."""
    if len(content) > MAX_BYTES:
        raise PresetError(f"The file is larger than {MAX_BYTES // 1_000_000} MB, which no file of presets is.")
    try:
        document = strict_json.loads(content)
    except ValueError as error:
        said = "it is not JSON" if isinstance(error, UnicodeDecodeError) or error.args[0][:9] == "Expecting" else error
        raise PresetError(f"The file of presets can't be read: {str(said)[:200]}.") from None
    found = document.get("presets")
    if document.get("format") != kind.FORMAT or not isinstance(found, list):
        raise PresetError("This is no file of presets. Choose one that was exported by ddsing.")
    if document.get("version") != VERSION:
        raise PresetError("The file of presets was made by a later version of ddsing. Update to read it.")
    if not 1 <= len(found) <= MAX_PRESETS:
        raise PresetError(f"The file has {len(found)} presets; it must have 1 to {MAX_PRESETS}.")
    try:
        return tuple(map(kind.from_json, found))
    except (SettingsError, ScoreError) as error:
        raise PresetError(f"The file of presets can't be read: {str(error)[:400]}") from None


def refuse_unknown(what: str, data: Mapping, known: Sequence[str]) -> None:
    """Raise `PresetError` for an entry that this version does not know."""
    unknown = next((name for name in data if name not in known), None)
    if unknown is not None:
        raise PresetError(f"{what} has an entry {str(unknown)[:60]!r} that this version of ddsing does not know.")


class Store(Generic[K]):
    """The presets of a kind in a folder.

    Parameters
    ----------
    folder : Path
    kind : type
        Such as `Preset`.
    """

    def __init__(self, folder: Path, kind: type[K]):
        self.folder, self.kind = folder, kind

    def list(self) -> tuple[K, ...]:
        """All that can be read, by name."""
        return tuple(sorted(self._found().values(), key=lambda one: names.key(one.name).casefold()))

    def get(self, name: str) -> K:
        """The preset of a name."""
        return self._at(name)[1]

    def default_of(self, instrument: str) -> K | None:
        """The preset that is the default of an instrument, if it has one."""
        return next((one for one in self.list() if names.find(instrument, one.default_for) is not None), None)

    def save(self, preset: K) -> K:
        """Keep a preset; one of the same name is replaced, and stays whose default it was."""
        self._make()
        with changing(self.folder):
            there = self._path_of(preset.name)
            if there is not None:
                preset = _with(preset, default_for=self._found()[there].default_for)
            return self._write(preset, there)

    def rename(self, name: str, new: str) -> K:
        """Call a preset otherwise."""
        with changing(self.folder):
            path, preset = self._at(name)
            renamed, other = _with(preset, name=new), self._path_of(clean_name(new))
            if other not in (None, path):
                raise PresetError(f"There is a preset {renamed.name!r} already. Choose another name.")
            return self._write(renamed, path)

    def set_default(self, instrument: str, name: str | None) -> None:
        """Make a preset the default of an instrument; None for no preset."""
        with changing(self.folder):
            chosen = None if name is None else self._at(name)[0]
            for path, preset in self._found().items():
                others = tuple(one for one in preset.default_for if not names.same(one, instrument))
                wanted = (*others, instrument)[-MAX_DEFAULTS:] if path == chosen else others
                if wanted != preset.default_for:
                    self._write(_with(preset, default_for=wanted), path)

    def delete(self, name: str) -> str:
        """Move a preset to the trash; returns what `undo` takes."""
        with changing(self.folder):
            return str(trash(self._at(name)[0]))

    def undo(self, token: str) -> K:
        """Bring a deleted preset back."""
        path = Path(token)
        if path.parent.parent != self.folder / ".trash":
            raise PresetError("This preset can't be restored: it was not deleted here.")
        with changing(self.folder):
            taken = {one.name: one for one in self._found().values()}
            there = restore(path)
            found = _read(there, self.kind)
            if found is None:
                raise PresetError(f"The preset {names.read(path.stem)!r} is damaged and can't be read.")
            free = _free(found.name, taken)
            return found if free == found.name else self._write(_with(found, name=free), there)

    def take_over(self, content: bytes) -> tuple[K, ...]:
        """Keep the presets of a file, those whose names are taken under new ones; returns them as they are kept."""
        self._make()
        with changing(self.folder):
            kept = []
            for preset in from_file(content, self.kind):
                there = {one.name: one for one in self._found().values()}
                same = next((one for one in there.values() if one.to_json() == preset.to_json()), None)
                kept.append(same or self._write(_with(preset, name=_free(preset.name, there)), None))
            return tuple(kept)

    def _make(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PresetError(f"Presets can't be saved in this workspace: {error.strerror or error}.") from None

    def _found(self) -> dict[Path, K]:
        read = {path: _read(path, self.kind) for path in sorted(listed(self.folder)) if path.suffix == ".json"}
        return {path: preset for path, preset in read.items() if preset is not None}

    def _path_of(self, name: str) -> Path | None:
        called = {preset.name: path for path, preset in self._found().items()}
        found = names.find(name, called)
        return None if found is None else called[found]

    def _at(self, name: str) -> tuple[Path, K]:
        path = self._path_of(name)
        preset = None if path is None else _read(path, self.kind)
        if path is None or preset is None:
            there = ", ".join(repr(one.name) for one in self.list()[:8]) or "none yet"
            raise PresetError(f"No preset {name[:80]!r}; available: {there}.")
        return path, preset

    def _write(self, preset: K, path: Path | None) -> K:
        if path is None and len(self._found()) >= MAX_PRESETS:
            raise PresetError(f"There are {MAX_PRESETS} presets already. Delete one first.")
        document = {
            "format": self.kind.FORMAT,
            "version": VERSION,
            **preset.to_json(),
            "default_for": list(preset.default_for),
        }
        try:
            if path is None:
                write_new(self.folder / f"{safe_name(preset.name)}.json", strict_json.dumps(document))
            else:
                write_json(path, document)
        except OSError as error:
            raise PresetError(f"The preset {preset.name!r} can't be saved: {error.strerror or error}.") from None
        return preset


class Presets(Store[Preset]):
    """The presets of a workspace."""

    def __init__(self, workspace: Workspace):
        super().__init__(workspace.presets, Preset)


def _free(name: str, taken: Mapping[str, K]) -> str:
    number, candidate = 1, name
    while names.find(candidate, taken) is not None:
        number += 1
        ending = f" {number}"
        candidate = name[: MAX_NAME - len(ending)] + ending
    return candidate


def _with(preset: K, **changes: Any) -> K:
    return cast(K, replace(cast(Any, preset), **changes))


def _read(path: Path, kind: type[K]) -> K | None:
    """A preset as it is kept; None for what can't be read."""
    document = read_json(path) or {}
    if document.get("format") != kind.FORMAT:
        return None
    try:
        preset = kind.from_json({name: document[name] for name in kind.ENTRIES if name in document})
        default_for = document.get("default_for", [])
        return _with(preset, default_for=tuple(one for one in default_for if isinstance(one, str)))
    except (DdsingError, TypeError):
        return None
