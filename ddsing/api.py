"""ddsing from Python, on one page: a workspace, its instruments, features, transfers and training.

These are the names of ``import ddsing``, which itself loads nothing; ``docs/api.md`` shows them at work. What can go
wrong through what is given is a `ddsing.DdsingError` with a sentence. Frames are 4 ms, pitch is in Hz, loudness in dB.

Public: `open`, `Studio`, `Sung`, and of what they take and give `Settings`, `Instrument`, `Features`, `Outcome`,
`Trained`, `DdsingError`.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ddsing.constants import SAMPLE_RATE, TRACKERS
from ddsing.errors import AudioError, DdsingError, SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.instrument import Instrument
from ddsing.instrument.library import Library
from ddsing.instrument.models import Models
from ddsing.sound import features as feature_stage
from ddsing.sound import recording
from ddsing.sound.features import FeatureCache, Features
from ddsing.sound.recording import Recording
from ddsing.training import run as runs
from ddsing.training.recipe import Recipe
from ddsing.training.run import Outcome as Trained
from ddsing.training.run import Progress as TrainingProgress
from ddsing.transfer import batch, fit, pipeline
from ddsing.transfer.batch import Outcome
from ddsing.transfer.presets import Presets
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace, open_workspace

Sound = str | Path | bytes | np.ndarray | Recording
Progress = Callable[[str, float], None]
__all__ = [
    *("DdsingError", "Features", "Instrument", "Outcome", "Settings", "Studio", "Sung", "Trained", "TrainingProgress"),
    "open",
]


@dataclass(frozen=True, eq=False)
class Sung:
    """What a transfer made: a take, which the workspace keeps.

    Attributes
    ----------
    take : Take
        Its record: ``id``, ``settings``, ``fit``, ``warnings``, ``duration_s``, ``seconds`` of each stage and more.
    """

    take: Take
    _store: TakeStore

    @property
    def id(self) -> str:
        """The take's id, as pages and commands have it."""
        return self.take.id

    @property
    def rate_hz(self) -> int:
        """16,000, or 48,000 where the instrument sings up to 24 kHz."""
        return self.take.rate_hz

    @functools.cached_property
    def audio(self) -> np.ndarray:
        """The sound [shape=(n_samples,), float32] at `rate_hz`; beyond ±1 where it is louder than full scale."""
        return soundfile.read(self.take.folder / "result.wav", dtype="float32")[0]

    @functools.cached_property
    def curves(self) -> Mapping[str, np.ndarray]:
        """Arrays [shape=(n_frames,)]: ``f0_hz``, ``f0_confidence``, ``loudness_db``; ``f0_hz_used`` as sung."""
        return self.take.curves()

    def save(self, path: str | Path) -> Path:
        """Write it as a 24-bit WAV or FLAC, by the ending of the name, with the recipe inside; returns the path."""
        out = Path(path)
        kind = out.suffix[1:].upper()
        if kind not in ("WAV", "FLAC"):
            raise SettingsError(f"The file is {str(path)[:200]!r}; its name must end in .wav or .flac.")
        write_atomic(out, self._store.export(self.id, kind))
        return out


