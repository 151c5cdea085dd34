"""Which windows a step sees: a pure function of seed and step, so that a resumed training goes on as before.

The records are gone through in epochs, each in an order of its own, without regard to where batches begin. Where the
model trains on shorter windows than the records, each is cut at a place drawn for it.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from ddsing import loudness
from ddsing.constants import HOP_SAMPLES
from ddsing.errors import TrainingError

_CUTS = 2**32  # draws for the place of the cut have keys of their own, beside those of the epochs' orders


@dataclass
class Batches:
    """Batches of a dataset.

    Attributes
    ----------
    records : Records
        See `ddsing.engine.records`.
    generation : int
        Scale of the loudness that the model hears.
    recorded_generation : int
        Scale of the records' own; where it differs, loudness is computed from the audio.
    """

    records: object
    batch_size: int
    window_frames: int
    seed: int
    generation: int
    recorded_generation: int
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
        chosen = places(step, n_records=len(self.records), batch_size=self.batch_size, seed=self.seed)  # type: ignore[arg-type]
        windows = [
            cut(self._window(number), self.window_frames, seed=self.seed, place=(step - 1) * self.batch_size + row)
            for row, number in enumerate(chosen)
        ]
        return {name: np.stack([window[name] for window in windows]) for name in ("audio", "f0_hz", "loudness_db")}

    def _window(self, number: int) -> dict[str, np.ndarray]:
        record = self.records.read(number)  # type: ignore[attr-defined]
        return as_heard(record, generation=self.generation, recorded_generation=self.recorded_generation)


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
            f"The dataset's windows last {have_s:g} s and the model trains on {need_s:g} s; prepare it anew."
        )
    start = int(_draw(seed, _CUTS + place).integers(0, spare + 1)) if spare else 0
    frames = slice(start, start + n_frames)
    samples = slice(start * HOP_SAMPLES, (start + n_frames) * HOP_SAMPLES)
    return {name: x[samples if name == "audio" else frames] for name, x in window.items()}


def as_heard(record: Mapping[str, np.ndarray], *, generation: int, recorded_generation: int) -> dict[str, np.ndarray]:
    """A record's audio and features, of matching lengths, its loudness on the scale of `generation`."""
    n_frames = min(len(record["audio"]) // HOP_SAMPLES, len(record["f0_hz"]), len(record["loudness_db"]))
    window = {name: record[name][:n_frames] for name in ("f0_hz", "f0_confidence", "loudness_db") if name in record}
    window["audio"] = record["audio"][: n_frames * HOP_SAMPLES]
    if generation != recorded_generation:
        loudness_db = loudness.compute(window["audio"], generation=generation, padding="same")  # records' frames
        window["loudness_db"] = loudness_db[:n_frames]
    return window


def recorded_generation(records: Sequence | object, *, n_looked_at: int = 3) -> int:
    """On which generation's scale the records' loudness is: that with which it agrees better when computed anew."""
    errors = {1: 0.0, 3: 0.0}
    for number in range(min(n_looked_at, len(records))):  # type: ignore[arg-type]
        record = records.read(number)  # type: ignore[union-attr]
        for generation in errors:
            heard = as_heard(record, generation=generation, recorded_generation=0)
            errors[generation] += float(
                np.abs(heard["loudness_db"] - record["loudness_db"][: len(heard["f0_hz"])]).mean()
            )
    return min(errors, key=lambda generation: (errors[generation], -generation))


def _draw(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, number]))
