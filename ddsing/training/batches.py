"""Which windows a step sees: a pure function of seed and step, so that a resumed training goes on as before.

The records are gone through in epochs, each in an order of its own, without regard to where batches begin. Where the
model trains on shorter windows than the records, each is cut at a place drawn for it.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from ddsing.constants import DB_RANGE, HOP_SAMPLES
from ddsing.errors import TrainingError
from ddsing.formats.tfrecord import Records
from ddsing.model.config import VOICING_KEY
from ddsing.model.teaching import Teaching
from ddsing.training.listening import Listening

_CUTS = 2**32  # draws for the place of the cut have keys of their own, beside those of the epochs' orders

_GAINS = 2**33  # and for what is made louder


@dataclass
class Batches:
    """Batches of a dataset.

    Attributes
    ----------
    records : Records
        The dataset's training windows.
    listening : Listening
        How the model hears them.
    teaching : Teaching
        Whether they are made louder and softer.
    voicing : bool
        Whether the model hears how sure the pitch is: batches then have ``f0_confidence``, too.
    """

    records: Records
    batch_size: int
    window_frames: int
    seed: int
    listening: Listening
    teaching: Teaching = Teaching()
    voicing: bool = False
    _next: tuple[int, Future] | None = field(default=None, repr=False)
    _reader: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="batches"), repr=False
    )

    def get(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step, counted from 1; the next one is read meanwhile.

        Returns ``audio`` [batch_size, 64 · window_frames], ``f0_hz`` and ``loudness_db`` [batch_size, window_frames].
        """
        if self._next is not None and self._next[0] == step:
            batch = self._next[1].result()
        else:
            batch = self._read(step)
        self._next = step + 1, self._reader.submit(self._read, step + 1)
        return batch

    def close(self) -> None:
        """Let the reading thread go."""
        self._reader.shutdown(wait=True, cancel_futures=True)

    def _read(self, step: int) -> dict[str, np.ndarray]:
        chosen = places(step, n_records=len(self.records), batch_size=self.batch_size, seed=self.seed)
        first = (step - 1) * self.batch_size
        windows = [
            self._louder(cut(self._window(number), self.window_frames, seed=self.seed, place=place), place)
            for place, number in enumerate(chosen, first)
        ]
        names = ("audio", "f0_hz", "loudness_db", *((VOICING_KEY,) if self.voicing else ()))
        if not all(name in window for window in windows for name in names):
            raise TrainingError(
                "The dataset does not tell how sure the pitch is, which this model hears. Prepare it again."
            )
        return {name: np.stack([window[name] for window in windows]) for name in names}

    def _louder(self, window: dict[str, np.ndarray], place: int) -> dict[str, np.ndarray]:
        """The window louder or softer, by what is drawn for this place; silence stays silent."""
        most_db = self.teaching.loudness_augmentation_db
        if not most_db:
            return window
        gain_db = _draw(self.seed, _GAINS + place).uniform(-most_db, most_db)
        floor_db, loudness_db = -DB_RANGE[self.listening.generation], window["loudness_db"]
        moved_db = np.where(loudness_db <= floor_db, floor_db, np.maximum(loudness_db + gain_db, floor_db))
        louder = {"audio": window["audio"] * 10.0 ** (gain_db / 20.0), "loudness_db": moved_db}
        return window | {name: x.astype(np.float32) for name, x in louder.items()}

    def _window(self, number: int) -> dict[str, np.ndarray]:
        return self.listening.window(self.records.read(number))


def places(step: int, *, n_records: int, batch_size: int, seed: int) -> list[int]:
    """The numbers of the records in a step's batch; steps are counted from 1."""
    first = (step - 1) * batch_size
    orders: dict[int, np.ndarray] = {}
    chosen = []
    for position in range(first, first + batch_size):
        epoch, place = divmod(position, n_records)
        if epoch not in orders:
            orders[epoch] = _draw(seed, epoch).permutation(n_records)
        chosen.append(int(orders[epoch][place]))
    return chosen


def cut(window: Mapping[str, np.ndarray], n_frames: int, *, seed: int, place: int) -> dict[str, np.ndarray]:
    """`n_frames` of a window, from a frame that is drawn for this place in the training."""
    spare = len(window["f0_hz"]) - n_frames
    if spare < 0:
        have_s, need_s = (4 * frames / 1000 for frames in (len(window["f0_hz"]), n_frames))
        raise TrainingError(
            f"The dataset's windows are {have_s:g} s long, but the model trains on {need_s:g} s. Prepare it again."
        )
    start = int(_draw(seed, _CUTS + place).integers(0, spare + 1)) if spare else 0
    frames = slice(start, start + n_frames)
    samples = slice(start * HOP_SAMPLES, (start + n_frames) * HOP_SAMPLES)
    return {name: x[samples if name == "audio" else frames] for name, x in window.items()}


def _draw(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, number]))
