"""The one way through a transfer, with one instrument or a mixture: decode → features → conditioning → render → save.

A plain transfer is a mixture of one. The settings hold for each instrument by itself: with loudness statistics on, each
gets loudness matched to its own.

Each stage is timed, and what came from a cache is noted. Networks and features are kept apart, so that changing one
never reloads the other. The sound is written while it is rendered: memory does not grow with the length, but for the
recording itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ddsing import names
from ddsing.constants import SAMPLE_RATE
from ddsing.engine import formants
from ddsing.engine.breath import breathy
from ddsing.engine.decoder import Controls
from ddsing.engine.morph import Mixture, mixed_f0, mixture
from ddsing.engine.recalled import Recalled
from ddsing.engine.render import BLOCK_FRAMES, Block, Renderable, Renderer
from ddsing.errors import SettingsError
from ddsing.files import write_arrays
from ddsing.instrument import Instrument
from ddsing.instrument import models as stores
from ddsing.instrument.models import Models
from ddsing.jobs import paces
from ddsing.sound import audio as recordings
from ddsing.sound import folder as folders
from ddsing.sound.curve.edit import PitchEdit
from ddsing.sound.features import FeatureCache, Features, extract
from ddsing.sound.recording import Recording, own_rate
from ddsing.transfer import band, edited, expected, first_sound, fit
from ddsing.transfer.conditioning import Conditioning, condition
from ddsing.transfer.edited import Edited
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.shading import shading
from ddsing.transfer.stages import Stages
from ddsing.transfer.take import Take, together
from ddsing.transfer.takes import TakeStore, write_take
from ddsing.transfer.timbre import z_of
from ddsing.units import n_frames
from ddsing.workspace import Workspace

Sound = Path | bytes | np.ndarray | Recording
Reference = Instrument | str | Path
_LOUD = "The result exceeds full scale ({peak:+.1f} dB). Downloads are turned down to fit."


@dataclass(frozen=True, eq=False)
class Singer:
    """One of the instruments of a transfer, and what it is given."""

    instrument: Instrument
    renderer: Renderer
    features: Features
    asked: Conditioning
    z: np.ndarray | None


def run(
    workspace: Workspace,
    source: Sound,
    instruments: Reference | Sequence[Reference],
    settings: Settings,
    *,
    morph: Morph | None = None,
    source_name: str | None = None,
    tracker: str = "full",
    models: Models | None = None,
    progress: Callable[[str, float], None] | None = None,
    keep_controls: bool = False,
    z_source: Sound | None = None,
    store: TakeStore | None = None,
    edit: PitchEdit | None = None,
    heard_at: Path | None = None,
) -> Take:
    """Transfer a recording to an instrument, or to a mixture of several, and keep the take.

    Parameters
    ----------
    source : Path, bytes, np.ndarray [shape=(n_samples,), float32, 16 kHz] or Recording
        A file, its content, or a decoded recording; what is odd about the file goes into the take's warnings.
    instruments : Instrument, str or Path, or several
        Opened, or what `ddsing.instrument.models.find` takes.
    morph : Morph, optional
        In what shares several instruments sing, in their order.
    models : Models, optional
        Where instruments and loaded networks are kept between runs; one store of the process if not given.
    progress : callable
        Gets a stage of `ddsing.transfer.stages` and the share of it that is done; raises `Cancelled` to stop, and
        nothing is kept then.
    keep_controls : bool
        Save the controls beside the take as ``controls.npz``.
    z_source : Path, bytes, np.ndarray or Recording, optional
        The other recording that the settings may take timbre from; else the example of the name that they say.
    store : TakeStore, optional
        Where the take is kept, if not among the workspace's takes.
    edit : PitchEdit, optional
        What is changed in the recording's pitch curve; one of another recording or tracker is left out with a warning.
    heard_at : Path, optional
        Where what there is of the result can be heard while it is rendered, see `ddsing.transfer.first_sound`.
    """
    references = _references(instruments, morph, settings)
    stages, models, known = Stages(progress), models or stores.shared(), paces.of(workspace)
    with stages("decode"):
        audio, remarks = _heard(source)
        content = source.key if isinstance(source, Recording) else recordings.content_hash(audio)
    if isinstance(source, np.ndarray | Recording):
        stages.reuse("decode")
    with stages("model"):
        opened = [one if isinstance(one, Instrument) else models.open(workspace, one) for one in references]
    if morph is None and opened[0].config.z is None:
        settings = settings.without_z()
    settings = band.settled(settings, opened)
    found = _features(workspace, audio, content, tracker, opened, stages)
    edits = edited.apply(edit, found, audio, audio_hash=content)
    features = edits.features
    renderers = band.chosen(_renderers(models, opened, stages), settings)
    with stages("conditioning"):
        conditioned = [condition(own, one.statistics, settings) for own, one in zip(features, opened)]
    with stages("decode"):
        other = other_recording(workspace, settings, z_source)
    with stages("conditioning"):
        z = [_z(*pair, settings, audio, other) for pair in zip(renderers, opened)]
    singers = [Singer(*one) for one in zip(opened, renderers, features, conditioned, z)]
    name = source_name or (names.read(source.name) if isinstance(source, Path) else "recording")
    fits = fit.measure(features[0], opened[0].statistics, settings)
    store = store or TakeStore(workspace)
    previous = store.newest()
    with store.building(f"{Path(name).stem} {together(opened)}") as (take_id, folder):
        take = Take.begun(
            take_id,
            store.folder / take_id,
            source=name,
            audio=audio,
            other=other,
            instruments=opened,
            morph=morph,
            settings=settings,
            tracker=tracker,
            fit=fits.to_json(),
            previous=previous,
            edit=edits.edit,
            source_hash=content,
        )
        options: dict[str, Any] = {"keep_controls": keep_controls, "edits": edits, "heard_at": heard_at}
        take = _sung(take, folder, audio, source, singers, models.recalled, stages, **options)
        warnings = [*remarks, *band.remarks(opened, settings), *edits.warnings, *take.warnings]
        take = replace(take, warnings=tuple(dict.fromkeys(warnings)))
        write_take(take, folder)
    configs = [one.config for one in opened]
    expected.learn(known, configs, stages, tracker=tracker, sound_s=len(audio) / SAMPLE_RATE, rate_hz=take.rate_hz)
    return take


def _references(
    instruments: Reference | Sequence[Reference], morph: Morph | None, settings: Settings
) -> Sequence[Reference]:
    """The instruments as a row, one for each of the morph's shares."""
    references = [instruments] if isinstance(instruments, Reference) else instruments
    n_shares = 1 if morph is None else len(morph.names)
    if len(references) != n_shares:
        raise SettingsError(
            f"There are {len(references)} instruments, but shares for {n_shares}. Give each its own share."
        )
    require_own_timbre(morph, settings)
    return references


