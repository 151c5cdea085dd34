"""Many recordings, one after the other, with the same instruments: which, what is there already, and how far it is.

A take that sounds the same (`ddsing.transfer.take.Take.key`), made by this version, is not sung again, and neither is a
file that was written from it: whatever ended a batch, it goes on where it was. One recording that can't be read keeps
none of the others.

Public: `Item`, `Gathered`, `gather`, `require`, `Choir`, `key_of_recipe`, `Course`, `Outcome`, `summary`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import ddsing
from ddsing import names
from ddsing.errors import DdsingError
from ddsing.files import spelled
from ddsing.instrument import Instrument
from ddsing.instrument.models import Models
from ddsing.jobs import paces, time_left
from ddsing.sound import folder as folders
from ddsing.sound.curve.edit import PitchEdit
from ddsing.sound.recording import Recording
from ddsing.transfer import band, expected, pipeline, stages, timbre
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take, content_key, read_edit, read_morph, read_recipe
from ddsing.transfer.takes import TakeStore
from ddsing.units import format_duration
from ddsing.workspace import Workspace

SUNG, THERE, FAILED = RESULTS = ("sung", "there already", "failed")
EMPTY = "The folder has no recordings in it."
_STAGE = "the recordings"


@dataclass(frozen=True)
class Item:
    """A recording of a batch.

    Attributes
    ----------
    path : Path
    name : str
        What it is called: its file, or its place below the folder that was given.
    place : Path
        Where its result goes below the folder of the results, without the ending; no two are the same.
    """

    path: Path
    name: str
    place: Path

    @property
    def n_bytes(self) -> int:
        """The file's size; 0 if that can't be told."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


@dataclass(frozen=True)
class Gathered:
    """What a batch consists of, and what can't be part of it: sentences by name."""

    items: tuple[Item, ...]
    refused: Mapping[str, str]


def gather(paths: Iterable[Path], *, but: Path | None = None) -> Gathered:
    """The recordings that some files and folders stand for, each once, in their order.

    Parameters
    ----------
    but : Path or None
        A folder in one of these whose files are none, such as that of the results.
    """
    found: dict[Path, str] = {}
    refused: dict[str, str] = {}
    for path in map(spelled, paths):
        if not path.is_dir():
            found.setdefault(path.absolute(), names.read(path.name))
            continue
        looked = folders.look(path)
        refused |= {names.read(str(place)): why for place, why in looked.unreadable.items()}
        results = but.resolve() if but is not None and but.resolve().is_relative_to(path.resolve()) else None
        inside = [one for one in looked.recordings if not (results and one.resolve().is_relative_to(results))]
        for one in inside:
            found.setdefault(one.absolute(), folders.name_of(path, one))
        if not inside and not looked.unreadable:
            refused[names.read(str(path))] = EMPTY
    places = _places(list(found.values()))
    items = (Item(path, name, place) for (path, name), place in zip(found.items(), places))
    return Gathered(tuple(items), refused)


def _places(called: Sequence[str]) -> list[Path]:
    """A place for each name, without its ending where that is enough to tell it from the others."""
    short = [Path(names.on_disk(name)).with_suffix("") for name in called]
    keys = [names.key(str(place)).casefold() for place in short]
    taken: set[str] = set()
    places = []
    for name, place, key in zip(called, short, keys):
        wanted = place if keys.count(key) == 1 else Path(names.on_disk(name))
        candidate, number = wanted, 1
        while names.key(str(candidate)).casefold() in taken:
            number += 1
            candidate = wanted.with_name(f"{wanted.name} {number}")
        taken.add(names.key(str(candidate)).casefold())
        places.append(candidate)
    return places


