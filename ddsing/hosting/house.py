"""The house library: instruments, examples and the tutorial's voice that everybody has beside their own.

It is a workspace below the root, filled with the demo at first. Admins publish and withdraw; all others only read. What
is published is written under a name that is free, so that nothing takes the place of what people already sing
with; what is withdrawn goes to the trash.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from ddsing import names
from ddsing.changing import changing
from ddsing.errors import DdsingError
from ddsing.files import safe_name, trash, write_atomic
from ddsing.hosting import audit
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.library import Entry, Library
from ddsing.instrument.opening import open_any
from ddsing.sound import audio
from ddsing.sound import folder as folders
from ddsing.workspace import Workspace, open_workspace

FOLDER = "house"


class HouseError(DdsingError):
    """Something that can't be published or withdrawn."""


class House:
    """The house library below a root; what admins do with it is in the audit log."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine = engine
        self.folder = root / FOLDER

    @property
    def workspace(self) -> Workspace:
        """The library as a workspace, made if it is not there."""
        return open_workspace(self.folder)

    def instruments(self) -> list[Entry]:
        """The instruments, by name."""
        return Library(self.workspace).list()

    def examples(self) -> dict[str, Path]:
        """The examples, by name."""
        folder = self.workspace.examples
        return {folders.name_of(folder, path): path for path in folders.recordings(folder)}

    def publish(self, instrument: Instrument, *, by: str) -> Entry:
        """Add a copy of an instrument; `HouseError` if the house has one of its name."""
        library = Library(self.workspace)
        name = safe_name(instrument.name)
        with changing(self.workspace.instruments):
            if library.find(name) is not None:
                raise HouseError(
                    f"The house has an instrument named {name!r} already. Rename yours, or withdraw that one first."
                )
            made = library.add(instrument, name=name)
        audit.record(self._engine, by, "published", f"instrument {instrument.digest[:12]}")
        return made

    def publish_file(self, path: Path, *, by: str) -> str:
        """Add a copy of a file: an instrument's zip, or a recording as an example; returns its name in the house."""
        if not path.is_file():
            raise HouseError(f"No file {str(path)!r}. Check the spelling.")
        if path.suffix.lower() == ".zip":
            return self.publish(open_any(path, name=names.read(path.stem)), by=by).name
        audio.probe(path)
        target = self.workspace.examples / f"{safe_name(names.read(path.stem))}{path.suffix.lower()}"
        try:
            write_atomic(target, path.read_bytes(), new=True)
        except FileExistsError:
            raise HouseError(
                f"The house has an example named {target.name!r} already. Rename the file, or withdraw that one first."
            ) from None
        audit.record(self._engine, by, "published", "example")
        return target.name

    def withdraw(self, name: str, *, by: str) -> str:
        """Move an instrument or an example to the house's trash; returns which of the two it was."""
        library, found = Library(self.workspace), self.examples()
        if library.find(name) is not None:
            library.delete(name)
            kind = "instrument"
        elif (example := names.find(name, found)) is not None:
            with changing(self.workspace.examples):
                trash(found[example])
            kind = "example"
        else:
            raise HouseError(f"The house has neither an instrument nor an example named {name[:80]!r}.")
        audit.record(self._engine, by, "withdrawn", kind)
        return kind