def require_own_timbre(morph: Morph | None, settings: Settings) -> None:
    """Raise `SettingsError` where a morph is to take its timbre from elsewhere."""
    if morph is not None and settings != settings.without_z():
        raise SettingsError("A morph takes its timbre from the recording. Leave out the timbre (z) settings.")


def decoded(source: Sound) -> np.ndarray:
    """A recording [shape=(n_samples,), float32, 16 kHz]; one that is decoded already is returned itself."""
    return _heard(source)[0]


def _heard(source: Sound) -> tuple[np.ndarray, tuple[str, ...]]:
    """A decoded recording, and what is odd about its file."""
    if isinstance(source, np.ndarray):
        return source, ()
    found = source if isinstance(source, Recording) else recordings.read(source)
    return found.audio, found.remarks


def _features(
    workspace: Workspace,
    audio: np.ndarray,
    content: str,
    tracker: str,
    instruments: Sequence[Instrument],
    stages: Stages,
) -> list[Features]:
    """The recording's features on each instrument's loudness scale; its pitch is found once."""
    cache = FeatureCache(workspace.cache / "features")
    found: dict[int, Features] = {}
    known: dict[str, Any] = {"tracker": tracker, "cache": cache, "audio_hash": content}
    for generation in dict.fromkeys(one.config.generation for one in instruments):
        with stages("features") as progress:
            found[generation] = extract(audio, generation=generation, progress=progress, **known)
    if next(iter(found.values())).reused:
        stages.reuse("features")
    return [found[one.config.generation] for one in instruments]


