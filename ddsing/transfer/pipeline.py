"""The one way through a transfer: decode → features → model → conditioning → render → save.

Each stage is timed, and what came from a cache is said. Models and features are kept apart, so that changing one never reloads the
other. The sound is written while it is rendered: memory does not grow with the length, but for the recording itself.
"""

import datetime
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import numpy as np

import ddsing
from ddsing import audio as recordings
from ddsing import features as feature_stage
from ddsing.constants import SAMPLE_RATE
from ddsing.errors import InstrumentError
from ddsing.experiments import Take, TakeStore, write_arrays, write_take
from ddsing.instrument import Instrument, open_any
from ddsing.instrument.library import Library
from ddsing.transfer import fit as fit_stage
from ddsing.transfer.conditioning import Conditioning, condition
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

STAGES = ("decode", "features", "model", "conditioning", "render", "save")
_LOUD = "The result is louder than full scale ({peak:+.1f} dB); downloads are turned down to fit."


class Models:
    """Loaded models in memory, by the instrument's digest; bounded, safe for threads."""

    def __init__(self, max_entries: int = 4):
        self._max_entries = max_entries
        self._models: OrderedDict = OrderedDict()
        self._lock = Lock()

    def get(self, instrument: Instrument):
        """(model, whether it was there already)."""
        from ddsing.engine import render

        with self._lock:
            if instrument.digest in self._models:
                self._models.move_to_end(instrument.digest)
                return self._models[instrument.digest], True
        model = render.load(instrument.config, instrument.weights)
        with self._lock:
            self._models[instrument.digest] = model
            while len(self._models) > self._max_entries:
                self._models.popitem(last=False)
        return model, False


@dataclass
class Job:
    """A transfer that is under way: where it keeps time and what it reused."""

    progress: Callable[[str, float], None] | None
    seconds: dict[str, float] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)

    def stage(self, name: str, work: Callable):
        """Do a stage's work with its own progress callback, and time it."""
        began = time.monotonic()
        self.report(name, 0.0)
        result = work(lambda share: self.report(name, share))
        self.seconds[name] = round(time.monotonic() - began, 3)
        return result

    def report(self, stage: str, share: float) -> None:
        """Pass progress on; whoever listens may raise `Cancelled`."""
        if self.progress:
            self.progress(stage, share)


def find_instrument(workspace: Workspace, reference: str | Path) -> Instrument:
    """An instrument by its name in the workspace, or by its file."""
    library = Library(workspace)
    path = Path(reference)
    if any(entry.name == str(reference) for entry in library.list()):
        return library.get(str(reference))
    if path.is_file():
        return open_any(path, name=path.stem)
    names = ", ".join(entry.name for entry in library.list()) or "none yet"
    raise InstrumentError(f"There is no instrument {str(reference)!r}, neither a file nor in the workspace, which has: {names}.")


def run(
    workspace: Workspace,
    source: Path | bytes | np.ndarray,
    instrument: Instrument | str | Path,
    settings: Settings,
    *,
    source_name: str | None = None,
    tracker: str = "full",
    models: Models | None = None,
    progress: Callable[[str, float], None] | None = None,
    keep_controls: bool = False,
) -> Take:
    """Transfer a recording to an instrument, and keep the take.

    Parameters
    ----------
    source : Path, bytes or np.ndarray [shape=(n_samples,), float32, 16 kHz]
        A file, its content, or a decoded recording.
    instrument : Instrument, str or Path
        Opened, or what `find_instrument` takes.
    models : Models, optional
        Where loaded models are kept between runs.
    progress : callable
        Gets a stage of `STAGES` and the share of it that is done; raises `Cancelled` to stop, and nothing is kept then.
    keep_controls : bool
        Save the controls beside the take as ``controls.npz``.
    """
    job = Job(progress)
    name = source_name or (source.name if isinstance(source, Path) else "recording")
    decoded = isinstance(source, np.ndarray)
    audio = job.stage("decode", lambda _: source if decoded else recordings.decode(source))
    if decoded:
        job.reused.append("decode")
    if not isinstance(instrument, Instrument):
        instrument = find_instrument(workspace, instrument)
    cache = feature_stage.FeatureCache(workspace.cache / "features")
    generation = instrument.config.generation
    features = job.stage(
        "features",
        lambda share: feature_stage.extract(audio, tracker=tracker, generation=generation, cache=cache, progress=share),
    )
    if features.reused:
        job.reused.append("features")
    model, known = job.stage("model", lambda _: (models or Models()).get(instrument))
    if known:
        job.reused.append("model")
    conditioned = job.stage("conditioning", lambda _: condition(features, instrument.statistics, settings))
    reading = fit_stage.measure(features, instrument.statistics, settings)
    store = TakeStore(workspace)
    with store.building(f"{Path(name).stem} {instrument.name}") as (take_id, folder):
        take = Take(
            id=take_id,
            folder=workspace.experiments / take_id,
            name=f"{Path(name).stem} → {instrument.name}",
            source=name,
            instrument=instrument.name,
            tracker=tracker,
            created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            instrument_digest=instrument.digest,
            source_hash=recordings.content_hash(audio),
            version=ddsing.__version__,
            settings=settings,
            fit=reading.to_json(),
            generation=generation,
            duration_s=len(audio) / SAMPLE_RATE,
        )
        peak = job.stage("render", lambda share: _render(folder, take, model, conditioned, audio, keep_controls, share))
        warnings = [*conditioned.warnings]
        if peak > 1.0:
            warnings.append(_LOUD.format(peak=20 * np.log10(peak)))
        job.stage("save", lambda _: _save(folder, audio, features, conditioned))
        take = _finished(take, job, warnings, peak)
        write_take(take, folder)
    return take


def _render(folder, take, model, conditioned: Conditioning, audio, keep_controls, progress):
    from ddsing.engine import render

    recipe = take.recipe()
    kept = []
    with (
        recordings.AudioWriter(folder / "result.wav", recipe=recipe) as result,
        recordings.AudioWriter(folder / "harmonic.wav") as harmonic,
        recordings.AudioWriter(folder / "noise.wav") as noise,
    ):
        blocks = render.render_blocks(
            model,
            conditioned.f0_hz,
            conditioned.loudness_db,
            n_samples=len(audio),
            audio=audio,
            seed=take.settings.seed,
            keep_controls=keep_controls,
            progress=progress,
        )
        for block in blocks:
            result.write(block.audio)
            harmonic.write(block.harmonic)
            noise.write(block.noise)
            kept.append(block.controls)
    if keep_controls:
        controls = {name: np.concatenate([part[name] for part in kept]) for name in kept[0]}
        n_frames = len(controls["amps"])
        controls |= {"f0_hz": conditioned.f0_hz[:n_frames], "loudness_db": conditioned.loudness_db[:n_frames]}
        write_arrays(folder / "controls.npz", **controls)
    return result.peak


def _save(folder, audio, features, conditioned):
    with recordings.AudioWriter(folder / "original.wav") as original:
        original.write(audio)
    curves = {
        "f0_hz": features.f0_hz,
        "f0_confidence": features.f0_confidence,
        "loudness_db": features.loudness_db,
        "f0_hz_used": conditioned.f0_hz,
        "loudness_db_used": conditioned.loudness_db,
    }
    if conditioned.note_on_ratio is not None:
        curves |= {"note_on_ratio": conditioned.note_on_ratio, "mask_on": conditioned.mask_on}
    write_arrays(folder / "features.npz", **curves)


def _finished(take, job, warnings, peak):
    return replace(take, seconds=job.seconds, reused=tuple(job.reused), warnings=tuple(warnings), peak=peak)
