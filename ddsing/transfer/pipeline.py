"""The one way through a transfer: decode → features → model → conditioning → render → save.

Each stage is timed, and what came from a cache is said. Models and features are kept apart, so that changing one never
reloads the other. The sound is written while it is rendered: memory does not grow with the length, but for the
recording itself.
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
from ddsing import files
from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.errors import InstrumentError, SettingsError
from ddsing.files import write_arrays
from ddsing.instrument import Instrument, open_any
from ddsing.instrument.library import Library
from ddsing.sound import audio as recordings
from ddsing.sound import features as feature_stage
from ddsing.transfer import fit as fit_stage
from ddsing.transfer import timbre as latent
from ddsing.transfer.conditioning import Conditioning, condition
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import Take, TakeStore, write_take
from ddsing.workspace import Workspace

STAGES = ("decode", "features", "model", "conditioning", "render", "save")
_BLOCK_FRAMES = 500
_LOUD = "The result is louder than full scale ({peak:+.1f} dB); downloads are turned down to fit."


class Models:
    """Loaded models by the instrument's digest, and opened instruments by their file; bounded, safe for threads."""

    def __init__(self, max_entries: int = 4):
        self._max_entries = max_entries
        self._models: OrderedDict = OrderedDict()
        self._instruments: OrderedDict = OrderedDict()
        self._lock = Lock()

    def get(self, instrument: Instrument):
        """(model, whether it was there already)."""
        from ddsing.engine import render

        return self._kept(self._models, instrument.digest, lambda: render.load(instrument.config, instrument.weights))

    def open(self, workspace: Workspace, reference: str | Path) -> Instrument:
        """What `find_instrument` finds, read anew only if its file has changed."""
        for path in (workspace.instruments / f"{reference}.zip", Path(reference)):
            if path.is_file():
                return self._kept(self._instruments, files.key(path), lambda: find_instrument(workspace, reference))[0]
        return find_instrument(workspace, reference)

    def _kept(self, store, key, make):
        with self._lock:
            if key in store:
                store.move_to_end(key)
                return store[key], True
        made = make()
        with self._lock:
            store[key] = made
            while len(store) > self._max_entries:
                store.popitem(last=False)
        return made, False


_shared = Models()


def shared_models() -> Models:
    """The process's own store, for those who bring none."""
    return _shared


@dataclass
class Job:
    """A transfer that is under way: where it keeps time and what it reused."""

    progress: Callable[[str, float], None] | None
    seconds: dict[str, float] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)

    def stage(self, name: str, work: Callable):
        """Do a stage's work, or a part of it, with its own progress callback, and time it."""
        began = time.monotonic()
        self.report(name, 0.0)
        result = work(lambda share: self.report(name, share))
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 3)
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
    names = ", ".join(entry.name for entry in library.list()[:8]) or "none yet"
    raise InstrumentError(
        f"There is no instrument {str(reference)[:80]!r}, neither a file nor in the workspace, which has: {names}."
    )


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
    z_source: Path | bytes | np.ndarray | None = None,
    store: TakeStore | None = None,
) -> Take:
    """Transfer a recording to an instrument, and keep the take.

    Parameters
    ----------
    source : Path, bytes or np.ndarray [shape=(n_samples,), float32, 16 kHz]
        A file, its content, or a decoded recording.
    instrument : Instrument, str or Path
        Opened, or what `find_instrument` takes.
    models : Models, optional
        Where instruments and loaded models are kept between runs; one store of the process if not given.
    progress : callable
        Gets a stage of `STAGES` and the share of it that is done; raises `Cancelled` to stop, and nothing is kept then.
    keep_controls : bool
        Save the controls beside the take as ``controls.npz``.
    z_source : Path, bytes or np.ndarray, optional
        The other recording that the settings may take timbre from; else the example of the name that they say.
    store : TakeStore, optional
        Where the take is kept, if not among the workspace's takes.
    """
    job = Job(progress)
    name = source_name or (source.name if isinstance(source, Path) else "recording")
    audio = job.stage("decode", lambda _: decoded(source))
    if audio is source:
        job.reused.append("decode")
    models = models or _shared
    opened: Instrument = job.stage("model", lambda _: _opened(models, workspace, instrument))
    settings = settings if opened.config.z else settings.without_z()
    cache = feature_stage.FeatureCache(workspace.cache / "features")
    generation = opened.config.generation
    features = job.stage(
        "features",
        lambda share: feature_stage.extract(audio, tracker=tracker, generation=generation, cache=cache, progress=share),
    )
    if features.reused:
        job.reused.append("features")
    model, known = job.stage("model", lambda _: models.get(opened))
    if known:
        job.reused.append("model")
    conditioned = job.stage("conditioning", lambda _: condition(features, opened.statistics, settings))
    other = job.stage("decode", lambda _: other_recording(workspace, settings, z_source))
    z = job.stage("conditioning", lambda _: _z(model, opened, settings, audio, other))
    reading = fit_stage.measure(features, opened.statistics, settings)
    store = store or TakeStore(workspace)
    previous = store.newest()
    with store.building(f"{Path(name).stem} {opened.name}") as (take_id, folder):
        take = Take(
            id=take_id,
            folder=store.folder / take_id,
            name=f"{Path(name).stem} → {opened.name}",
            source=name,
            instrument=opened.name,
            tracker=tracker,
            created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            instrument_digest=opened.digest,
            source_hash=recordings.content_hash(audio),
            timbre_hash="" if other is None else recordings.content_hash(other),
            version=ddsing.__version__,
            settings=settings,
            fit=reading.to_json(),
            generation=generation,
            duration_s=len(audio) / SAMPLE_RATE,
            changed=settings.changed_since(previous.settings) if previous else (),
        )
        peak = job.stage("render", lambda share: _render(folder, take, model, conditioned, audio, z, share))
        if keep_controls:
            job.stage(
                "render", lambda _: write_arrays(folder / "controls.npz", **controls(model, conditioned, audio, z))
            )
        warnings = [*conditioned.warnings, *loud(peak)]
        job.stage("save", lambda _: save_inputs(folder, audio, features, conditioned))
        take = finished(take, job, warnings, peak)
        write_take(take, folder)
    return take


