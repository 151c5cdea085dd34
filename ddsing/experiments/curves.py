"""Voice space: the trainings of a workspace side by side, by their losses over the steps.

A run is a ``<name>_checkpoints`` folder, ours or one of the 2021 notebooks. What its files say is parsed once and kept
in the cache until one of them changes, so that hundreds of runs are compared in a moment. Steps that a resumed training
did again count as they went the last time (see `ddsing.formats.event_log`).

Public: `names`, `load`, `Run`, `smoothed`, `summary`, `Summary`, `table_csv`, `curves_csv`.
"""

import csv
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ddsing.dataset.voices import CHECKPOINTS
from ddsing.errors import DatasetError, DdsingError
from ddsing.model.config import ModelConfig
from ddsing.training import folder as training_folder
from ddsing.training import history as histories
from ddsing.training import recipe as recipes
from ddsing.workspace import Workspace, write_atomic

METRICS = ("spectral_loss", "f0_cents", "loudness_db")
DEFAULT_SMOOTHING_STEPS = 100
_VERSION = 1  # of what is kept in the cache
_SWEPT = re.compile(r"(.+?)_h\d+_n\d+")
_READ_FILES = ("history.jsonl", "best.json", "recipe.json")
_CSV_HEAD = (
    "voice",
    "of",
    "family",
    "n_harmonics",
    "n_noise_bands",
    "n_parameters",
    "steps",
    "last",
    "best",
    "best_step",
    "at_step",
    "at",
    "spectral_loss",
    "f0_cents",
    "loudness_db",
    "seconds_per_step",
)


@dataclass(frozen=True, eq=False)
class Run:
    """A training as its files tell it.

    Attributes
    ----------
    name : str
        The folder's name without ``_checkpoints``.
    voice : str
        Whose dataset it is trained on; `name` itself but for branches and cells of a sweep.
    family : str
        The file of ``gin/models`` that the model is like, whatever its harmonics and noise bands, or its size.
    config : ModelConfig or None
        None where the folder holds no operative gin text.
    steps : np.ndarray [shape=(n,), int64]
        Ascending.
    loss : np.ndarray [shape=(n,), float32]
        Total loss of each step.
    held_out_steps : np.ndarray [shape=(n_saves,), int64]
    held_out : dict of np.ndarray [shape=(n_saves,), float64]
        By the names of `METRICS`; NaN where not measured.
    seconds_per_step : float or None
        Median over the training.
    best_step : int or None
        The best checkpoint.
    """

    name: str
    voice: str
    family: str
    path: Path
    config: ModelConfig | None
    steps: np.ndarray
    loss: np.ndarray
    held_out_steps: np.ndarray
    held_out: dict[str, np.ndarray]
    seconds_per_step: float | None
    best_step: int | None

    @property
    def n_parameters(self) -> int | None:
        """Weights of the model."""
        if self.config is None:
            return None
        return sum(int(np.prod(shape)) for shape in self.config.weight_shapes().values())


