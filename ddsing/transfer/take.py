"""A take: a rendering with its recipe, and what fixes how it sounds."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import ddsing
from ddsing import files, names
from ddsing.constants import FULL_BAND_RATE, SAMPLE_RATE
from ddsing.errors import TakeError
from ddsing.instrument import Instrument
from ddsing.sound.audio import content_hash
from ddsing.sound.curve.edit import PitchEdit
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings

MAX_TAGS = 20
MAX_NAME = 120  # characters
_FIRST = (  # settings that takes had from the first: later ones count only where they are set, so that keys stay
    *("show_full_output", "use_statistics", "mask_threshold", "attenuation_db", "autotune", "octave_shift"),
    *("loudness_shift_db", "seed", "z_from", "z_recording", "z_shift"),
)
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
        Holds ``result.wav``, ``harmonic.wav``, ``noise.wav``, ``original.wav`` (32-bit float; 16 kHz, or 48 kHz of a
        full-band take, whose original is at its own rate up to that) and ``features.npz``.
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
    edit : PitchEdit or None
        What was changed in the recording's pitch curve.
    tags : tuple[str, ...]
    star : bool
    error : str
        Why the take can't be read, or "".
    score : Mapping or None
        Of a take that was sung from a score: which, how and in what style, see `ddsing.play.sing.recipe`; of one that
        was played, see `ddsing.play.played.Played.recipe`.
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
    rate_hz: int = SAMPLE_RATE
    morph: Morph | None = None
    edit: PitchEdit | None = None
    tags: tuple[str, ...] = ()
    star: bool = False
    error: str = ""
    score: Mapping | None = None

    @functools.cached_property
    def key(self) -> str:
        """The same for takes that sound the same: of the instrument, the recordings, the tracker and the settings."""
        return content_key(
            self.instrument_digest,
            self.source_hash,
            self.tracker,
            self.settings,
            timbre_hash=self.timbre_hash,
            morph=self.morph,
            edit=self.edit,
        )

    @property
    def sung(self) -> bool:
        """Whether it was sung from a score; one that was played has no notes that were written."""
        return self.score is not None and not self.score.get("played")

    @property
    def made_from(self) -> str:
        """What ``original.wav`` is, in a word: what was recorded, or a plain tone of what was sung or played."""
        return "original" if self.score is None else "guide"

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
        edit: PitchEdit | None = None,
        source_hash: str = "",
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
        source_hash : str
            That of the recording's content, where it is known.
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
            source_hash=source_hash or content_hash(audio),
            timbre_hash="" if other is None else content_hash(other),
            version=ddsing.__version__,
            settings=settings,
            fit=fit,
            generation=instruments[0].config.generation,
            duration_s=len(audio) / SAMPLE_RATE,
            changed=settings.changed_since(previous.settings) if previous else (),
            morph=morph,
            edit=edit or None,
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
        if self.edit:
            recipe["pitch_edit"] = self.edit.to_json()
        recipe |= {} if self.score is None else {"score": dict(self.score)}
        return recipe | ({"morph": self.morph.to_json()} if self.morph else {})

    def to_json(self) -> dict:
        """The content of ``take.json``."""
        document = {name: getattr(self, name) for name in _TEXTS}
        document |= {} if self.score is None else {"score": dict(self.score)}
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
            "rate_hz": self.rate_hz,
            "morph": None if self.morph is None else self.morph.to_json(),
            "tags": list(self.tags),
            "star": self.star,
            **({"pitch_edit": self.edit.to_json()} if self.edit else {}),
        }

    @classmethod
    def from_json(cls, folder: Path, data: Mapping) -> Take:
        """The take in a folder, from the content of its ``take.json``; raises what is wrong with that."""
        texts = {name: str(data.get(name, "")) for name in _TEXTS}
        return cls(
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
            rate_hz=_rate_hz(data.get("rate_hz", SAMPLE_RATE)),
            morph=None if data.get("morph") is None else Morph.from_json(data["morph"]),
            edit=read_edit(data),
            tags=clean_tags(data.get("tags", ())),
            star=data.get("star") is True,
            score=data["score"] if isinstance(data.get("score"), dict) else None,
        )

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


def read_edit(recipe: Mapping) -> PitchEdit | None:
    """The pitch edit of a recipe, if it has one; raises `DdsingError` if it can't be read."""
    return PitchEdit.from_json(recipe["pitch_edit"]) if recipe.get("pitch_edit") is not None else None


def content_key(
    digest: str,
    source_hash: str,
    tracker: str,
    settings: Settings,
    *,
    timbre_hash: str = "",
    morph: Morph | None = None,
    edit: PitchEdit | None = None,
) -> str:
    """What fixes how a take sounds, as hexadecimal digits.

    The other recording that timbre is taken from counts by its content, `timbre_hash`, and not by its name.
    """
    named_only = settings.z_from == "other" and not timbre_hash
    unheard = {"show_full_output"} | (set() if named_only else {"z_recording"})
    default, values = Settings().to_json(), settings.to_json()
    unheard |= {name for name, value in default.items() if name not in _FIRST and value == values[name]}
    heard = {name: value for name, value in values.items() if name not in unheard}
    said = [digest, source_hash, timbre_hash, tracker, heard, morph.to_json() if morph else None]
    said += [edit.digest] if edit else []
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: no two alike, none empty, in the order given."""
    said = (" ".join(str(tag).split())[:40] for tag in tags)
    return tuple(dict.fromkeys(tag for tag in said if tag))[:MAX_TAGS]


def _rate_hz(value: object) -> int:
    if value not in (SAMPLE_RATE, FULL_BAND_RATE):
        raise ValueError(f"a sample rate of {value!r:.20}")
    return int(value)  # type: ignore[call-overload]


def _fit(data: Mapping) -> dict[str, float | None]:
    return {str(name): None if value is None else float(value) for name, value in data.items()}
