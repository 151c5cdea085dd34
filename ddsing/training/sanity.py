"""The sanity check: windows that the training has not seen, and what the model makes of them, side by side."""

from dataclasses import dataclass

import numpy as np

from ddsing.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Comparison:
    """A window and its reconstruction.

    Attributes
    ----------
    original, reconstruction : np.ndarray [shape=(n_samples,), float32]
        16 kHz.
    f0_hz, f0_hz_again : np.ndarray [shape=(n_frames,), float32]
        Of the recording, and tracked in the reconstruction.
    loudness_db, loudness_db_again : np.ndarray [shape=(n_frames,), float32]
    voiced : np.ndarray [shape=(n_frames,), bool]
    spectral_loss : float
    f0_cents : float or None
        Median distance over voiced frames; None without any.
    loudness_error_db : float
    """

    window: int
    step: int
    original: np.ndarray
    reconstruction: np.ndarray
    f0_hz: np.ndarray
    f0_hz_again: np.ndarray
    loudness_db: np.ndarray
    loudness_db_again: np.ndarray
    voiced: np.ndarray
    spectral_loss: float
    f0_cents: float | None
    loudness_error_db: float


def check(
    workspace: Workspace, voice_name: str, *, windows: tuple[int, ...] | None = None, step: str | int = "best"
) -> tuple[Comparison, ...]:
    """Compare held-out windows (some training windows where none is held out) with their reconstruction."""
    raise NotImplementedError