@dataclass(frozen=True)
class Summary:
    """A run in numbers; None where there is nothing to tell. Losses are smoothed, see `smoothed`.

    Attributes
    ----------
    last, best, at : float or None
        Loss at the last step, at its lowest, and at `at_step`.
    at_step : int or None
        The asked step, or the last one before it whose loss is known; None where the run did not get there.
    spectral_loss, f0_cents, loudness_db : float or None
        Of the held-out part: at `at_step` where one was asked for, else at the best checkpoint, else the last.
    """

    voice: str
    of: str
    family: str
    n_harmonics: int | None
    n_noise_bands: int | None
    n_parameters: int | None
    steps: int
    last: float | None
    best: float | None
    best_step: int | None
    at_step: int | None
    at: float | None
    spectral_loss: float | None
    f0_cents: float | None
    loudness_db: float | None
    seconds_per_step: float | None

    def to_json(self) -> dict:
        """Plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def names(workspace: Workspace) -> list[str]:
    """The runs of a workspace: everything with an event file, by name."""
    return list(training_folder.trained(workspace))


def load(workspace: Workspace, name: str) -> Run:
    """A run; raises `DatasetError` if there is none of that name."""
    path = workspace.audio / f"{name}{CHECKPOINTS}"
    if not name or Path(name).name != name or not path.is_dir():
        known = ", ".join(map(repr, names(workspace)[:8])) or "none yet"
        raise DatasetError(f"Nothing called {name[:80]!r} has been trained; there are: {known}.")
    key = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]
    kept = workspace.cache / "curves" / f"{key}.npz"
    stamp = fingerprint(path)
    facts, arrays = _from_cache(kept, stamp) or _parsed(path, stamp, kept)
    config = None if facts["config"] is None else ModelConfig.from_json(facts["config"])
    return Run(
        name=name,
        voice=facts["voice"] or name,
        family=facts["family"],
        path=path,
        config=config,
        steps=arrays["steps"],
        loss=arrays["loss"],
        held_out_steps=arrays["held_out"][0].astype(np.int64),
        held_out=dict(zip(METRICS, arrays["held_out"][1:])),
        seconds_per_step=facts["seconds_per_step"],
        best_step=facts["best_step"],
    )


def fingerprint(path: Path) -> str:
    """What changes whenever a file that a run is read from does."""
    seen = [f"v{_VERSION}"]
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.name in _READ_FILES or entry.name.endswith((".gin", ".index")):
            facts = entry.stat()
            seen.append(f"{entry.name} {facts.st_size} {facts.st_mtime_ns}")
    for event_file in training_folder.event_files(path):
        facts = event_file.stat()
        seen.append(f"{event_file.name} {facts.st_size} {facts.st_mtime_ns}")
    return "\n".join(seen)


def _from_cache(kept: Path, stamp: str):
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            if facts["stamp"] != stamp:
                return None
            return facts, {name: arrays[name] for name in ("steps", "loss", "held_out")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _parsed(path: Path, stamp: str, kept: Path):
    """(facts, arrays) of a run from its own files; a full disk only means that they are not kept."""
    history = histories.read(path)
    config, family = _model(path, history.recipe.get("config"))
    measured = [save for save in history.saves if save.spectral_loss is not None]
    held_out = np.array([[getattr(save, name) for save in measured] for name in ("step", *METRICS)], np.float64)
    speeds = history.steps_per_s[history.steps_per_s > 0]
    facts = {
        "stamp": stamp,
        "voice": _voice(path),
        "family": family,
        "config": None if config is None else config.to_json(),
        "seconds_per_step": round(float(1.0 / np.median(speeds)), 6) if len(speeds) else None,
        "best_step": history.best_step,
    }
    finite = np.isfinite(history.loss)
    arrays = {"steps": history.steps[finite], "loss": history.loss[finite], "held_out": held_out}
    buffer = io.BytesIO()
    np.savez(buffer, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, buffer.getvalue())
    except OSError:
        pass
    return facts, arrays


def _voice(path: Path) -> str:
    """Whose dataset a run is trained on; "" for its own."""
    how = training_folder.begun(path)
    if how is not None and how.dataset_of:
        return how.dataset_of
    match = _SWEPT.fullmatch(path.name.removesuffix(CHECKPOINTS))
    if match and any(path.with_name(f"{match[1]}{ending}").is_dir() for ending in ("", "_dataset", CHECKPOINTS)):
        return match[1]
    return ""


def _model(path: Path, named: object) -> tuple[ModelConfig | None, str]:
    """A run's model, and its family."""
    try:
        trained = training_folder.config(path)
    except (DdsingError, OSError, ValueError):
        trained = None
    if trained is None:
        return None, "unknown model"
    known = {config.name: config.model for config in recipes.configs()}
    if named in known:
        return trained.model, str(named)
    for name, model in known.items():
        if _size(model) == _size(trained.model):
            return trained.model, name
    return trained.model, f"{trained.model.rnn_channels} units" + (", z" if trained.model.z else "")


