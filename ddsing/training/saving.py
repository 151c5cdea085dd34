"""One save of a training: measure, publish the checkpoint, note it, note the lowest loss, prune, sing the preview.

The order is that of importance. Everything after the publication can be lost in a crash, and comes again with the next.
"""

import contextlib
import datetime
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ddsing
from ddsing.errors import DdsingError, Diverged
from ddsing.files import write_atomic
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import DatasetStatistics
from ddsing.training import checkpoints, divergence, evaluation, folder, judge, saves
from ddsing.training.listening import Listening
from ddsing.training.saves import HISTORY_NAME

BY_HELD_OUT, BY_LOSS = "held-out spectral loss", "training loss"


@dataclass(frozen=True, eq=False)
class Saver:
    """Saves the checkpoints of one run.

    Attributes
    ----------
    path : Path
        The ``<voice>_checkpoints`` folder.
    held_out : list[dict]
        Windows of `evaluation.windows`; empty where nothing is held out.
    listening : Listening
        How they are heard.
    known : DatasetStatistics or None
        For the range of the preview phrase.
    keep : int
        How many of the last checkpoints stay.
    """

    path: Path
    config: ModelConfig
    dataset_hash: str
    held_out: list[dict]
    listening: Listening
    known: DatasetStatistics | None
    keep: int

    def save(
        self,
        step: int,
        *,
        loss: float,
        weights: Mapping[str, np.ndarray],
        write: Callable[[Path], object],
        should_stop: Callable[[], bool],
        loss_scale: Mapping | None = None,
    ) -> float:
        """Save a step; returns the seconds it took. Asked to stop, it does without measuring and singing.

        Parameters
        ----------
        loss : float
            Mean training loss since the save before.
        write : callable
            See `checkpoints.publish`.
        loss_scale : Mapping or None
            See `Step.loss_scale`; it goes into the manifest, since ddsp's names know of none.
        """
        began = time.monotonic()
        self.require_finite(step, weights)
        checkpoints.require_room(self.path, self.config)
        measured = self._measured(weights, should_stop)
        facts = {
            "loss": round(loss, 6),
            "held_out": measured.to_json() if measured else None,
            "dataset_hash": self.dataset_hash,
            "date": now(),
            "ddsing": ddsing.__version__,
        } | ({} if loss_scale is None else {"loss_scale": dict(loss_scale)})
        checkpoints.publish(self.path, step, write, facts)
        append(self.path, {"step": step, **facts})
        self._choose_best(step, loss, measured)
        self._prune()
        checkpoints.write_pointer(self.path)
        if not should_stop():
            self._sing(step, weights)
        return time.monotonic() - began

    def require_finite(self, step: int, weights: Mapping[str, np.ndarray]) -> None:
        """Raise `Diverged` where a weight is no number any more."""
        wrong = [name for name, weight in weights.items() if not np.isfinite(weight).all()]
        if wrong:
            raise diverged(self.path, step, f"the weight {wrong[0]} became")

    def measure_best_again(self) -> None:
        """After the dataset has changed: measure the best checkpoint on the held-out windows as they are now."""
        best = checkpoints.read_best(self.path)
        if best is None or not self.held_out:
            return
        with contextlib.suppress(DdsingError):
            weights = checkpoints.get(self.path, best[0]).state(self.config).weights
            measured = evaluation.measure(self.config, weights, self.held_out, self.listening)
            if measured is not None:
                checkpoints.write_best(self.path, best[0], value=measured.spectral_loss, by=BY_HELD_OUT)

    def _measured(
        self, weights: Mapping[str, np.ndarray], should_stop: Callable[[], bool]
    ) -> evaluation.Metrics | None:
        if not self.held_out or should_stop():
            return None
        try:
            return evaluation.measure(self.config, weights, self.held_out, self.listening, should_stop=should_stop)
        except DdsingError as error:  # no reason to lose a training
            append(self.path, {"note": f"The held-out windows could not be measured: {error}", "date": now()})
            return None

    def _choose_best(self, step: int, loss: float, measured: evaluation.Metrics | None) -> None:
        if self.held_out and measured is None:
            return
        value, by = (measured.spectral_loss, BY_HELD_OUT) if measured else (loss, BY_LOSS)
        best = checkpoints.read_best(self.path)
        if best is None or best[2] != by or value < best[1] or best[0] == step:
            checkpoints.write_best(self.path, step, value=value, by=by)

    def _prune(self) -> None:
        best, verdict = checkpoints.read_best(self.path), judge.judge(saves.read(self.path)[0])
        worth = {best[0]} if best else set()
        worth |= {verdict.step} if verdict else set()
        checkpoints.prune(self.path, keep=self.keep, worth=worth)

    def _sing(self, step: int, weights: Mapping[str, np.ndarray]) -> None:
        sung = evaluation.preview(self.config, weights, self.known)
        (self.path / folder.PREVIEWS).mkdir(exist_ok=True)
        write_atomic(self.path / folder.PREVIEWS / f"ckpt-{step}.flac", sung)


def append(path: Path, line: Mapping) -> None:
    """Add a line to a training's history; a line that a crash cut short stays for itself."""
    with open(path / HISTORY_NAME, "ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            cut_short = file.read(1) != b"\n"
        else:
            cut_short = False
        file.write(b"\n" * cut_short + json.dumps(dict(line), allow_nan=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def diverged(path: Path, step: int, what: str) -> Diverged:
    """The error for a training whose numbers are none any more."""
    kept = [checkpoint.step for checkpoint in checkpoints.published(path)]
    last = f"The last good checkpoint is step {kept[-1]:,}" if kept else "There was no checkpoint yet"
    return Diverged(f"Stopped at step {step:,}: {what} NaN. {last}. {divergence.advice(path)}")


def now() -> str:
    """The time, for people and files."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
