"""The windows of a prepared dataset: a table of them, each one's sound and features, and which are left out.

Windows are called by their row in the table. What is left out is kept in ``selection.json`` by the sound's hash and the
time, so that it outlives another preparation; it holds from the next `prepare` on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ddsing.dataset.voices import Voice

STATES = ("train", "held_out", "guard", "excluded")
ORDERS = ("time", "confidence", "silence", "clipping")


@dataclass(frozen=True, eq=False)
class WindowTable:
    """All windows of a dataset, one row each; arrays [shape=(n_windows,)].

    Attributes
    ----------
    file, file_hash : str
        The recording's name, and the hash of its sound; "" in a dataset of 2021.
    start_s : float64
        Where in the recording the window begins; its number in a dataset of 2021, where that is not known.
    state : str
        What the dataset on disk does with it, one of `STATES`. *Guard* windows overlap a held-out one, and so are
        not trained on.
    record : int64
        Its number among the records of its state, -1 if it is in none.
    excluded : bool
        What the user wants; where that differs from `state`, the dataset is to be prepared again.
    confidence, silence, clipping : float64
        Mean confidence of what sounds; shares of the frames that are silent or clipped.
    midi, loudness_db : float64
        Median of the clear pitch, NaN where there is none; mean over what sounds.
    """

    file: np.ndarray
    file_hash: np.ndarray
    start_s: np.ndarray
    state: np.ndarray
    record: np.ndarray
    excluded: np.ndarray
    confidence: np.ndarray
    silence: np.ndarray
    clipping: np.ndarray
    midi: np.ndarray
    loudness_db: np.ndarray

    def __len__(self) -> int:
        return len(self.start_s)

    def order(self, by: str = "time") -> np.ndarray:
        """Row numbers, worst first: by low confidence, by silence, by clipping, or as they are by time."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Window:
    """Four seconds of a recording.

    Attributes
    ----------
    audio : np.ndarray [shape=(64000,), float32]
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(1000,), float32]
        As the model sees them, see `ddsing.dataset.prepare`.
    """

    audio: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    file: str
    start_s: float
    state: str


def load(voice: Voice) -> WindowTable:
    """The table of a prepared dataset, ours or one of 2021; raises `DatasetError` if there is none."""
    raise NotImplementedError


def read(voice: Voice, row: int) -> Window:
    """A window's sound and features."""
    raise NotImplementedError


def exclude(voice: Voice, rows: Iterable[int]) -> None:
    """Leave windows out from the next preparation on."""
    raise NotImplementedError


def include(voice: Voice, rows: Iterable[int]) -> None:
    """Take windows back from the next preparation on."""
    raise NotImplementedError
