"""An instrument that listens to timbre, and the dataset that tells where its voice's timbre lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ddsing.dataset import voices
from ddsing.dataset.voices import Voice
from ddsing.errors import DatasetError, InstrumentError
from ddsing.latent import points
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.models import Models
    from ddsing.latent.points import Points
    from ddsing.model.latent_space import LatentSpace


def explored(
    workspace: Workspace, instrument: Instrument, models: Models, *, voice: str | None = None
) -> tuple[LatentSpace, Points | None]:
    """Where an instrument's timbre lies, and the points of a dataset.

    Parameters
    ----------
    models : Models
        Where its encoder is kept.
    voice : str, optional
        Whose dataset; else that of the instrument's voice, if it is prepared.

    Raises
    ------
    InstrumentError
        If it does not listen to timbre, or neither it nor a dataset says where its voice's timbre lies.
    DatasetError
        For a voice that is not there, or not prepared.
    """
    if not instrument.config.z:
        raise InstrumentError(
            f"{instrument.name!r} does not follow timbre. Only instruments trained with an encoder do, such as "
            "those of singing_z."
        )
    chosen, encoder = _dataset(workspace, instrument, voice), models.get(instrument)[0].encoder
    heard = points.points(chosen, instrument, encoder) if chosen and encoder else None
    known = instrument.latent or (heard.space if heard else None)
    if known is None:
        raise InstrumentError(
            f"{instrument.name!r} has no timbre map, and neither has a dataset of its voice. Choose the voice that "
            "it was trained on, and prepare it if needed."
        )
    return known, heard


def _dataset(workspace: Workspace, instrument: Instrument, voice: str | None) -> Voice | None:
    if voice is not None:
        chosen = voices.get(workspace, voice)
        if not chosen.prepared:
            raise DatasetError(f"The voice {voice!r} has no dataset yet. Make one with `dataset prepare`.")
        return chosen
    own = (one for one in voices.list_voices(workspace) if one.name == instrument.provenance.voice and one.prepared)
    return next(own, None)