def require(
    workspace: Workspace,
    instruments: Sequence[Instrument],
    settings: Settings,
    *,
    morph: Morph | None = None,
    z_source: Path | None = None,
) -> Path | None:
    """Raise `SettingsError` for what no recording could be sung with; the file that timbre is taken from, if any."""
    pipeline.require_own_timbre(morph, settings)
    if morph is None:
        timbre.require(instruments[0], settings)
    if settings.z_from != "other" or instruments[0].config.z is None:
        return None
    return pipeline.example(workspace, settings.z_recording) if z_source is None else z_source


@dataclass(frozen=True, eq=False)
class Choir:
    """Who sings all recordings of a batch.

    Attributes
    ----------
    instruments : Sequence[Instrument]
        Opened; as many as the morph names, one without a morph.
    z_source : Path or None
        The other recording that the settings may take timbre from.
    models : Models
        Where loaded networks are kept.
    """

    workspace: Workspace
    instruments: Sequence[Instrument]
    tracker: str
    models: Models
    morph: Morph | None = None
    z_source: Path | None = None

    def key(self, sound: Recording, settings: Settings, edit: PitchEdit | None = None) -> str:
        """The key that the take of a recording will have, see `Take.key`."""
        if self.morph is None and self.instruments[0].config.z is None:
            settings = settings.without_z()
        settings = band.settled(settings, self.instruments)
        if edit is not None and edit.misfit(sound.key, self.tracker):
            edit = None
        begun = Take.begun(
            "",
            Path(),
            source=sound.name,
            audio=sound.audio,
            other=self._other(settings),
            instruments=self.instruments,
            morph=self.morph,
            settings=settings,
            tracker=self.tracker,
            fit=None,
            previous=None,
            edit=edit,
        )
        return begun.key

    def _other(self, settings: Settings) -> np.ndarray | None:
        if settings.z_from != "other":
            return None
        name = settings.z_recording
        if name not in self._others:
            self._others[name] = pipeline.other_recording(self.workspace, settings, self.z_source)
        return self._others[name]

    @functools.cached_property
    def _others(self) -> dict[str, np.ndarray | None]:
        """The decoded recordings that timbre was taken from, by name."""
        return {}

    @functools.cached_property
    def _known(self) -> dict[str, str]:
        """Ids of the takes that this version made, by key."""
        return {take.key: take.id for take in TakeStore(self.workspace).list() if take.version == ddsing.__version__}

    def known(self, key: str) -> Take | None:
        """The take of a key, if there is one."""
        try:
            return TakeStore(self.workspace).get(self._known[key]) if key in self._known else None
        except DdsingError:  # it was deleted meanwhile
            return None

    def parts(self, sound: Recording) -> list[time_left.Part]:
        """What singing it consists of."""
        known, configs = paces.of(self.workspace), [one.config for one in self.instruments]
        length_s = sound.duration_s
        return expected.parts(known, configs, tracker=self.tracker, sound_s=length_s, to_analyse_s=length_s)

    def sing(
        self,
        sound: Recording,
        settings: Settings,
        edit: PitchEdit | None = None,
        *,
        progress: Callable[[str, float], None] | None = None,
    ) -> tuple[Take, bool]:
        """The take of a recording, and whether it was there already."""
        key = self.key(sound, settings, edit)
        there = self.known(key)
        if there is not None:
            return there, True
        other = None if self.instruments[0].config.z is None else self._other(settings)
        take = pipeline.run(
            self.workspace,
            sound,
            self.instruments,
            settings,
            morph=self.morph,
            source_name=sound.name,
            tracker=self.tracker,
            models=self.models,
            z_source=self.z_source if other is None else other,
            edit=edit,
            progress=progress,
        )
        self._known[take.key] = take.id
        return take, False


def key_of_recipe(recipe: Mapping | None) -> str | None:
    """The key of the take that a file was written from, by its recipe; None if it is none of this version's."""
    if recipe is None or recipe.get("ddsing") != ddsing.__version__:
        return None
    try:
        settings, tracker, _ = read_recipe(recipe)
        return content_key(
            recipe["instrument"]["digest"],
            recipe["source"]["hash"],
            tracker,
            settings,
            timbre_hash=recipe.get("timbre", {}).get("hash", ""),
            morph=read_morph(recipe),
            edit=read_edit(recipe),
        )
    except (DdsingError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True)
