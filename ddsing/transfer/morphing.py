"""A transfer to a mixture of instruments, see `ddsing.transfer.morph`; stages, caches and takes as in the pipeline.

The settings hold for each instrument by itself: with loudness statistics on, each gets loudness matched to its own.
"""

import datetime
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import ddsing
from ddsing.constants import SAMPLE_RATE
from ddsing.errors import SettingsError
from ddsing.files import write_arrays
from ddsing.instrument import Instrument
from ddsing.sound import audio as recordings
from ddsing.sound import features as feature_stage
from ddsing.transfer import fit as fit_stage
from ddsing.transfer import pipeline
from ddsing.transfer.conditioning import Conditioning, condition
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import Take, TakeStore, write_take
from ddsing.workspace import Workspace


def run(
    workspace: Workspace,
    source: Path | bytes | np.ndarray,
    morph: Morph,
    settings: Settings,
    *,
    instruments: Sequence[Instrument] | None = None,
    source_name: str | None = None,
    tracker: str = "full",
    models: pipeline.Models | None = None,
    progress: Callable[[str, float], None] | None = None,
    keep_controls: bool = False,
    store: TakeStore | None = None,
) -> Take:
    """Transfer a recording to a mixture of instruments, and keep the take.

    Parameters
    ----------
    morph : Morph
        Its names are what `pipeline.find_instrument` takes, if `instruments` are not given.
    source, settings, source_name, tracker, models, progress, keep_controls, store
        As in `pipeline.run`.
    """
    if settings != settings.without_z():
        raise SettingsError("A morph takes its timbre from the recording: leave the settings of timbre (z) out.")
    job = pipeline.Job(progress)
    name = source_name or (source.name if isinstance(source, Path) else "recording")
    audio = job.stage("decode", lambda _: pipeline.decoded(source))
    if audio is source:
        job.reused.append("decode")
    models = models or pipeline.shared_models()
    opened = instruments or job.stage("model", lambda _: [models.open(workspace, name) for name in morph.names])
    morph = replace(morph, names=tuple(i.name for i in opened), digests=tuple(i.digest for i in opened))
    features = _features(workspace, audio, tracker, opened, job)
    loaded = job.stage("model", lambda _: [models.get(instrument) for instrument in opened])
    if all(known for _, known in loaded):
        job.reused.append("model")
    conditioned = job.stage(
        "conditioning",
        lambda _: [condition(f, instrument.statistics, settings) for f, instrument in zip(features, opened)],
    )
    weights = morph.weights(len(features[0].f0_hz))
    store = store or TakeStore(workspace)
    previous = store.newest()
    title = " + ".join(morph.names)
    with store.building(f"{Path(name).stem} {title}") as (take_id, folder):
        take = Take(
            id=take_id,
            folder=store.folder / take_id,
            name=f"{Path(name).stem} → {title}"[:120],
            source=name,
            instrument=title,
            tracker=tracker,
            created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            instrument_digest=hashlib.sha256("".join(morph.digests).encode()).hexdigest(),
            source_hash=recordings.content_hash(audio),
            version=ddsing.__version__,
            settings=settings,
            fit=fit_stage.measure(features[0], opened[0].statistics, settings).to_json(),
            generation=opened[0].config.generation,
            duration_s=len(audio) / SAMPLE_RATE,
            changed=settings.changed_since(previous.settings) if previous else (),
            morph=morph,
        )
        networks = [model for model, _ in loaded]
        peak = job.stage("render", lambda share: _render(folder, take, networks, conditioned, weights, audio, share))
        asked = _asked(conditioned, opened, weights)
        if keep_controls:
            job.stage("render", lambda _: _keep_controls(folder, networks, conditioned, weights, audio, asked))
        job.stage("save", lambda _: pipeline.save_inputs(folder, audio, features[0], asked))
        warnings = dict.fromkeys(warning for one in conditioned for warning in one.warnings)
        take = pipeline.finished(take, job, [*warnings, *pipeline.loud(peak)], peak)
        write_take(take, folder)
    return take


def _features(workspace, audio, tracker, instruments, job):
    """The recording's features on each instrument's loudness scale; its pitch is found once."""
    cache = feature_stage.FeatureCache(workspace.cache / "features")
    found = []
    for instrument in instruments:
        generation = instrument.config.generation
        known = next((features for features in found if features.generation == generation), None)
        found.append(
            known
            or job.stage(
                "features",
                lambda share, generation=generation: feature_stage.extract(
                    audio, tracker=tracker, generation=generation, cache=cache, progress=share
                ),
            )
        )
    if found[0].reused:
        job.reused.append("features")
    return found


def _render(folder, take, networks, conditioned, weights, audio, progress):
    from ddsing.engine import morph

    blocks = morph.render_morph(
        networks,
        [one.f0_hz for one in conditioned],
        [one.loudness_db for one in conditioned],
        weights,
        n_samples=len(audio),
        audio=audio,
        seed=take.settings.seed,
        progress=progress,
    )
    return pipeline.write_sound(folder, take.recipe(), blocks)


def _asked(conditioned, instruments, weights) -> Conditioning:
    """What the mixture is asked to sing, on the first instrument's scale; others of another scale don't count."""
    from ddsing.engine.morph import mixed_f0

    same = [i for i, one in enumerate(instruments) if one.config.generation == instruments[0].config.generation]
    share = weights[:, same]
    total = share.sum(axis=1)
    curves = np.stack([conditioned[i].loudness_db for i in same], axis=1).astype(np.float64)
    mean_db = (share * curves).sum(axis=1) / np.where(total > 0, total, 1.0)
    loudness_db = np.where(total > 0, mean_db, curves[:, 0]).astype(np.float32)
    return replace(conditioned[0], f0_hz=mixed_f0([one.f0_hz for one in conditioned], weights), loudness_db=loudness_db)


def _keep_controls(folder, networks, conditioned, weights, audio, asked):
    from ddsing.engine import morph

    curves = [one.f0_hz for one in conditioned], [one.loudness_db for one in conditioned]
    model, _, _ = morph.mixture(networks, *curves, weights, n_samples=len(audio), audio=audio)
    write_arrays(folder / "controls.npz", **pipeline.controls(model, asked, audio))
