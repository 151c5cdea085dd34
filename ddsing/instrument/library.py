"""The workspace's instruments: one zip each in ``instruments/``, called as its file.

A list opens no file that has not changed: what was read of each is remembered, and kept in `ddsing.instrument.index`.
2021 zips found there are listed too: each is converted once and the result kept in the workspace's cache until the
file changes. Writes are atomic; what is deleted or replaced goes to the trash, and a token brings it back.

Changes take turns (`ddsing.changing`). Where one is asked for by somebody who has `seen` an entry, such as on a page,
it is made only to that instrument: with another one under its name meanwhile, it is an `InstrumentError`.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ddsing import files, names
from ddsing.changing import changing
from ddsing.errors import ConversionError, DdsingError, InstrumentError
from ddsing.files import restore, safe_name, trash, write_atomic
from ddsing.instrument import format as native
from ddsing.instrument.index import Index, Known, Stamp, parsed, short
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.manifest import EDITABLE, Provenance
from ddsing.instrument.opening import clean_name, detect, open_any
from ddsing.instrument.summary import Summary
from ddsing.model.config import ModelConfig
from ddsing.model.latent_space import LatentSpace
from ddsing.model.places import Places
from ddsing.model.statistics import DatasetStatistics
from ddsing.model.top import Top
from ddsing.workspace import Workspace

_MAX_REMEMBERED = 5000
_summaries: dict[Stamp, Known] = {}  # by file stamp; bounded, shared, never changed
_refusals: dict[tuple, str] = {}  # the same for what can't be converted

Read = TypeVar("Read")


@dataclass(frozen=True)
class Entry:
    """An instrument in the list. Where `error` is set, it can't be opened and only `name`, `path`, `n_bytes` are known.

    `source_format` is that of the file: ``native`` or ``notebook``. `bloated` is true where a repair would help: a
    2021 zip carries optimizer state and perhaps several checkpoints. `changed_s` is when the file was written or edited
    last, in seconds since 1970; 0 where that is not known. `content` tells it from others of its name; for it and
    `has_places` see `Summary`.
    """

    name: str
    path: Path
    n_bytes: int
    error: str = ""
    source_format: str = "native"
    bloated: bool = False
    config: ModelConfig | None = None
    statistics: DatasetStatistics | None = None
    provenance: Provenance = Provenance()
    warnings: tuple[str, ...] = ()
    latent: LatentSpace | None = None
    changed_s: float = 0.0
    content: str = ""
    has_places: bool = False
    top: Mapping | None = None


# Inside `Library`, `list` is its method.
Entries = list[Entry]
Paths = list[Path]


class Library:
    """The instruments of one workspace."""

    def __init__(self, workspace: Workspace):
        self._folder = workspace.instruments
        self._cache = workspace.cache / "instruments"
        self._index = Index(self._cache)

    def list(self) -> Entries:
        """All instruments by name; one that can't be opened has its reason as `error`."""
        paths = self._paths()
        found = [_stamp(path) for path in paths]
        stamps = [stamp for stamp in found if stamp is not None]
        unread = self._recall([stamp for stamp in stamps if stamp not in _summaries])
        entries = [self._entry(path, stamp) for path, stamp in zip(paths, found)]
        new = {stamp: _summaries[stamp] for stamp in unread if stamp in _summaries}
        if new:
            self._index.add(new, stamps)
        return entries

    def find(self, name: str) -> Entry | None:
        """The instrument called `name`, as in the list; None if there is none."""
        path = self._found(name)
        return None if path is None else self._entry(path)

    def get(self, name: str) -> Instrument:
        """The instrument called `name`; it is called as its file is spelled."""
        path = self._path(name)
        return self._open(path).replaced(name=clean_name(_name(path)))

    def import_file(self, source: Path | str | bytes, name: str | None = None) -> Entry:
        """Copy an instrument into the library, a 2021 zip as native; a taken name gets a number."""
        fallback = "Imported" if isinstance(source, bytes) else names.read(Path(source).stem)
        instrument = open_any(source, name=name or fallback)
        return self.add(instrument, name=name or (instrument.name if isinstance(source, bytes) else fallback))

    def add(self, instrument: Instrument, *, name: str | None = None) -> Entry:
        """Write an instrument into the library under a free name."""
        stem = safe_name(clean_name(name or instrument.name))
        with _disk_errors(f"The instrument {stem!r} can't be written"):
            return self._add(stem, instrument)

    def replace(self, name: str, instrument: Instrument, *, ours: Callable[[Entry], bool] | None = None) -> Entry:
        """Write an instrument in the place of another one, which goes to the trash.

        If somebody else takes the place in that moment, it gets a number. With `ours`, only a native one for which that
        is true is replaced, and lends its author and licence; where there is none, the name is taken if it is free.
        """
        with changing(self._folder):
            if ours is None:
                return self._replace(self._path(name), instrument)
            before = self.find(name)
            if before is None or before.error or before.source_format != "native" or not ours(before):
                return self.add(instrument, name=name)
            kept = {field: getattr(before.provenance, field) for field in ("author", "licence")}
            provenance = replace(instrument.provenance, **kept)
            return self._replace(before.path, instrument.replaced(provenance=provenance))

    def rename(self, name: str, new_name: str, *, seen: Entry | None = None) -> Entry:
        """Call an instrument otherwise."""
        with changing(self._folder):
            return self._rename(self._path(name, seen), new_name)

    def _rename(self, path: Path, new_name: str) -> Entry:
        if new_name.strip() == _name(path) or safe_name(new_name) == _name(path):
            return self._entry(path)
        new_path = self._folder / f"{safe_name(new_name)}.zip"
        taken = self._found(new_path.stem)
        try:
            if taken not in (None, path):
                raise FileExistsError
            files.move_exclusively(path, new_path)
        except FileExistsError:
            if not (new_path.exists() and new_path.samefile(path)):
                message = f"An instrument named {new_path.stem!r} already exists; choose another name."
                raise InstrumentError(message) from None
            path.rename(new_path)  # on a disk where capitals make no other name
        return self._entry(new_path)

    def edit(self, name: str, *, seen: Entry | None = None, **changes: Any) -> Entry:
        """Change what people wrote about it: `notes`, `author`, `licence`, `voice`."""
        unknown = set(changes) - set(EDITABLE)
        if unknown:
            raise InstrumentError(
                f"An instrument's {sorted(unknown)[0]} can't be edited; its notes, author, licence and voice can."
            )
        with changing(self._folder):
            path = self._path(name, seen)
            instrument = self._open(path)
            return self._write(path, instrument.replaced(provenance=replace(instrument.provenance, **changes)))

    def put_latent(
        self, name: str, latent: LatentSpace, *, places: Places | None = None, seen: Entry | None = None
    ) -> Entry:
        """Keep in an instrument where its voice's z lies, and the places in it, if they are known."""
        with changing(self._folder):
            path = self._path(name, seen)
            instrument = self._open(path)
            return self._write(path, instrument.replaced(latent=latent, places=places or instrument.places))

    def put_top(self, name: str, top: Top | None, *, seen: Entry | None = None) -> Entry:
        """Give an instrument a top, or take it away; the file as it was goes to the trash."""
        with changing(self._folder):
            path = self._path(name, seen)
            return self._replace(path, self._open(path).replaced(top=top))

    def delete(self, name: str, *, seen: Entry | None = None) -> str:
        """Move an instrument to the trash; the token brings it back with `undo`."""
        with changing(self._folder):
            return names.read(trash(self._path(name, seen)).relative_to(self._folder))

    def undo(self, token: str) -> Entry:
        """Bring back what `delete` or `repair` moved to the trash."""
        trashed = (self._folder / names.on_disk(token)).resolve()
        if not trashed.is_relative_to((self._folder / ".trash").resolve()):
            raise InstrumentError("This deletion can't be undone: its token doesn't belong to this workspace.")
        return self._entry(restore(trashed))

    def repair(self, name: str, *, seen: Entry | None = None) -> Entry:
        """Rewrite an instrument as a clean native zip; the file as it was stays in the trash."""
        with changing(self._folder):
            path = self._path(name, seen)
            return self._replace(path, self._open(path), "can't be repaired")

    def _replace(self, path: Path, instrument: Instrument, failed: str = "can't be written") -> Entry:
        old = trash(path)
        try:
            with _disk_errors(f"The instrument {_name(path)!r} {failed}"):
                return self._add(path.stem, instrument)
        except InstrumentError:
            restore(old)
            raise

    def _paths(self) -> Paths:
        try:
            with os.scandir(self._folder) as entries:  # which knows files without asking the disk for each
                found = [entry.name for entry in entries if _is_instrument(entry)]
        except OSError as error:
            raise InstrumentError(f"The instruments folder can't be read: {error.strerror}.") from None
        return [self._folder / name for name in sorted(found, key=lambda name: (name.casefold(), name))]

    def _path(self, name: str, seen: Entry | None = None) -> Path:
        path = self._found(name)
        if path is not None:
            if seen is not None and self._entry(path).content != seen.content:
                raise InstrumentError(f"{name!r} is another instrument now. Look at it, then try again.")
            return path
        known = ", ".join(map(_name, self._paths()[:8])) or "none yet"
        raise InstrumentError(f"No instrument named {name[:80]!r} in the workspace; available: {known}.")

    def _found(self, name: str) -> Path | None:
        """The file of the instrument called `name`, however its letters are composed."""
        known = {_name(path): path for path in self._paths()}
        found = names.find(name, known)
        return None if found is None else known[found]

    def _add(self, stem: str, instrument: Instrument) -> Entry:
        """Write an instrument under a name that is free, which it also bears inside."""
        taken = {names.key(_name(path)) for path in self._paths()}
        for path in files.numbered(self._folder / f"{stem}.zip"):
            if not path.exists() and names.key(_name(path)) not in taken:
                with contextlib.suppress(FileExistsError):
                    return _written(path, instrument, new=True)
        raise AssertionError("there is always another number")

    def _write(self, path: Path, instrument: Instrument) -> Entry:
        with _disk_errors(f"The instrument {path.stem!r} can't be written"):
            return _written(path, instrument)

    def _recall(self, stamps: Sequence[Stamp]) -> Sequence[Stamp]:
        """Take what the index knows of some files; returns those of which it knows nothing."""
        known, unknown = self._index.read() if stamps else {}, []
        for stamp in stamps:
            found = parsed(known[short(stamp)]) if short(stamp) in known else None
            if found is None:
                unknown.append(stamp)
            else:
                _remember(_summaries, stamp, found)
        return unknown

    def _entry(self, path: Path, stamp: Stamp | None = None) -> Entry:
        n_bytes, changed_s = 0, 0.0
        try:
            stamp = stamp or files.key(path)
            n_bytes, changed_s = stamp[1], stamp[2] / 1e9
            known = _summaries.get(stamp)
            if known is None:
                known = detect(path), self._native(path, native.read_summary)
                _remember(_summaries, stamp, known)
        except OSError as error:
            return Entry(_name(path), path, n_bytes, f"The file can't be read: {error.strerror}.", changed_s=changed_s)
        except DdsingError as error:
            return Entry(_name(path), path, n_bytes, str(error), changed_s=changed_s)
        return _described(path, n_bytes, *known, changed_s=changed_s)

    def _open(self, path: Path) -> Instrument:
        return self._native(path, native.read)

    def _native(self, path: Path, read: Callable[[Path | bytes], Read]) -> Read:
        """What `read` makes of an instrument's native form: its file, or what a 2021 zip was converted to.

        That is taken from the cache, or made now, and kept where it can be; a refusal is remembered as well.
        """
        if detect(path) == "native":
            return read(path)
        stamp = files.key(path)
        key = hashlib.sha256(repr(stamp).encode()).hexdigest()[:32]
        kept, refusal = self._cache / f"{key}.zip", self._cache / f"{key}.json"
        with contextlib.suppress(InstrumentError, OSError):  # it is not there, or damaged
            return read(kept)
        known = _refusals.get(stamp) or (files.read_json(refusal) or {}).get("error")
        if isinstance(known, str):
            raise InstrumentError(known)
        try:
            data = native.to_bytes(open_any(path, name=_name(path)))
        except InstrumentError as error:
            _remember(_refusals, stamp, str(error))
            if not isinstance(error, ConversionError):  # what another time may do
                self._keep(refusal, json.dumps({"error": str(error)}).encode())
            raise
        self._keep(kept, data)
        return read(data)

    def _keep(self, path: Path, data: bytes) -> None:
        """Write into the cache; one that can't be written only means that it is found out again."""
        with contextlib.suppress(OSError):
            self._cache.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)


