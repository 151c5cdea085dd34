"""Hearing the latent space: the built-in phrase sung with any z, and stretches of the dataset."""

from typing import TYPE_CHECKING

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.dataset import windows
from ddsing.dataset.voices import Voice
from ddsing.instrument import Instrument
from ddsing.sound import audio as recordings
from ddsing.sound import phrase as built_in
from ddsing.transfer.timbre import between

if TYPE_CHECKING:
    from ddsing.engine.render import Model


def sing(
    model: "Model", instrument: Instrument, first: np.ndarray, last: np.ndarray | None = None, *, seed: int = 0
) -> bytes:
    """The built-in phrase with one z throughout, or with z going from `first` to `last`, as WAV.

    Parameters
    ----------
    model : Model
        The instrument's.
    first, last : np.ndarray [shape=(z_dims,)]
    """
    from ddsing.engine import render

    known = instrument.statistics
    f0_hz, loudness_db = built_in.phrase(
        known.pitch_range_midi if known else None,
        known.loudness_range_db if known else None,
        generation=instrument.config.generation,
    )
    z = between(first, first if last is None else last, len(f0_hz))
    sung = render.render(model, f0_hz, loudness_db, n_samples=len(f0_hz) * HOP_SAMPLES, z=z, seed=seed)
    return recordings.encode(sung.audio)


def window(voice: Voice, row: int) -> tuple[bytes, str]:
    """A window of the dataset as WAV, and what it is."""
    found = windows.read(voice, row)
    name = found.file or "recording unknown"
    return recordings.encode(found.audio), f"{name}, from {found.start_s:.0f} s" if found.file else f"window {row + 1}"