def _size(model: ModelConfig):
    return model.rnn_channels, model.ch, model.layers_per_stack, model.z


def smoothed(steps: np.ndarray, values: np.ndarray, width_steps: float) -> np.ndarray:
    """The mean of all values within half of `width_steps` of each step.

    Parameters
    ----------
    steps : np.ndarray [shape=(n,), int]
        Ascending.
    values : np.ndarray [shape=(n,), float]
    width_steps : float
        0 leaves the values as they are.

    Returns
    -------
    np.ndarray [shape=(n,), float64]
    """
    values = np.asarray(values, np.float64)
    if width_steps <= 0 or not len(values):
        return values.copy()
    half = width_steps / 2
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.searchsorted(steps, steps - half, side="left")
    stop = np.searchsorted(steps, steps + half, side="right")
    return (total[stop] - total[first]) / (stop - first)


def summary(run: Run, *, at: int | None = None, smoothing_steps: float = DEFAULT_SMOOTHING_STEPS) -> Summary:
    """A run in numbers; `at` is a step to compare runs at."""
    loss = smoothed(run.steps, run.loss, smoothing_steps)
    lowest = int(np.argmin(loss)) if len(loss) else None
    place = None if at is None else _place(run.steps, at)
    held_out = _held_out(run, at)
    return Summary(
        voice=run.name,
        of=run.voice,
        family=run.family,
        n_harmonics=run.config.n_harmonics if run.config else None,
        n_noise_bands=run.config.n_noise_bands if run.config else None,
        n_parameters=run.n_parameters,
        steps=int(run.steps[-1]) if len(run.steps) else 0,
        last=_rounded(loss[-1]) if len(loss) else None,
        best=None if lowest is None else _rounded(loss[lowest]),
        best_step=None if lowest is None else int(run.steps[lowest]),
        at_step=None if place is None else int(run.steps[place]),
        at=None if place is None else _rounded(loss[place]),
        **held_out,
        seconds_per_step=run.seconds_per_step,
    )


def _place(steps: np.ndarray, at: int) -> int | None:
    """Where a step is, or the last known one before it; None where the run did not get there."""
    if not len(steps) or at > steps[-1] or at < steps[0]:
        return None
    return int(np.searchsorted(steps, at, side="right")) - 1


def _held_out(run: Run, at: int | None) -> dict[str, float | None]:
    steps = run.held_out_steps
    if at is not None:
        place = int(np.searchsorted(steps, at, side="right")) - 1
        place = place if len(run.steps) and at <= run.steps[-1] else -1
    elif run.best_step is not None and run.best_step in steps:
        place = int(np.flatnonzero(steps == run.best_step)[0])
    else:
        place = len(steps) - 1
    if place < 0:
        return dict.fromkeys(METRICS)
    values = {name: float(column[place]) for name, column in run.held_out.items()}
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in values.items()}


def _rounded(value: float) -> float:
    return round(float(value), 5)


def table_csv(rows: Iterable[Summary]) -> str:
    """Summaries as a table, one run a line."""
    return _csv([_CSV_HEAD, *([row.to_json()[name] for name in _CSV_HEAD] for row in rows)])


def curves_csv(runs: Sequence[Run]) -> str:
    """All losses as measured, one step a line, one run a column."""
    steps = np.unique(np.concatenate([run.steps for run in runs])) if runs else np.zeros(0, np.int64)
    columns = []
    for run in runs:
        column = np.full(len(steps), np.nan)
        column[np.searchsorted(steps, run.steps)] = run.loss
        columns.append(["" if np.isnan(value) else f"{value:.6g}" for value in column])
    return _csv([("step", *(run.name for run in runs)), *zip(steps.tolist(), *columns)])


def _csv(lines: Iterable[Iterable]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