def _remember(known: dict, key: tuple, value: object) -> None:
    """Keep a value for this process; the oldest gives way."""
    while len(known) >= _MAX_REMEMBERED:
        known.pop(next(iter(known)), None)
    known[key] = value


def _name(path: Path) -> str:
    """What an instrument is called: as its file."""
    return names.read(path.stem)


def _written(path: Path, instrument: Instrument, *, new: bool = False) -> Entry:
    """Write what is sure to be read again, called as its file; what is returned is what was written, not read."""
    named = instrument.replaced(name=clean_name(_name(path)))
    data = native.to_bytes(named)
    native.verify(data, named)
    write_atomic(path, data, new=new)
    stamp, written = _stamp(path), native.read_summary(data)
    return _described(path, len(data), "native", written, changed_s=stamp[2] / 1e9 if stamp else time.time())


@contextlib.contextmanager
def _disk_errors(what: str) -> Iterator[None]:
    """What the disk refuses, in a sentence."""
    try:
        yield
    except OSError as error:
        raise InstrumentError(f"{what}: {error.strerror}.") from None


def _is_instrument(entry: os.DirEntry[str]) -> bool:
    if entry.name[0] == "." or not entry.name.lower().endswith(".zip"):
        return False
    return Path(entry).is_file() if entry.is_symlink() else entry.is_file()  # a link may lead round in a circle


def _stamp(path: Path) -> Stamp | None:
    try:
        return files.key(path)
    except OSError:
        return None


def _described(path: Path, n_bytes: int, source_format: str, known: Summary, *, changed_s: float) -> Entry:
    return Entry(
        name=_name(path),
        path=path,
        n_bytes=n_bytes,
        source_format=source_format,
        bloated=source_format == "notebook",
        config=known.config,
        statistics=known.statistics,
        provenance=known.provenance,
        warnings=known.warnings,
        latent=known.latent,
        changed_s=changed_s,
        content=known.content,
        has_places=known.has_places,
        top=known.top,
    )