def _renderers(models: Models, instruments: Sequence[Instrument], stages: Stages) -> list[Renderer]:
    with stages("model"):
        loaded = [models.get(one) for one in instruments]
    if all(known for _, known in loaded):
        stages.reuse("model")
    return [renderer for renderer, _ in loaded]


def other_recording(workspace: Workspace, settings: Settings, z_source: Sound | None = None) -> np.ndarray | None:
    """The decoded recording that timbre is to come from, `z_source` or the example that is named; None for none."""
    if settings.z_from != "other":
        return None
    return decoded(example(workspace, settings.z_recording) if z_source is None else z_source)


def example(workspace: Workspace, name: str) -> Path:
    """The file of the example that timbre is taken from; raises `SettingsError` where it is not there."""
    path = folders.named(workspace.examples, name)
    if path is None:
        raise SettingsError(
            f"The recording for the timbre, {name[:80]!r}, is not among the examples. Choose another recording."
        )
    return path


def _z(
    renderer: Renderer, instrument: Instrument, settings: Settings, audio: np.ndarray, other: np.ndarray | None
) -> np.ndarray | None:
    """What an instrument with z is given beside pitch and loudness; None where the engine finds it by itself."""
    frames = n_frames(len(audio), centred=False)
    return z_of(renderer.encoder, instrument.latent, settings, frames, audio, other, places=instrument.places)


def _sung(
    take: Take,
    folder: Path,
    audio: np.ndarray,
    source: Sound,
    singers: Sequence[Singer],
    recalled: Recalled,
    stages: Stages,
    *,
    keep_controls: bool,
    edits: Edited,
    heard_at: Path | None,
) -> Take:
    """Render into a take's folder, and keep beside it what it was made from; returns the finished take."""
    weights = np.ones((len(singers[0].features.f0_hz), 1))
    if take.morph is not None:
        weights = take.morph.weights(len(weights))
    asked = _asked(singers, weights)
    own = None
    if all(one.renderer.top is not None for one in singers):
        with stages("decode"):
            own = own_rate(source, audio)
    with stages("conditioning"):
        shaded = shading(audio, singers[0].features, asked, take.settings, own=own)
    with stages("render") as progress:
        alone = _mixture(singers, weights, audio)
        key = _depends_on(singers, weights, take.source_hash)
        if recalled.knows(key):
            stages.ease("render")
        sung = recalled.of(alone, key)
        moved = breathy(formants.shifted(sung, take.settings.formant_shift), take.settings.breath_db)
        mixed, take = edits.of(shaded.of(moved)), replace(take, rate_hz=band.rate_hz(alone))
        added = {"added": shaded.passed, "added_above": shaded.passed_above}
        sound = band.sounded(mixed, len(audio), take, **added, progress=progress)
        peak = write_sound(folder, take.recipe(), sound, rate_hz=take.rate_hz, heard_at=heard_at)
    if keep_controls:
        with stages("render"):
            write_arrays(folder / "controls.npz", **controls(mixed, asked))
    with stages("save"):
        save_inputs(folder, audio, singers[0].features, asked, {**shaded.curves, **edits.curves})
        if own is not None and take.rate_hz != SAMPLE_RATE:
            save_original(folder, *own)
    said = (warning for one in singers for warning in one.asked.warnings)
    warnings = dict.fromkeys([*said, *shaded.warnings, *loud(peak)])
    return replace(take, seconds=stages.seconds, reused=stages.reused, warnings=tuple(warnings), peak=peak)


def _asked(singers: Sequence[Singer], weights: np.ndarray) -> Conditioning:
    """What the singers together are asked to sing, on the first one's loudness scale; another scale doesn't count."""
    first = singers[0]
    same = [i for i, one in enumerate(singers) if one.features.generation == first.features.generation]
    share = weights[:, same]
    total = share.sum(axis=1)
    curves = np.stack([singers[i].asked.loudness_db for i in same], axis=1).astype(np.float64)
    mean_db = (share * curves).sum(axis=1) / np.where(total > 0, total, 1.0)
    loudness_db = np.where(total > 0, mean_db, curves[:, 0]).astype(np.float32)
    f0_hz = mixed_f0([one.asked.f0_hz for one in singers], weights)
    return replace(first.asked, f0_hz=f0_hz, loudness_db=loudness_db)


