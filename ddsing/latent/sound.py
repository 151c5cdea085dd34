"""Hearing the latent space: the built-in phrase sung with any z, and stretches of the dataset."""

import numpy as np

from ddsing.dataset import windows
from ddsing.dataset.voices import Voice
from ddsing.engine import phrase
from ddsing.engine.render import Renderer
from ddsing.instrument import Instrument
from ddsing.sound import audio as recordings
from ddsing.sound.phrase import N_FRAMES
from ddsing.transfer.timbre import between


def sing(
    renderer: Renderer, instrument: Instrument, first: np.ndarray, last: np.ndarray | None = None, *, seed: int = 0
) -> bytes:
    """The built-in phrase with one z throughout, or with z going from `first` to `last`, as WAV.

    Parameters
    ----------
    renderer : Renderer
        The instrument's.
    first, last : np.ndarray [shape=(z_dims,)]
    """
    z = between(first, first if last is None else last, N_FRAMES)
    sung = phrase.sing(renderer, instrument.statistics, z=z, seed=seed)
    return recordings.encode(sung, rate_hz=phrase.rate_hz(renderer))


def window(voice: Voice, row: int) -> tuple[bytes, str]:
    """A window of the dataset as WAV, and what it is."""
    found = windows.read(voice, row)
    name = found.file or "recording unknown"
    return recordings.encode(found.audio), f"{name}, from {found.start_s:.0f} s" if found.file else f"window {row + 1}"
