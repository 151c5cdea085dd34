"""Instruments that are open, and their loaded networks: kept between uses, so that none is read or built twice."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from ddsing import files, names
from ddsing.engine import phrase, render
from ddsing.engine.recalled import Recalled
from ddsing.errors import InstrumentError
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.library import Library
from ddsing.instrument.opening import open_any
from ddsing.sound import audio
from ddsing.workspace import Workspace

Kept = TypeVar("Kept")


class Models:
    """Loaded networks by the instrument's digest, and opened instruments by their file; bounded, safe for threads.

    Parameters
    ----------
    max_entries : int
        Of either.
    recalled_bytes : int
        How much of what they sang last is kept, see `recalled`.

    Attributes
    ----------
    recalled : Recalled
        Controls of what they sang last.
    """

    def __init__(self, max_entries: int = 4, *, recalled_bytes: int = 0):
        self.recalled = Recalled(recalled_bytes)
        self._renderers: _Bounded[render.Renderer] = _Bounded(max_entries)
        self._instruments: _Bounded[Instrument] = _Bounded(max_entries)

    def get(self, instrument: Instrument) -> tuple[render.Renderer, bool]:
        """An instrument's networks, and whether they were there already."""
        config, weights, top = instrument.config, instrument.weights, instrument.top
        return self._renderers.get(instrument.digest, lambda: render.load(config, weights, top))

    def audition(self, instrument: Instrument) -> bytes:
        """The built-in phrase, sung by an instrument in the middle of its range, as WAV; at 48 kHz with a top."""
        renderer = self.get(instrument)[0]
        return audio.encode(phrase.sing(renderer, instrument.statistics), rate_hz=phrase.rate_hz(renderer))

    def open(self, workspace: Workspace, reference: str | Path) -> Instrument:
        """What `find` finds, read anew only if its file has changed."""
        for path in (workspace.instruments / f"{names.on_disk(str(reference))}.zip", Path(reference)):
            if path.is_file():
                return self._instruments.get(files.key(path), lambda: find(workspace, reference))[0]
        return find(workspace, reference)


class _Bounded(Generic[Kept]):
    """Things by key; the one that was not used for longest gives way."""

    def __init__(self, max_entries: int):
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Kept]) -> tuple[Kept, bool]:
        """What is kept under a key, and whether it was there; it is made outside the lock, so that others can go on."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key], True
        made = make()
        with self._lock:
            made = self._entries.setdefault(key, made)  # that of a thread that was quicker
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        return made, False


_shared = Models()


def shared() -> Models:
    """The process's own store, for those who bring none."""
    return _shared


def find(workspace: Workspace, reference: str | Path) -> Instrument:
    """An instrument by its name in the workspace, or by its file."""
    library = Library(workspace)
    path = Path(reference)
    if library.find(str(reference)) is not None:
        return library.get(str(reference))
    if path.is_file():
        return open_any(path, name=names.read(path.stem))
    there = ", ".join(entry.name for entry in library.list()[:8]) or "none yet"
    raise InstrumentError(
        f"No instrument {str(reference)[:80]!r}, neither as a file nor in the workspace; available: {there}."
    )
