"""A checkpoint as an instrument in the workspace, its passport filled."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ddsing.dataset import facts
from ddsing.errors import AudioError, DatasetError, TrainingError
from ddsing.files import safe_name
from ddsing.instrument import Instrument, Provenance
from ddsing.instrument.library import Entry, Library
from ddsing.instrument.opening import clean_name
from ddsing.model.latent_space import LatentSpace
from ddsing.model.statistics import DatasetStatistics
from ddsing.names import same
from ddsing.training import checkpoints, folder, saving
from ddsing.training.recipe import Config
from ddsing.workspace import Workspace


def make_instrument(workspace: Workspace, voice_name: str, *, step: str | int = "best") -> Entry:
    """Export the ``latest``, the ``best`` or a certain checkpoint of a voice; the library's entry of the instrument.

    It is called as the voice. An instrument of that name that came from this voice goes to the trash, and lends the
    new one what people wrote about it; another one stays, and the new one gets a number. Where no best has been
    chosen, it is the latest.
    """
    made = instrument(workspace, voice_name, step=step)
    library = Library(workspace)
    name = safe_name(made.name)
    before = library.find(name)
    ours = before is not None and not before.error and same(before.provenance.voice, made.provenance.voice)
    if before is None or not ours or before.source_format != "native":
        return library.add(made, name=name)
    kept = before.provenance  # what people wrote about it stays
    provenance = replace(made.provenance, author=kept.author, licence=kept.licence)
    return library.replace(name, made.replaced(provenance=provenance))


def instrument(workspace: Workspace, voice_name: str, *, step: str | int = "best") -> Instrument:
    """The ``latest``, the ``best`` or a certain checkpoint of a voice as an instrument, in memory only."""
    where = folder.locate(workspace, voice_name)
    path = where.path
    trained = folder.config(path)
    if trained is None:
        raise TrainingError(f"{voice_name!r} has not been trained yet, so there is nothing to export.")
    checkpoint = checkpoints.choose(path, step, trained.model)
    weights = checkpoint.state(trained.model).weights
    how = folder.begun(path)
    known = _statistics(path, checkpoint, trained)
    made = Instrument(
        name=clean_name(voice_name),
        config=trained.model,
        statistics=known,
        weights=weights,
        provenance=_passport(where, checkpoint),
        gin_text=folder.shown_gin(path, trained, notebook=bool(how and how.notebook)),
        warnings=() if known else ("Its training left no statistics, so its pitch and loudness ranges are unknown.",),
    )
    return made.replaced(latent=_latent(where, made)) if made.config.z else made


def _latent(where: folder.Where, made: Instrument) -> LatentSpace | None:
    """Where the voice's z lies; None where its dataset is not there any more."""
    from ddsing.engine.encoder import Encoder
    from ddsing.latent import points as latent_points

    try:
        return latent_points.points(where.source, made, Encoder(made.config, made.weights)).space
    except (DatasetError, AudioError):
        return None


def _statistics(path: Path, checkpoint: checkpoints.Checkpoint, trained: Config) -> DatasetStatistics | None:
    """What a training's recordings cover: as we left it, or from the pickle of 2021 by way of the limited child."""
    known = folder.statistics(path, trained.model.generation)
    if known is not None or not (path / folder.STATISTICS_PICKLE).is_file():
        return known
    from ddsing.training import notebook_folder

    return notebook_folder.statistics(path, checkpoint)


def _passport(where: folder.Where, checkpoint: checkpoints.Checkpoint) -> Provenance:
    known = checkpoint.facts
    loss = known.get("loss")
    return Provenance(
        voice=where.voice.name[:300],
        step=checkpoint.step,
        loss=loss if isinstance(loss, float) else None,
        notes=_notes(where, known),
        date=saving.now(),
        dataset_hash=str(known.get("dataset_hash") or ""),
    )


def _notes(where: folder.Where, known: Mapping) -> str:
    minutes = facts.minutes(where.source)
    said = [f"Trained on {minutes:.0f} minutes of {where.source.name}." if minutes else ""]
    held_out = known.get("held_out")
    if isinstance(held_out, dict):
        said.append(f"On recordings that it had not heard: spectral loss {held_out['spectral_loss']:.2f}")
        if held_out.get("f0_cents") is not None:
            said[-1] += f", {held_out['f0_cents']:.0f} cents off in pitch"
        said[-1] += f", {held_out['loudness_db']:.1f} dB in loudness."
    return " ".join(text for text in said if text)
