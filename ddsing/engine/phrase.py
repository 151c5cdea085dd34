"""The built-in phrase of `ddsing.sound.phrase`, sung by any instrument in the middle of its range."""

import numpy as np

from ddsing.constants import FULL_BAND_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import full_band, render
from ddsing.model.statistics import DatasetStatistics
from ddsing.sound import phrase


def sing(
    renderer: render.Renderer,
    statistics: DatasetStatistics | None,
    *,
    z: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Sing the phrase.

    Parameters
    ----------
    statistics : DatasetStatistics or None
        The instrument's, for its ranges; a usual voice's are taken without.
    z : np.ndarray [shape=(N_FRAMES, z_dims), float32], optional
        The timbre, for an instrument with z; a hum's by default.

    Returns
    -------
    np.ndarray [shape=(64 · N_FRAMES,), float32]
        `N_FRAMES` is that of `ddsing.sound.phrase`; 16 kHz. With a top three times as many, at 48 kHz.
    """
    f0_hz, loudness_db = phrase.phrase(
        statistics.pitch_range_midi if statistics else None,
        statistics.loudness_range_db if statistics else None,
        generation=renderer.config.generation,
    )
    hum = phrase.hum(f0_hz, loudness_db) if renderer.encoder is not None and z is None else None
    n_samples = phrase.N_FRAMES * HOP_SAMPLES
    if renderer.top is None:
        return render.render(renderer, f0_hz, loudness_db, n_samples=n_samples, audio=hum, z=z, seed=seed).audio
    part = render.solo(renderer, f0_hz, loudness_db, n_samples=n_samples, audio=hum, z=z)
    return np.concatenate([block.audio for block in full_band.blocks(part, n_samples=n_samples, seed=seed)])


def rate_hz(renderer: render.Renderer) -> int:
    """The sample rate at which `sing` sings."""
    return SAMPLE_RATE if renderer.top is None else FULL_BAND_RATE
