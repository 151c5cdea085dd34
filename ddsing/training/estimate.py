"""How long a training will take on this machine, learnt from its own runs.

Each run leaves, in the workspace's cache, how long a step and a save took it, by machine and by what was trained. A
model that has not been trained here yet is reckoned from the one most like it, by a rough count of the work in a
step.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddsing.files import read_json, write_json
from ddsing.jobs.paces import Paces, machine_name
from ddsing.jobs.time_left import Part
from ddsing.model.config import ModelConfig
from ddsing.training import checkpoints, folder
from ddsing.training.recipe import Recipe, resolved
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.training.ready import Ready

_NAME = "training_pace.json"
_MAX_ENTRIES = 100
_TELLING_STEPS = 5  # a run of fewer says little
_START_S = 20.0  # importing TensorFlow and building the model
_LOADING_S = 5.0  # of which
_HEAD_START_STEP = 0.25  # of a step's time
BUILDING = "building"  # the part that ends with the first step
# Two cores of 2023, 4,000 frames in a step: 1.53 s for `singing`, of which 1.27 s are the network, and 0.27 s for
# `singing_small`; from 60 to 100 harmonics it is a fifth more.
_NETWORK_S = 1.27 / (4_000 * 4.8e6)  # per frame and weight
_SYNTHESIS_S = (0.117 / 4_000, 0.0014 / 4_000)  # per frame; per frame and harmonic


def seconds(workspace: Workspace, recipe: Recipe) -> tuple[float, str]:
    """Seconds for all of the recipe's steps, and in a few words where that is known from."""
    config = resolved(recipe)
    work = _work(config.model, config.batch_size, config.window_frames, recipe.mixed_precision)
    known = _read(workspace).get(machine_name(), {})
    exact = known.get(_key(work))
    if exact:
        return _total(exact, config.steps, config.save_every), "from trainings of this model on this computer"
    if known:
        entry = min(known.values(), key=lambda other: abs(math.log(_cost(work) / _cost(other["work"]))))
        scaled = {**entry, "seconds_per_step": entry["seconds_per_step"] * _cost(work) / _cost(entry["work"])}
        return _total(scaled, config.steps, config.save_every), "from trainings of another model on this computer"
    guess = {"seconds_per_step": _cost(work), "seconds_per_save": 3.0}
    return _total(guess, config.steps, config.save_every), "a guess: nothing has been trained on this computer yet"


def parts(known: Paces, workspace: Workspace, path: Path, recipe: Recipe) -> list[Part]:
    """The parts of a training in a ``<voice>_checkpoints`` folder, each with what it is expected to take here."""
    how = folder.begun(path)
    recipe = recipe.merged(how.recipe) if how else recipe
    config = resolved(recipe)
    work = _work(config.model, config.batch_size, config.window_frames, recipe.mixed_precision)
    done = max((checkpoint.step for checkpoint in checkpoints.published(path)), default=0)
    step_s = (
        seconds(workspace, replace(recipe, steps=2000))[0] - seconds(workspace, replace(recipe, steps=1000))[0]
    ) / 1e3
    model, n_saves_left = _key(work), n_saves(done, config.steps, config.save_every)
    head_start = 0 if done else config.head_start_steps
    return [
        Part("preparing", 0.0),
        known.part("loading", 1, "train/loading", guess_s=_LOADING_S, turn=1),
        known.part("head start", head_start, f"train/head start/{model}", guess_s=_HEAD_START_STEP * step_s, turn=2),
        known.part(BUILDING, 1, f"train/building/{model}", guess_s=_START_S - _LOADING_S, turn=3),
        known.part("training", max(0, config.steps - done - 1), f"train/step/{model}", guess_s=step_s, turn=4),
        known.part("saving", n_saves_left, f"train/save/{model}", guess_s=3.0, turn=4),
    ]


def n_saves(done: int, steps: int, save_every: int) -> int:
    """How many saves are left of a training."""
    return math.ceil(steps / save_every) - done // save_every if done < steps else 0


def learn(workspace: Workspace, ready: "Ready", durations_s: list[float], saves_s: list[float]) -> None:
    """Keep how fast a run was. A cache that can't be written is no harm."""
    if len(durations_s) <= _TELLING_STEPS:
        return
    work = _work(ready.config.model, ready.batch_size, ready.config.window_frames, ready.recipe.mixed_precision)
    entry = {
        "work": work,
        "seconds_per_step": float(np.mean(durations_s[1:])),  # the first step builds the model
        "seconds_per_save": float(np.mean(saves_s)) if saves_s else 3.0,
        "steps": len(durations_s),
        "date": time.time(),
    }
    machines = _read(workspace)
    entries = machines.setdefault(machine_name(), {})
    entries[_key(work)] = entry
    while len(entries) > _MAX_ENTRIES:
        entries.pop(min(entries, key=lambda key: entries[key]["date"]))
    try:
        write_json(_path(workspace), machines, indent=None)
    except OSError:
        return


def _total(entry: Mapping, steps: int, save_every: int) -> float:
    return _START_S + steps * entry["seconds_per_step"] + math.ceil(steps / save_every) * entry["seconds_per_save"]


def _work(model: ModelConfig, batch_size: int, window_frames: int, mixed_precision: bool) -> dict:
    weights = sum(math.prod(shape) for shape in model.weight_shapes().values())
    return {
        "weights": weights,
        "frames": batch_size * window_frames,
        "harmonics": model.n_harmonics,
        "mixed": mixed_precision,
    }


def _cost(work: Mapping) -> float:
    """Seconds of a step on a certain computer; only ratios count."""
    fixed, by_harmonic = _SYNTHESIS_S
    return work["frames"] * (_NETWORK_S * work["weights"] + fixed + by_harmonic * work["harmonics"])


def _key(work: Mapping) -> str:
    return "-".join(str(work[name]) for name in ("weights", "frames", "harmonics", "mixed"))


def _path(workspace: Workspace) -> Path:
    return workspace.cache / _NAME


def _read(workspace: Workspace) -> dict:
    machines = read_json(_path(workspace)) or {}
    try:
        for entries in machines.values():
            for entry in entries.values():
                if not (0 < entry["seconds_per_step"] < 1e6 and 0 <= entry["seconds_per_save"] < 1e6):
                    return {}
                _cost(entry["work"])
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}
    return machines