class Studio:
    """An open workspace; make one with `ddsing.open`.

    Loaded networks and found pitches are kept, so that the second transfer of a recording is quick. All threads of a
    program can share one.
    """

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self._models = Models()

    def __repr__(self) -> str:
        return f"<ddsing.Studio {str(self.workspace.root)!r}>"

    @property
    def instruments(self) -> list[str]:
        """Names of the instruments that can be played."""
        return [entry.name for entry in Library(self.workspace).list() if not entry.error]

    @property
    def presets(self) -> list[str]:
        """Names of the presets."""
        return [one.name for one in Presets(self.workspace).list()]

    @property
    def takes(self) -> list[Sung]:
        """All takes, the newest first."""
        store = TakeStore(self.workspace)
        return [Sung(take, store) for take in store.list()]

    def take(self, take_id: str) -> Sung:
        """The take of an id."""
        store = TakeStore(self.workspace)
        return Sung(store.get(take_id), store)

    def instrument(self, name: str | Path) -> Instrument:
        """An instrument by its name, or by the path of its zip, also of the 2021 notebooks."""
        return self._models.open(self.workspace, name)

    def settings(self, preset: str) -> Settings:
        """The settings of a preset."""
        return Presets(self.workspace).get(preset).settings

    def features(self, sound: Sound, *, rate_hz: int = SAMPLE_RATE, tracker: str = "full") -> Features:
        """Pitch, confidence and loudness of a recording.

        Parameters
        ----------
        sound : str, Path, bytes, np.ndarray [shape=(n_samples,), float] or Recording
            A file, its content, samples at `rate_hz`, or what was decoded before.
        tracker : str
            ``full``, ``fast``, ``tiny`` or ``instant``.
        """
        heard = _heard(sound, rate_hz)
        return feature_stage.extract(heard.audio, tracker=_tracker(tracker), cache=self._cache)

    def fit(
        self, sound: Sound, instrument: str | Instrument, *, rate_hz: int = SAMPLE_RATE, tracker: str = "full"
    ) -> Settings:
        """The settings that bring most of a recording into an instrument's range: octave and loudness shift."""
        opened = self._opened(instrument)
        if opened.statistics is None:
            raise SettingsError(f"{opened.name} has no training ranges, so there is nothing to fit.")
        audio = _heard(sound, rate_hz).audio
        generation = opened.config.generation
        found = feature_stage.extract(audio, tracker=_tracker(tracker), generation=generation, cache=self._cache)
        best = fit.measure(found, opened.statistics, Settings())
        return Settings(octave_shift=best.octave_shift, loudness_shift_db=best.loudness_shift_db)

    def transfer(
        self,
        sound: Sound,
        instrument: str | Instrument,
        settings: Settings | None = None,
        *,
        rate_hz: int = SAMPLE_RATE,
        tracker: str | None = None,
        preset: str | None = None,
        progress: Progress | None = None,
        **changes: Any,
    ) -> Sung:
        """Sing a recording with an instrument, and keep the take.

        Parameters
        ----------
        sound, rate_hz : see `features`
        instrument : str or Instrument
            A name, a path, or what `instrument` gave.
        settings : Settings, optional
            All controls; those of the preset, or the defaults, if not given.
        tracker : str, optional
            That of the preset, or ``full``.
        preset : str, optional
            The name of one in the workspace.
        progress : callable, optional
            Gets the stage and the share of it that is done; may raise `ddsing.errors.Cancelled`, and nothing is kept.
        **changes
            Single settings, such as ``octave_shift=-1``.
        """
        wanted, tracker = self._wanted(settings, tracker, preset, changes)
        heard, store = _heard(sound, rate_hz), TakeStore(self.workspace)
        take = pipeline.run(
            self.workspace,
            heard,
            self._opened(instrument),
            wanted,
            source_name=heard.name,
            tracker=tracker,
            models=self._models,
            progress=progress,
        )
        return Sung(take, store)

    def transfer_many(
        self,
        sounds: str | Path | Iterable[str | Path],
        instrument: str | Instrument,
        settings: Settings | None = None,
        *,
        tracker: str | None = None,
        preset: str | None = None,
        **changes: Any,
    ) -> Iterator[Outcome]:
        """Sing files and all recordings of folders, one after the other; what is there already is not sung again.

        Gives what became of each as soon as it is done: ``name``, ``result``, ``take`` and, for what can't be read,
        ``error``.
        """
        wanted, tracker = self._wanted(settings, tracker, preset, changes)
        opened = [self._opened(instrument)]
        batch.require(self.workspace, opened, wanted)
        choir = batch.Choir(self.workspace, opened, tracker, self._models)
        gathered = batch.gather([Path(one) for one in ([sounds] if isinstance(sounds, str | Path) else sounds)])
        for name, why in gathered.refused.items():
            yield Outcome(name, batch.FAILED, error=why)
        for item in gathered.items:
            try:
                take, there = choir.sing(recording.read(item.path), wanted)
            except DdsingError as error:
                yield Outcome(item.name, batch.FAILED, error=str(error))
            else:
                yield Outcome.of(item.name, take, there=there)

    def train(
        self,
        voice: str,
        *,
        progress: Callable[[TrainingProgress], None] = lambda progress: None,
        should_stop: Callable[[], bool] = lambda: False,
        **recipe: Any,
    ) -> Trained:
        """Train a voice, from where it was stopped, and make its instrument; TensorFlow is loaded here and only here.

        Parameters
        ----------
        voice : str
            A folder of recordings in the workspace's ``audio``.
        progress : callable
            Gets `ddsing.TrainingProgress`: ``stage``, ``step``, ``steps``, ``loss`` and more.
        should_stop : callable
            Asked after each step; once it says so, the run saves and returns.
        **recipe
            As the options of ``ddsing train``: ``config="singing_small"``, ``steps=2000``, ``batch_size=16`` …
        """
        from ddsing.dataset import voices

        name = voices.get(self.workspace, voice).name
        return runs.train(self.workspace, name, _recipe(recipe), report=progress, should_stop=should_stop)

    @property
    def _cache(self) -> FeatureCache:
        return FeatureCache(self.workspace.cache / "features")

    def _opened(self, instrument: str | Instrument) -> Instrument:
        return instrument if isinstance(instrument, Instrument) else self.instrument(instrument)

    def _wanted(
        self, settings: Settings | None, tracker: str | None, preset: str | None, changes: Mapping[str, Any]
    ) -> tuple[Settings, str]:
        if settings is not None and preset is not None:
            raise SettingsError("Settings and a preset are both given. Leave one of them out.")
        kept = None if preset is None else Presets(self.workspace).get(preset)
        base = settings or (Settings() if kept is None else kept.settings)
        known = base.to_json()
        unknown = next((name for name in changes if name not in known), None)
        if unknown is not None:
            raise SettingsError(f"There is no setting {unknown!r:.60}; the settings are {', '.join(known)}.")
        chosen = tracker or ("full" if kept is None else kept.tracker)
        return replace(base, **changes), _tracker(chosen)