def _depends_on(singers: Sequence[Singer], weights: np.ndarray, source_hash: str) -> str:
    """What the controls of a mixture depend on, as a digest; the recording is heard only by what has an encoder."""
    digest = blake2b(digest_size=16)
    for one in singers:
        heard = source_hash if one.renderer.encoder is not None and one.z is None else ""
        digest.update(f"{one.instrument.digest} {one.renderer.top is None} {heard}".encode())
        for curve in (one.asked.f0_hz, one.asked.loudness_db, one.features.f0_confidence, one.z):
            if curve is not None:
                digest.update(f"{curve.dtype} {curve.shape}".encode() + np.ascontiguousarray(curve).tobytes())
    digest.update(weights.tobytes())
    return digest.hexdigest()


def _mixture(singers: Sequence[Singer], weights: np.ndarray, audio: np.ndarray) -> Mixture:
    return mixture(
        [one.renderer for one in singers],
        [one.asked.f0_hz for one in singers],
        [one.asked.loudness_db for one in singers],
        weights,
        n_samples=len(audio),
        audio=audio,
        z=[one.z for one in singers],
        confidence=singers[0].features.f0_confidence,
    )


def write_sound(
    folder: Path, recipe: dict, sound: Iterable[Block], *, rate_hz: int = SAMPLE_RATE, heard_at: Path | None = None
) -> float:
    """Write ``result.wav``, which can be heard meanwhile, and its two parts block by block; returns the peak."""
    with (
        recordings.AudioWriter(folder / "result.wav", recipe=recipe, rate_hz=rate_hz) as result,
        recordings.AudioWriter(folder / "harmonic.wav", rate_hz=rate_hz) as harmonic,
        recordings.AudioWriter(folder / "noise.wav", rate_hz=rate_hz) as noise,
    ):
        if heard_at is not None:
            first_sound.let_hear(folder / "result.wav", heard_at)
        for block in sound:
            result.write(block.audio)
            harmonic.write(block.harmonic)
            noise.write(block.noise)
    return result.peak


def controls(mixed: Renderable[Any], asked: Conditioning) -> Controls:
    """The controls of every frame of the conditioning, also of one that stands at the very end of the sound.

    ``amps`` [n_frames, 1], ``harmonic_distribution`` [n_frames, n_harmonics], ``noise_magnitudes`` [n_frames,
    n_noise_bands], all scaled; ``f0_hz``, ``loudness_db`` [n_frames].
    """
    state, parts = mixed.initial_state(), []
    for start in range(0, len(asked.f0_hz), BLOCK_FRAMES):
        frames = slice(start, min(start + BLOCK_FRAMES, len(asked.f0_hz)))
        part, state = mixed.decode(frames, state)
        parts.append(part)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return joined | {"f0_hz": asked.f0_hz, "loudness_db": asked.loudness_db}


def save_inputs(
    folder: Path,
    audio: np.ndarray,
    features: Features,
    conditioned: Conditioning,
    more: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> None:
    """Keep the recording and the curves beside a take, with `more` curves if there are any."""
    save_original(folder, audio, SAMPLE_RATE)
    curves = {
        "f0_hz": features.f0_hz,
        "f0_confidence": features.f0_confidence,
        "loudness_db": features.loudness_db,
        "f0_hz_used": conditioned.f0_hz,
        "loudness_db_used": conditioned.loudness_db,
    }
    if conditioned.note_on_ratio is not None and conditioned.mask_on is not None:
        curves |= {"note_on_ratio": conditioned.note_on_ratio, "mask_on": conditioned.mask_on}
    write_arrays(folder / "features.npz", **curves, **more)


def save_original(folder: Path, audio: np.ndarray, rate_hz: int) -> None:
    """Keep the recording beside a take."""
    with recordings.AudioWriter(folder / "original.wav", rate_hz=rate_hz) as original:
        original.write(audio)


def loud(peak: float) -> tuple[str, ...]:
    """A warning if a result is louder than full scale."""
    return (_LOUD.format(peak=20 * np.log10(peak)),) if peak > 1.0 else ()