def decoded(source: Path | bytes | np.ndarray) -> np.ndarray:
    """A recording [shape=(n_samples,), float32, 16 kHz]; one that is decoded already is returned itself."""
    return source if isinstance(source, np.ndarray) else recordings.decode(source)


def _opened(models: Models, workspace: Workspace, instrument: Instrument | str | Path) -> Instrument:
    return instrument if isinstance(instrument, Instrument) else models.open(workspace, instrument)


def other_recording(
    workspace: Workspace, settings: Settings, z_source: Path | bytes | np.ndarray | None = None
) -> np.ndarray | None:
    """The decoded recording that timbre is to come from, `z_source` or the example that is named; None for none."""
    if settings.z_from != "other":
        return None
    return decoded(_example(workspace, settings.z_recording) if z_source is None else z_source)


def _z(model, instrument: Instrument, settings: Settings, audio, other: np.ndarray | None) -> np.ndarray | None:
    """What an instrument with z is given beside pitch and loudness; None where the renderer finds it by itself."""
    return latent.z_of(model.encoder, instrument.latent, settings, -(-len(audio) // HOP_SAMPLES), audio, other)


def _example(workspace: Workspace, name: str) -> Path:
    path = workspace.examples / name
    if not name or not path.resolve().is_relative_to(workspace.examples.resolve()) or not path.is_file():
        raise SettingsError(
            f"The timbre is to come from {name[:80]!r}, which is not among the examples; choose another recording."
        )
    return path


def _render(folder, take, model, conditioned: Conditioning, audio, z, progress):
    from ddsing.engine import render

    blocks = render.render_blocks(
        model,
        conditioned.f0_hz,
        conditioned.loudness_db,
        n_samples=len(audio),
        audio=audio,
        z=z,
        seed=take.settings.seed,
        progress=progress,
    )
    return write_sound(folder, take.recipe(), blocks)


def write_sound(folder: Path, recipe: dict, blocks) -> float:
    """Write ``result.wav`` and its two parts block by block; returns the peak."""
    with (
        recordings.AudioWriter(folder / "result.wav", recipe=recipe) as result,
        recordings.AudioWriter(folder / "harmonic.wav") as harmonic,
        recordings.AudioWriter(folder / "noise.wav") as noise,
    ):
        for block in blocks:
            result.write(block.audio)
            harmonic.write(block.harmonic)
            noise.write(block.noise)
    return result.peak


def controls(model, conditioned: Conditioning, audio, z: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The controls of every frame of the conditioning, also of one that stands at the very end of the sound.

    ``amps`` [n_frames, 1], ``harmonic_distribution`` [n_frames, n_harmonics], ``noise_magnitudes`` [n_frames,
    n_noise_bands], all scaled; ``f0_hz``, ``loudness_db`` [n_frames]. `z` is None where it is the recording's own.
    """
    f0_hz, loudness_db = conditioned.f0_hz, conditioned.loudness_db
    encoded = None
    if model.encoder is not None:
        encoded = model.encoder.encode(audio, -(-len(audio) // HOP_SAMPLES)) if z is None else z
        encoded = np.concatenate([encoded, encoded[-1:]])[: len(f0_hz)]
    state, parts = model.decoder.initial_state(), []
    for start in range(0, len(f0_hz), _BLOCK_FRAMES):
        part = slice(start, start + _BLOCK_FRAMES)
        z = None if encoded is None else encoded[part]
        decoded, state = model.decoder.decode(f0_hz[part], loudness_db[part], z, state)
        parts.append(decoded)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} | {
        "f0_hz": f0_hz,
        "loudness_db": loudness_db,
    }


def save_inputs(folder: Path, audio, features, conditioned: Conditioning) -> None:
    """Keep the recording and the curves beside a take."""
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


def loud(peak: float) -> tuple[str, ...]:
    """A warning if a result is louder than full scale."""
    return (_LOUD.format(peak=20 * np.log10(peak)),) if peak > 1.0 else ()


def finished(take: Take, job: Job, warnings, peak: float) -> Take:
    """A take with what is known once it is rendered."""
    seconds = {stage: job.seconds[stage] for stage in STAGES}
    return replace(take, seconds=seconds, reused=tuple(job.reused), warnings=tuple(warnings), peak=peak)
