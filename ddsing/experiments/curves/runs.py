"""The runs of a workspace, each as its files tell it.

Steps that a resumed training did again count as they went the last time (see `ddsing.formats.event_log`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsing.dataset.voices import CHECKPOINTS, Voice
from ddsing.errors import DatasetError, DdsingError
from ddsing.experiments.curves import kept
from ddsing.files import existing
from ddsing.model.config import ModelConfig
from ddsing.training import folder as training_folder
from ddsing.training import history as histories
from ddsing.training import recipe as recipes
from ddsing.workspace import Workspace

METRICS = ("spectral_loss", "f0_cents", "loudness_db", "timbre_db")
_SWEPT = re.compile(r"(.+?)_h\d+_n\d+")


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


def names(workspace: Workspace) -> list[str]:
    """The runs of a workspace: everything with an event file, by name."""
    return list(training_folder.trained(workspace))


def folder_of(workspace: Workspace, name: str) -> Path:
    """A run's folder; raises `DatasetError` if there is none of that name."""
    path = existing(workspace.audio, name, CHECKPOINTS)
    if path is None or not path.is_dir():
        known = ", ".join(map(repr, names(workspace)[:8])) or "none yet"
        raise DatasetError(f"No training run named {name[:80]!r}; choose from: {known}.")
    return path


def load(workspace: Workspace, name: str) -> Run:
    """A run; raises `DatasetError` if there is none of that name."""
    path = folder_of(workspace, name)
    place, stamp = kept.place(workspace, path), kept.fingerprint(path)
    found = kept.read(place, stamp)
    if found is None:
        found = _parsed(path)
        kept.write(place, stamp, *found)
    facts, arrays = found
    return Run(
        name=name,
        voice=facts["voice"] or name,
        family=facts["family"],
        path=path,
        config=None if facts["config"] is None else ModelConfig.from_json(facts["config"]),
        steps=arrays["steps"],
        loss=arrays["loss"],
        held_out_steps=arrays["held_out"][0].astype(np.int64),
        held_out=dict(zip(METRICS, arrays["held_out"][1:])),
        seconds_per_step=facts["seconds_per_step"],
        best_step=facts["best_step"],
    )


def _parsed(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """(facts, arrays) of a run from its own files."""
    history = histories.read(path)
    config, family = _model(path, history.recipe.get("config"))
    measured = [save for save in history.saves if save.spectral_loss is not None]
    held_out = np.array([[getattr(save, name) for save in measured] for name in ("step", *METRICS)], np.float64)
    speeds = history.steps_per_s[history.steps_per_s > 0]
    facts = {
        "voice": _voice(path),
        "family": family,
        "config": None if config is None else config.to_json(),
        "seconds_per_step": round(float(1.0 / np.median(speeds)), 6) if len(speeds) else None,
        "best_step": history.best_step,
    }
    finite = np.isfinite(history.loss)
    return facts, {"steps": history.steps[finite], "loss": history.loss[finite], "held_out": held_out}


def _voice(path: Path) -> str:
    """Whose dataset a run is trained on; "" for its own."""
    how = training_folder.begun(path)
    if how is not None and how.dataset_of:
        return how.dataset_of
    run = Voice.of(path)
    match = _SWEPT.fullmatch(run.name)
    return match[1] if match and run.beside(match[1]).there else ""


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


def _size(model: ModelConfig) -> tuple:
    return model.rnn_channels, model.ch, model.layers_per_stack, model.z
