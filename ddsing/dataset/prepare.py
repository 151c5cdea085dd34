"""Preparation: from recordings to the windows that a model is trained on. (Conventions follow with the code.)"""

from collections.abc import Callable
from dataclasses import dataclass

from ddsing.dataset.voices import Voice


@dataclass(frozen=True)
class Prepared:
    """A dataset as it is on disk.

    Attributes
    ----------
    reused : bool
        Whether nothing had to be done.
    n_analysed : int
        Recordings whose pitch was computed now.
    refused : tuple[tuple[str, str], ...]
        (name, the sentence that says why) of recordings that were left out.
    """

    voice: str
    tracker: str
    dataset_hash: str
    minutes: float
    n_windows: int
    n_train: int
    n_held_out: int
    n_excluded: int
    n_analysed: int
    refused: tuple[tuple[str, str], ...]
    reused: bool
    seconds: float


def prepare(voice: Voice, *, tracker: str = "full", progress: Callable[[str, float], None] | None = None) -> Prepared:
    """Prepare a voice's dataset, or go on where it was stopped; nothing is computed twice.

    Parameters
    ----------
    tracker : str
        See `ddsing.pitch`.
    progress : callable, optional
        Told the stage in words and the fraction of it all; what it raises (`Cancelled`) passes through, and what is
        done by then is kept.
    """
    raise NotImplementedError


def is_current(voice: Voice, *, tracker: str | None = None) -> bool:
    """Whether the dataset is that of the recordings and the selection as they are now; without decoding anything."""
    raise NotImplementedError