class Outcome:
    """What became of a recording.

    Attributes
    ----------
    result : str
        `SUNG`, `THERE` or `FAILED`.
    take, out : str
        The take's id and the file that was written, or "".
    inside_share : float or None
        How much of it lies inside the instrument's range, see `ddsing.transfer.fit.Fit`.
    error : str
        Why it failed, as a sentence.
    """

    name: str
    result: str
    take: str = ""
    out: str = ""
    duration_s: float | None = None
    inside_share: float | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, take: Take, *, there: bool, out: str = "") -> Outcome:
        """That of a recording with its take."""
        share = None if take.fit is None else take.fit.get("inside_share")
        return cls(name, THERE if there else SUNG, take.id, out, take.duration_s, share, "", take.warnings)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {**vars(self), "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, data: Mapping) -> Outcome:
        """What `to_json` has written."""
        return replace(cls(**data), warnings=tuple(data["warnings"]))

    @property
    def said(self) -> str:
        """What there is to say beside the figures: why it failed, or what was odd."""
        return self.error or " ".join(self.warnings)

    @property
    def cells(self) -> list[str]:
        """Name, result, length and share inside the range, as text."""
        length = "" if self.duration_s is None else format_duration(self.duration_s)
        share = "" if self.inside_share is None else f"{self.inside_share:.0%}"
        return [self.name, self.result, length, share]


HEADINGS = ("Recording", "Result", "Length", "In range")


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many were sung, were there already and failed, as a sentence."""
    counts = {one: sum(outcome.result == one for outcome in outcomes) for one in (SUNG, THERE, FAILED)}
    total = f"{len(outcomes)} recordings" if len(outcomes) != 1 else "1 recording"
    said = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
    return f"{total}: {said or 'nothing to do'}."


class Course:
    """How far a batch is, and how long it will still take; recordings count by the size of their files.

    Parameters
    ----------
    sizes : Sequence[int]
        Bytes of each recording.
    """

    def __init__(self, sizes: Sequence[int], *, clock: time_left.Clock | None = None):
        self._sizes = [max(1, size) for size in sizes]
        self._left_out: set[int] = set()
        self._clock = clock or time_left.Clock()
        self._number, self._own = 0, self._clock.another()
        self.stage = ""

    def begin(self, number: int) -> None:
        """The recording of this number, from 0, is next."""
        self._number, self._own, self.stage = number, self._clock.another(), stages.doing("decode")
        self._tell(0.0)

    def plan(self, parts: Sequence[time_left.Part]) -> None:
        """What singing it consists of."""
        self._own = self._clock.another(parts)

    def at(self, stage: str, share: float) -> None:
        """The stage at work, in words or as `ddsing.transfer.stages` calls it, and the share of it that is done."""
        self.stage = stages.doing(stage)
        self._own.at(self.stage, share)
        self._tell(self._own.share() or 0.0)

    def over(self, *, worked: bool = True) -> None:
        """It is done; where nothing had to be `worked`, its time says nothing about the others'."""
        if not worked:
            self._left_out.add(self._number)
        self._tell(1.0)

    @property
    def fraction(self) -> float:
        """The share of all recordings that is done."""
        done = sum(self._sizes[: self._number]) + self._share * self._sizes[self._number] if self._sizes else 0.0
        return min(1.0, done / max(1, sum(self._sizes)))

    @property
    def left(self) -> time_left.Range | None:
        """The time left; None while it can't be told."""
        return self._clock.left()

    def _tell(self, share: float) -> None:
        self._share = share
        counted = [0 if i in self._left_out else size for i, size in enumerate(self._sizes)]
        done = sum(counted[: self._number]) + share * counted[self._number]
        self._clock.at(_STAGE, done / max(1, sum(counted)))