def open(root: str | Path | None = None, *, with_demo: bool = True) -> Studio:
    """Open a workspace; it is made if it is not there, with the demo in it unless that is not wanted.

    Parameters
    ----------
    root : str or Path, optional
        Its folder; else ``DDSING_WORKSPACE``, else ``./workspace``.
    """
    return Studio(open_workspace(root, with_demo=with_demo))


def _tracker(name: str) -> str:
    if name not in TRACKERS:
        raise SettingsError(f"The tracker is {name!r:.60}; it must be {', '.join(TRACKERS)}.")
    return name


def _recipe(options: Mapping[str, Any]) -> Recipe:
    unknown = next((name for name in options if name not in vars(Recipe())), None)
    if unknown is not None:
        raise SettingsError(
            f"A training run has no option {unknown!r:.60}; the options are {', '.join(vars(Recipe()))}."
        )
    return Recipe.from_options(options)


def _heard(sound: Sound, rate_hz: int) -> Recording:
    if isinstance(sound, Recording):
        return sound
    if isinstance(sound, np.ndarray):
        return recording.read(_wav(sound, rate_hz), name="samples")
    return recording.read(sound if isinstance(sound, bytes) else spelled(Path(sound)))


def _wav(samples: np.ndarray, rate_hz: int) -> bytes:
    """Samples as a file, so that they go the way of all recordings; nothing is rounded."""
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating) or not np.isfinite(samples).all():
        raise AudioError("Samples must be one row of finite floating point numbers; mix channels into one first.")
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="WAV", subtype="FLOAT")
    return buffer.getvalue()
