"""Takes: what was rendered, with what, and the sound. One folder each in ``experiments/``.

A take is built aside and renamed into place, so that a crash leaves a whole take or none. `TakeStore.list_all` shows a
damaged one with its reason and never fails for it. What was read is remembered until the file on disk is another.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import ddsing
from ddsing import files, names
from ddsing.constants import SAMPLE_RATE
from ddsing.errors import DdsingError, TakeError
from ddsing.files import existing, flush, move_exclusively, restore, safe_name, trash
from ddsing.instrument import Instrument
from ddsing.sound.audio import content_hash, encode
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

_ABANDONED_S = 24 * 3600.0  # a half-built take this old was left by a crash
RESERVED = ("matrix", "sets", "listening")  # folders beside the takes that are no takes
MAX_TAGS = 20
MAX_NAME = 120  # characters
_MAX_REMEMBERED = 5000
_remembered: dict[str, tuple[tuple[int, ...], Take]] = {}  # by folder, with the stamp of take.json; bounded
_TEXTS = (
    *("name", "source", "instrument", "tracker", "created", "note"),
    *("instrument_digest", "source_hash", "timbre_hash", "version"),
)


@dataclass(frozen=True)
class Take:
    """A rendering and its recipe.

    Attributes
    ----------
    id : str
        Sorts by time; the folder's name.
    folder : Path
        Holds ``result.wav``, ``harmonic.wav``, ``noise.wav``, ``original.wav`` (16 kHz, 32-bit float) and
        ``features.npz``.
    timbre_hash : str
        Content of the other recording that timbre was taken from; "" where there was none, or in a take that was kept
        before this was.
    seconds : Mapping[str, float]
        Time of each stage.
    reused : tuple[str, ...]
        Stages that took their result from a cache.
    changed : tuple[str, ...]
        Names of the settings that differ from those of the take before it.
    fit : Mapping or None
        See `ddsing.transfer.fit.Fit.to_json`.
    morph : Morph or None
        The instruments between which it lies, and the weights; `instrument` then names them all.
    tags : tuple[str, ...]
    star : bool
    error : str
        Why the take can't be read, or "".
    """

    id: str
    folder: Path
    name: str = ""
    source: str = ""
    instrument: str = ""
    tracker: str = ""
    created: str = ""
    note: str = ""
    instrument_digest: str = ""
    source_hash: str = ""
    timbre_hash: str = ""
    version: str = ""
    settings: Settings = field(default_factory=Settings)
    seconds: Mapping[str, float] = field(default_factory=dict)
    reused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    fit: Mapping | None = None
    peak: float = 0.0
    generation: int = 3
    duration_s: float = 0.0
    morph: Morph | None = None
    tags: tuple[str, ...] = ()
    star: bool = False
    error: str = ""

    @property
    def key(self) -> str:
        """The same for takes that sound the same: of the instrument, the recordings, the tracker and the settings."""
        return content_key(
            self.instrument_digest,
            self.source_hash,
            self.tracker,
            self.settings,
            timbre_hash=self.timbre_hash,
            morph=self.morph,
        )

    @classmethod
    def begun(
        cls,
        take_id: str,
        folder: Path,
        *,
        source: str,
        audio: np.ndarray,
        other: np.ndarray | None,
        instruments: Sequence[Instrument],
        morph: Morph | None,
        settings: Settings,
        tracker: str,
        fit: Mapping | None,
        previous: Take | None,
    ) -> Take:
        """The record of a take that is about to be rendered.

        Parameters
        ----------
        source : str
            The recording's name.
        audio, other : np.ndarray [shape=(n_samples,), float32]
            The recording, and the one that timbre is taken from, if any.
        instruments : Sequence[Instrument]
            As many as the morph names; one without a morph.
        previous : Take or None
            The take before it, which `changed` refers to.
        """
        digests = tuple(one.digest for one in instruments)
        if morph is not None:
            morph = replace(morph, names=tuple(one.name for one in instruments), digests=digests)
        return cls(
            id=take_id,
            folder=folder,
            name=f"{Path(source).stem} → {together(instruments)}"[:MAX_NAME],
            source=source,
            instrument=together(instruments),
            tracker=tracker,
            created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            instrument_digest=digests[0] if morph is None else hashlib.sha256("".join(digests).encode()).hexdigest(),
            source_hash=content_hash(audio),
            timbre_hash="" if other is None else content_hash(other),
            version=ddsing.__version__,
            settings=settings,
            fit=fit,
            generation=instruments[0].config.generation,
            duration_s=len(audio) / SAMPLE_RATE,
            changed=settings.changed_since(previous.settings) if previous else (),
            morph=morph,
        )

    def recipe(self) -> dict:
        """What goes into a file's metadata: enough to set every control again."""
        recipe = {
            "ddsing": self.version,
            "take": self.id,
            "instrument": {"name": self.instrument, "digest": self.instrument_digest},
            "source": {"name": self.source, "hash": self.source_hash},
            "tracker": self.tracker,
            "settings": self.settings.to_json(),
        }
        if self.timbre_hash:
            recipe["timbre"] = {"name": self.settings.z_recording, "hash": self.timbre_hash}
        return recipe | ({"morph": self.morph.to_json()} if self.morph else {})

    def to_json(self) -> dict:
        """The content of ``take.json``."""
        document = {name: getattr(self, name) for name in _TEXTS}
        return document | {
            "settings": self.settings.to_json(),
            "seconds": dict(self.seconds),
            "reused": list(self.reused),
            "warnings": list(self.warnings),
            "changed": list(self.changed),
            "fit": None if self.fit is None else dict(self.fit),
            "peak": self.peak,
            "generation": self.generation,
            "duration_s": self.duration_s,
            "morph": None if self.morph is None else self.morph.to_json(),
            "tags": list(self.tags),
            "star": self.star,
        }

    def curves(self) -> dict[str, np.ndarray]:
        """The features and the conditioning: arrays [shape=(n_frames,)] as `ddsing.transfer.pipeline` saves them."""
        arrays = files.read_arrays(self.folder / "features.npz")
        if arrays is None:
            raise TakeError(f"The curves of the take {self.name!r} can't be read. Render it again.")
        return arrays


