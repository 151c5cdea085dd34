"""An order on disk: a folder in its owner's workspace, which says all that there is to say about it.

``order.json`` makes it an order, with ``sound.npy`` beside it where it is about a recording, and ``source`` where that
was uploaded and is transferred. A worker holds ``lock`` while it does the work, and writes ``status.json``; ``cancel``
asks it to stop; ``ended.json`` is the end, whichever it was. A worker that is killed leaves neither lock nor end, so
that the order is still to be done.

Public: `OrderFolder`, `of_workspace`, `End`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from ddsing import errors
from ddsing.errors import Cancelled, DdsingError
from ddsing.files import atomic, read_json, write_atomic, write_json
from ddsing.jobs.time_left import Part
from ddsing.sound.audio import AudioInfo
from ddsing.sound.recording import Recording
from ddsing.work.order import Order

NAME = ".work"
KEPT_S = 24 * 3600.0  # an end that nobody has looked at
MOST_ATTEMPTS = 5
_VERSION = 1
_ORDER, _SOUND, _STATUS, _CANCEL, _ENDED, _ATTEMPTS, _TAKE = (
    *("order.json", "sound.npy", "status.json", "cancel", "ended.json", "attempts.json"),
    "take.json",
)
_SOURCE = "source"  # the recording as it was uploaded


@dataclass(frozen=True)
class End:
    """How an order ended: with a result, cancelled, or with an error.

    Attributes
    ----------
    result : dict or None
        What came of it, see `ddsing.work.kinds.do`.
    cancelled : bool
    error, error_kind : str
        What went wrong: a sentence for people and its class in `ddsing.errors`; no class for a mistake in the program.
    """

    result: dict[str, Any] | None = None
    cancelled: bool = False
    error: str = ""
    error_kind: str = ""

    @classmethod
    def of_error(cls, error: Exception) -> End:
        """The end that an error makes."""
        if isinstance(error, Cancelled):
            return cls(cancelled=True)
        if not isinstance(error, DdsingError):
            return cls(error=type(error).__name__)
        known = getattr(errors, type(error).__name__, None) is type(error)
        return cls(error=str(error), error_kind=type(error).__name__ if known else DdsingError.__name__)

    def raised(self) -> Exception | None:
        """The error as it would have been raised here; None for a good end."""
        if self.cancelled:
            return Cancelled("Stopped.")
        if not self.error:
            return None
        return getattr(errors, self.error_kind)(self.error) if self.error_kind else RuntimeError(self.error)


@dataclass(frozen=True)
class OrderFolder:
    """The folder of an order."""

    path: Path

    @classmethod
    def create(cls, workspace: Path, order: Order, *, tab: str, turn: int) -> OrderFolder:
        """Write an order down; once this returns it outlives every process.

        Parameters
        ----------
        tab : str
            The tab that asked for it.
        turn : int
            See `ddsing.work.turns`.
        """
        order_id = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        folder = cls(workspace / NAME / order_id)
        folder.path.mkdir(parents=True)
        try:
            if order.sound is not None:
                with atomic(folder.path / _SOUND) as file:
                    np.save(file, order.sound.audio, allow_pickle=False)
                if _uploaded(order) is not None:
                    write_atomic(folder.path / _SOURCE, _uploaded(order) or b"")
            write_json(folder.path / _ORDER, _document(order, tab, turn), indent=None)
        except BaseException:
            folder.forget()
            raise
        return folder

    @property
    def id(self) -> str:
        """Sorts by time; the folder's name."""
        return self.path.name

    @property
    def workspace(self) -> Path:
        """The root of the owner's workspace."""
        return self.path.parent.parent

    def exists(self) -> bool:
        """Whether it is an order."""
        return (self.path / _ORDER).is_file()

    def about(self) -> dict[str, Any]:
        """What ``order.json`` says; empty if there is none."""
        return read_json(self.path / _ORDER) or {}

    def turn(self) -> int:
        """Its number in line, see `ddsing.work.turns`."""
        return int(self.about().get("turn", 0))

    def expected_s(self) -> float:
        """Seconds that it will probably take."""
        return sum(float(part["expected_s"]) for part in self.about().get("parts", ()))

    def order(self) -> Order:
        """The order itself; `DdsingError` if it can't be read."""
        document = self.about()
        try:
            sound = document["sound"]
            parts = [Part(**part) for part in document["parts"]]
            recording = None if sound is None else self._recording(sound)
            return Order(document["kind"], document["label"], document["options"], recording, parts)
        except (KeyError, TypeError, ValueError, OSError):
            raise DdsingError("The order is damaged and can't be read. Start it again.") from None

    def _recording(self, about: Mapping[str, Any]) -> Recording:
        audio = np.load(self.path / _SOUND, allow_pickle=False)
        audio.flags.writeable = False
        source = about.get("source")  # a path, "" for a file in the order's own folder, or None
        place = None if source is None else Path(source) if source else self.path / _SOURCE
        remarks, info = tuple(about["remarks"]), AudioInfo(**about["info"])
        return Recording(about["name"], audio, about["key"], info, None, remarks, place)

    # By whoever asked

    def cancel(self) -> None:
        """Ask for its end; one that nobody works at ends at once."""
        with contextlib.suppress(OSError):
            write_atomic(self.path / _CANCEL, b"", durable=False)
        with self.held(patience_s=0.0) as mine:
            if mine and self.ended() is None:
                self.end(End(cancelled=True))

    def cancelled(self) -> bool:
        """Whether its end was asked for."""
        return (self.path / _CANCEL).exists()

    def status(self) -> dict[str, Any]:
        """What the worker told last; empty if it has not begun."""
        return read_json(self.path / _STATUS) or {}

    def ended(self) -> End | None:
        """Its end; None while there is none."""
        document = read_json(self.path / _ENDED)
        return None if document is None else End(**{name: document[name] for name in _fields(End) if name in document})

    def forget(self) -> None:
        """Remove it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def forget_if_old(self) -> None:
        """Remove it if nobody has looked at its end for long."""
        with contextlib.suppress(OSError):
            if time.time() - self.path.stat().st_mtime > KEPT_S:
                self.forget()

    # By a worker

    @contextlib.contextmanager
    def held(self, *, patience_s: float) -> Iterator[bool]:
        """Have the order to oneself; gives False if another has it, or it is gone."""
        lock = FileLock(self.path / "lock", thread_local=False)
        try:
            if not self.path.is_dir():  # which the lock would make
                raise FileNotFoundError
            lock.acquire(timeout=patience_s, poll_interval=0.02)
        except (Timeout, OSError):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def tell(self, **status: Any) -> None:
        """Write how far it is; a disk that is full is no reason to stop."""
        with contextlib.suppress(OSError):
            write_json(self.path / _STATUS, {**status, "at": time.time()}, indent=None, durable=False)

    def set_back(self) -> None:
        """It waits again; its worker is gone."""
        with contextlib.suppress(OSError):
            (self.path / _STATUS).unlink(missing_ok=True)

    def end(self, end: End) -> None:
        """Write its end."""
        write_json(self.path / _ENDED, dataclasses.asdict(end), indent=None)
        with contextlib.suppress(OSError):
            os.unlink(self.path / _SOUND)

    def attempt(self) -> int:
        """Count an attempt; returns which it is, 1 for the first."""
        n = int((read_json(self.path / _ATTEMPTS) or {}).get("n", 0)) + 1
        write_json(self.path / _ATTEMPTS, {"n": n}, indent=None)
        return n

    def note_take(self, take_id: str) -> None:
        """Write down the take that an attempt is about to make."""
        write_json(self.path / _TAKE, {"take": take_id}, indent=None)

    def noted_take(self) -> str | None:
        """The take of an attempt before."""
        return (read_json(self.path / _TAKE) or {}).get("take")


def of_workspace(workspace: Path) -> list[OrderFolder]:
    """The orders of a workspace, the oldest first, ended or not."""
    try:
        names = sorted(os.listdir(workspace / NAME))
    except OSError:
        return []
    found = [OrderFolder(workspace / NAME / name) for name in names if not name.startswith(".")]
    return [folder for folder in found if folder.exists()]


def _uploaded(order: Order) -> bytes | None:
    """The content of the recording that is transferred, where it lies in no file."""
    source = None if order.sound is None else order.sound.source
    return source if order.kind == "transfer" and isinstance(source, bytes) else None


def _place(sound: Recording) -> str | None:
    return str(sound.source.absolute()) if isinstance(sound.source, Path) else None


def _document(order: Order, tab: str, turn: int) -> dict[str, Any]:
    sound = order.sound
    return {
        "version": _VERSION,
        "kind": order.kind,
        "label": order.label,
        "options": dict(order.options),
        "parts": [dataclasses.asdict(part) for part in order.parts],
        "sound": None
        if sound is None
        else {
            "name": sound.name,
            "key": sound.key,
            "info": dataclasses.asdict(sound.info),
            "remarks": list(sound.remarks),
            "source": "" if _uploaded(order) is not None else _place(sound),
        },
        "tab": tab,
        "turn": turn,
        "created": time.time(),
    }


def _fields(kind: type) -> list[str]:
    return [one.name for one in dataclasses.fields(kind)]
