"""The z of a transfer, as its settings ask for it.

Of the recording itself it is left to the renderer, so that nothing changes for those who ask for nothing. Another
recording's z keeps its own pace: where it ends too early it goes on backwards, and so back and forth.
"""

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.encoder import Encoder
from ddsing.errors import SettingsError
from ddsing.instrument import Instrument
from ddsing.model.latent_space import LatentSpace
from ddsing.model.places import Places
from ddsing.transfer.settings import Settings

UNKNOWN = (
    "This instrument has no timbre map, so it has no mean timbre and no directions to shift it in. Take "
    "the timbre from a recording, or make a map on the Experiments page, under Latent space."
)

NO_PLACES = (
    "This instrument does not know the timbre that its voice was trained on, so nothing can be pulled towards it. Make "
    "a map on the Experiments page, under Latent space, or export it again."
)


def z_of(
    encoder: Encoder | None,
    space: LatentSpace | None,
    settings: Settings,
    n_frames: int,
    audio: np.ndarray,
    other: np.ndarray | None,
    *,
    places: Places | None = None,
) -> np.ndarray | None:
    """Z for each frame; None where it is simply the recording's.

    Parameters
    ----------
    encoder : Encoder or None
        None for an instrument without z, to which the settings mean nothing.
    audio, other : np.ndarray [shape=(n_samples,), float32]
        The recording, and the one that z is taken from with ``z_from="other"``.
    places : Places, optional
        What ``pull`` draws z towards.

    Returns
    -------
    np.ndarray [shape=(n_frames, z_dims), float32] or None
    """
    if encoder is None or (settings.z_from == "recording" and not settings.z_shift and not settings.pull):
        return None
    offset = _known(space).offset(settings.z_shift) if settings.z_shift else None
    if settings.z_from == "mean":
        z = np.tile(_known(space).mean.astype(np.float32), (n_frames, 1))
    elif settings.z_from == "other":
        if other is None or not len(other):
            raise SettingsError("The timbre needs another recording, but none was given.")
        z = to_and_fro(encoder.encode(other, max(1, len(other) // HOP_SAMPLES)), n_frames)
    else:
        z = encoder.encode(audio, n_frames)
    if settings.pull:
        if places is None:
            raise SettingsError(NO_PLACES)
        z = places.pulled(z, settings.pull)
    return z if offset is None else z + offset


def require(instrument: Instrument, settings: Settings) -> None:
    """Raise `SettingsError` where an instrument can't be given the timbre that is asked for, before it sings."""
    if instrument.config.z is None:
        return
    if settings.z_shift or settings.z_from == "mean":
        _known(instrument.latent)
    if settings.pull and instrument.places is None:
        raise SettingsError(NO_PLACES)


def _known(space: LatentSpace | None) -> LatentSpace:
    if space is None:
        raise SettingsError(UNKNOWN)
    return space


def to_and_fro(z: np.ndarray, n_frames: int) -> np.ndarray:
    """As many frames of z as asked for: cut, or gone through forwards and backwards in turn."""
    period = max(1, 2 * (len(z) - 1))
    place = np.arange(n_frames) % period
    return z[np.minimum(place, period - place) if len(z) > 1 else np.zeros(n_frames, int)]


def between(first: np.ndarray, last: np.ndarray, n_frames: int, *, hold: float = 0.15) -> np.ndarray:
    """Z that goes straight from one point to another, and stays a while at either.

    Parameters
    ----------
    first, last : np.ndarray [shape=(z_dims,)]
    hold : float
        Share of the time at each end.

    Returns
    -------
    np.ndarray [shape=(n_frames, z_dims), float32]
    """
    share = np.clip((np.linspace(0.0, 1.0, n_frames) - hold) / (1.0 - 2.0 * hold), 0.0, 1.0)[:, None]
    return ((1.0 - share) * first + share * last).astype(np.float32)