def together(instruments: Sequence[Instrument]) -> str:
    """What the instruments of a take are called together: ``Aria``, ``Aria + Cello``."""
    return " + ".join(one.name for one in instruments)


def read_recipe(recipe: Mapping) -> tuple[Settings, str, str]:
    """Settings, tracker and instrument name of a recipe; raises `DdsingError` if it is not one of ours."""
    instrument = recipe.get("instrument")
    tracker = recipe.get("tracker")
    name = instrument.get("name") if isinstance(instrument, Mapping) else None
    if not isinstance(name, str) or not isinstance(tracker, str):
        raise TakeError("The recipe in this file can't be read. Set the controls by hand.")
    return Settings.from_json(recipe.get("settings", {})), tracker, name


def read_morph(recipe: Mapping) -> Morph | None:
    """The morph of a recipe, if it is of one; raises `DdsingError` if it can't be read."""
    return Morph.from_json(recipe["morph"]) if recipe.get("morph") is not None else None


def content_key(
    digest: str,
    source_hash: str,
    tracker: str,
    settings: Settings,
    *,
    timbre_hash: str = "",
    morph: Morph | None = None,
) -> str:
    """What fixes how a take sounds, as hexadecimal digits.

    The other recording that timbre is taken from counts by its content, `timbre_hash`, and not by its name.
    """
    named_only = settings.z_from == "other" and not timbre_hash
    unheard = {"show_full_output"} | (set() if named_only else {"z_recording"})
    heard = {name: value for name, value in settings.to_json().items() if name not in unheard}
    said = [digest, source_hash, timbre_hash, tracker, heard, morph.to_json() if morph else None]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: no two alike, none empty, in the order given."""
    said = (" ".join(str(tag).split())[:40] for tag in tags)
    return tuple(dict.fromkeys(tag for tag in said if tag))[:MAX_TAGS]


Takes = list[Take]  # inside `TakeStore`, `list` is its method


class TakeStore:
    """The takes of a workspace, or those of another folder in it."""

    def __init__(self, workspace: Workspace, folder: Path | None = None):
        self.folder = folder or workspace.experiments

    def list(self) -> Takes:
        """All readable takes, newest first."""
        return [take for take in self.list_all() if not take.error]

    def list_all(self) -> Takes:
        """All takes, newest first; one that can't be read has its reason as `error`."""
        return [self._read(folder) for folder in self._folders()]

    def newest(self) -> Take | None:
        """The newest readable take."""
        return next((take for take in map(self._read, self._folders()) if not take.error), None)

    def get(self, take_id: str) -> Take:
        """The take with an id."""
        take = self._read(existing(self.folder, take_id) or self.folder / safe_name(take_id))
        if take.error:
            raise TakeError(take.error)
        return take

    def rename(self, take_id: str, name: str) -> Take:
        """Call a take otherwise (up to 120 characters)."""
        return self._change(take_id, name=name.strip()[:MAX_NAME] or take_id)

    def note(self, take_id: str, note: str) -> Take:
        """Write a note to a take (up to 2,000 characters)."""
        return self._change(take_id, note=note[:2000])

    def label(self, take_id: str, *, tags: Iterable[str] | None = None, star: bool | None = None) -> Take:
        """Give a take tags, or a star, or take them away; None leaves as it is."""
        changes = {} if tags is None else {"tags": clean_tags(tags)}
        return self._change(take_id, **changes, **({} if star is None else {"star": bool(star)}))

    def delete(self, take_id: str) -> str:
        """Move a take, readable or not, to the trash; returns what `undo` takes."""
        folder = existing(self.folder, take_id)
        if folder is None or not folder.is_dir():
            raise TakeError(f"No take {take_id[:80]!r}; it may have been deleted.")
        return str(trash(folder))

    def undo(self, token: str) -> Take:
        """Bring a deleted take back."""
        path = Path(token)
        if path.parent.parent != self.folder / ".trash":
            raise TakeError("This take can't be restored: it was not deleted here.")
        return self._read(restore(path))

    def export(self, take_id: str, format: str = "WAV") -> bytes:
        """The result as a 24-bit WAV or FLAC with the recipe in its metadata."""
        take = self.get(take_id)
        return encode(take.folder / "result.wav", format=format, recipe=take.recipe())

    @contextlib.contextmanager
    def building(self, title: str) -> Iterator[tuple[str, Path]]:
        """A new take's id and a folder to fill; it becomes a take when the block ends well, and vanishes otherwise."""
        now = datetime.datetime.now(datetime.UTC)  # local time would go back an hour in autumn
        when = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}"
        stem = f"{when}-{safe_name(title)[:40].strip(' .-')}"
        self._remove_abandoned()
        with _disk_errors():
            take_id, folder = self._claim(stem)
            try:
                yield take_id, folder
                for path in (*folder.iterdir(), folder):
                    flush(path)
                move_exclusively(folder, self.folder / take_id)
                flush(self.folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def _claim(self, stem: str) -> tuple[str, Path]:
        """An id that no take has, and the folder to build it in, which keeps others from the id."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            take_id = f"{stem}-{secrets.token_hex(2)}"
            folder = self.folder / f".{take_id}.partial"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                if not (self.folder / take_id).exists():
                    return take_id, folder
                folder.rmdir()  # who had the id was just done with it

    def _folders(self) -> Sequence[Path]:
        try:
            with os.scandir(self.folder) as entries:  # which knows folders without asking the disk for each
                found = [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise TakeError(f"The folder {str(self.folder)!r} can't be read: {error.strerror or error}.") from None
        return [self.folder / name for name in sorted(found, reverse=True) if name not in RESERVED]

    def _remove_abandoned(self) -> None:
        for path in self.folder.glob(".*.partial"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(path, ignore_errors=True)

    def _change(self, take_id: str, **changes: Any) -> Take:
        take = replace(self.get(take_id), **changes)
        write_take(take)
        return take

    def _read(self, folder: Path) -> Take:
        """A take as it is on disk, read anew only if its ``take.json`` has changed."""
        try:
            stamp = files.stamp(folder / "take.json", inode=True)
            found = _remembered.get(str(folder))
            if found is None or found[0] != stamp or not (folder / "result.wav").is_file():
                if len(_remembered) >= _MAX_REMEMBERED:
                    _remembered.clear()
                found = _remembered[str(folder)] = (stamp, self._parse(folder))
            return found[1]
        except FileNotFoundError:
            return _unreadable(folder, "is damaged: its take.json is missing" if folder.is_dir() else "is missing")
        except PermissionError as error:
            return _unreadable(folder, f"can't be read: {error.strerror}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, DdsingError):
            return _unreadable(folder, "is damaged and can't be read")

    def _parse(self, folder: Path) -> Take:
        data = names.mended(json.loads((folder / "take.json").read_text("utf-8")))
        texts = {name: str(data.get(name, "")) for name in _TEXTS}
        if not (folder / "result.wav").is_file():
            raise TakeError("the sound is missing")
        return Take(
            id=names.read(folder.name),
            folder=folder,
            **texts,
            settings=Settings.from_json(data["settings"]),
            seconds={str(stage): float(seconds) for stage, seconds in data["seconds"].items()},
            reused=tuple(map(str, data["reused"])),
            warnings=tuple(map(str, data["warnings"])),
            changed=tuple(map(str, data.get("changed", ()))),
            fit=None if data["fit"] is None else _fit(data["fit"]),
            peak=float(data["peak"]),
            generation=int(data["generation"]),
            duration_s=float(data["duration_s"]),
            morph=None if data.get("morph") is None else Morph.from_json(data["morph"]),
            tags=clean_tags(data.get("tags", ())),
            star=data.get("star") is True,
        )


def _unreadable(folder: Path, why: str) -> Take:
    name = names.read(folder.name)
    return Take(name, folder, name=name, error=f"The take {name!r} {why}.")


def _fit(data: Mapping) -> dict[str, float | None]:
    return {str(name): None if value is None else float(value) for name, value in data.items()}


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """What the disk refuses, in a sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TakeError(f"The take can't be saved: {reason}. Free some space or use another workspace.") from None


def write_take(take: Take, folder: Path | None = None) -> None:
    """Write a take's ``take.json``, into `folder` while it is being built."""
    files.write_json((folder or take.folder) / "take.json", take.to_json())
