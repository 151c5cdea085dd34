"""A checkpoint as an instrument in the workspace, its passport filled."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ddsing.dataset import facts
from ddsing.errors import AudioError, DatasetError, TrainingError
from ddsing.files import safe_name
from ddsing.instrument import Instrument, Provenance
from ddsing.instrument.library import Entry, Library
from ddsing.instrument.opening import clean_name
from ddsing.model.latent_space import LatentSpace
from ddsing.model.places import Places
from ddsing.model.statistics import DatasetStatistics
from ddsing.names import same
from ddsing.training import checkpoints, choice, folder, saving
from ddsing.training.recipe import Config
from ddsing.units import format_duration
from ddsing.workspace import Workspace


class Made(NamedTuple):
    """What was made of a checkpoint.

    Attributes
    ----------
    entry : Entry
        The instrument in the library.
    why : str
        Why that checkpoint was taken, in a sentence.
    top : str
        What it sings above 8 kHz, or why it does not, in a sentence; empty where nobody asked for a top.
    """

    entry: Entry
    why: str
    top: str = ""


def make_instrument(workspace: Workspace, voice_name: str, *, step: str | int = choice.CHOSEN) -> Entry:
    """As `make`, without the reason."""
    return make(workspace, voice_name, step=step).entry


def make(
    workspace: Workspace,
    voice_name: str,
    *,
    step: str | int = choice.CHOSEN,
    progress: Callable[[str, float], None] = lambda stage, fraction: None,
) -> Made:
    """Export a checkpoint of a voice, named as `choice.choose` takes it.

    The instrument is called as the voice. One of that name that came from this voice goes to the trash, and lends the
    new one what people wrote about it; another one stays, and the new one gets a number. Where the run was asked for
    the full band, or the instrument before had a top, it gets its own from the voice's recordings.

    Parameters
    ----------
    progress : callable
        Told how far the top is.
    """
    made, why = _instrument(workspace, voice_name, step)
    made, said = with_top(workspace, made, folder.locate(workspace, voice_name), progress=progress)
    entry = Library(workspace).replace(
        safe_name(made.name), made, ours=lambda before: same(before.provenance.voice, made.provenance.voice)
    )
    return Made(entry, why, said)


def with_top(
    workspace: Workspace,
    made: Instrument,
    where: folder.Where,
    *,
    progress: Callable[[str, float], None] = lambda stage, fraction: None,
) -> tuple[Instrument, str]:
    """A voice's new instrument with a top, where one is wanted and can be made; and what came of it, in a sentence."""
    if not _wants_top(workspace, made, where):
        return made, ""
    from ddsing.training import top  # only where it is asked for: it imports the fit

    try:
        given = top.for_voice(made, where.source, progress=progress)
    except (TrainingError, DatasetError, AudioError, OSError) as error:
        return made, f"It sings up to 8 kHz only. {error}"
    length = format_duration(60.0 * given.minutes)
    return made.replaced(top=given), f"It sings up to 24 kHz: its top was made from {length} of recordings."


def _wants_top(workspace: Workspace, made: Instrument, where: folder.Where) -> bool:
    """As the run was asked; where that was left open, as the instrument before."""
    how = folder.begun(where.path)
    asked = how.recipe.get("full_band") if how else None
    if isinstance(asked, bool):
        return asked
    before = Library(workspace).find(safe_name(made.name))
    return before is not None and before.top is not None and same(before.provenance.voice, made.provenance.voice)


def n_bytes(workspace: Workspace, voice_name: str, *, checkpoint: bool = False) -> int:
    """About what the instrument of a voice takes on disk, or one of its checkpoints; 0 for one that isn't trained."""
    trained = folder.config(folder.locate(workspace, voice_name).path)
    if trained is None:
        return 0
    weights = sum(4 * math.prod(shape) for shape in trained.model.weight_shapes().values())
    return checkpoints.n_bytes(trained.model) if checkpoint else weights + 100_000


def instrument(workspace: Workspace, voice_name: str, *, step: str | int = choice.CHOSEN) -> Instrument:
    """A checkpoint of a voice, named as `choice.choose` takes it, as an instrument in memory only."""
    return _instrument(workspace, voice_name, step)[0]


def _instrument(workspace: Workspace, voice_name: str, step: str | int) -> tuple[Instrument, str]:
    where = folder.locate(workspace, voice_name)
    path = where.path
    trained = folder.config(path)
    if trained is None:
        raise TrainingError(f"{voice_name!r} has not been trained yet, so there is nothing to export.")
    checkpoint, why = choice.choose(path, step, trained.model)
    weights = checkpoint.state(trained.model).weights
    how = folder.begun(path)
    known = _statistics(path, checkpoint, trained)
    made = Instrument(
        name=clean_name(voice_name),
        config=trained.model,
        statistics=known,
        weights=weights,
        provenance=_passport(where, checkpoint, why),
        gin_text=folder.shown_gin(path, trained, notebook=bool(how and how.notebook)),
        warnings=() if known else ("Training saved no statistics, so the pitch and loudness ranges are unknown.",),
    )
    return (made.replaced(**_timbre(where, made)) if made.config.z else made), why


def _timbre(where: folder.Where, made: Instrument) -> dict[str, LatentSpace | Places]:
    """Where the voice's z lies, and its places; nothing where its dataset is not there any more."""
    from ddsing.engine.encoder import Encoder
    from ddsing.latent import points as latent_points

    try:
        heard = latent_points.points(where.source, made, Encoder(made.config, made.weights))
    except (DatasetError, AudioError):
        return {}
    return {"latent": heard.space, "places": heard.places}


def _statistics(path: Path, checkpoint: checkpoints.Checkpoint, trained: Config) -> DatasetStatistics | None:
    """What a training's recordings cover: as we left it, or from the pickle of 2021 by way of the limited child."""
    known = folder.statistics(path, trained.model.generation)
    if known is not None or not (path / folder.STATISTICS_PICKLE).is_file():
        return known
    from ddsing.training import notebook_folder

    return notebook_folder.statistics(path, checkpoint)


def _passport(where: folder.Where, checkpoint: checkpoints.Checkpoint, why: str) -> Provenance:
    known = checkpoint.facts
    loss = known.get("loss")
    return Provenance(
        voice=where.voice.name[:300],
        step=checkpoint.step,
        loss=loss if isinstance(loss, float) else None,
        notes=" ".join(filter(None, [_notes(where, known), why])),
        date=saving.now(),
        dataset_hash=str(known.get("dataset_hash") or ""),
    )


def _notes(where: folder.Where, known: Mapping) -> str:
    minutes = facts.minutes(where.source)
    said = [f"Trained on {format_duration(60.0 * minutes)} of {where.source.name}." if minutes else ""]
    held_out = known.get("held_out")
    if isinstance(held_out, dict):
        said.append(f"On held-out recordings: spectral loss {held_out['spectral_loss']:.2f}")
        if held_out.get("f0_cents") is not None:
            said[-1] += f", pitch error {held_out['f0_cents']:.0f} cents"
        if isinstance(held_out.get("timbre_db"), float):
            said[-1] += f", timbre error {held_out['timbre_db']:.1f} dB"
        said[-1] += f", loudness error {held_out['loudness_db']:.1f} dB."
    return " ".join(text for text in said if text)
