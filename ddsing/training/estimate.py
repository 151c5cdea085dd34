"""How long a training will take on this machine, learnt from its own runs.

Each run leaves, in the workspace's cache, how long a step and a save took it, by machine and by what was trained. A
model that has not been trained here yet is reckoned from the one most like it, by a rough count of the work in a
step. What comes before the first step is learnt by the run's clock (`ddsing.jobs.paces`), for `parts` and `seconds`.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddsing.dataset.voices import Voice
from ddsing.files import read_json, write_json
from ddsing.jobs import paces
from ddsing.jobs.paces import Paces, machine_name
from ddsing.jobs.time_left import Part
from ddsing.model.config import ModelConfig
from ddsing.training import checkpoints, folder, preparing
from ddsing.training.recipe import Z_RATES, Config, Recipe, resolved
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.training.ready import Ready

_NAME = "training_pace.json"
_MAX_ENTRIES = 100
_TELLING_STEPS = 5  # a run of fewer says little
# Before the first step, until it is known here, as `benchmarks.start` measures it: TensorFlow is loaded and the model
# built in threads, beside the head start where there is one, so that little of it is left after that.
_LOADING_S, _BUILDING_S, _BUILDING_BESIDE_S = 0.5, 8.0, 2.5
_HEAD_START_SHARE = 0.08  # of a step's time, for a step of it
BUILDING = "building"  # the part that ends with the first step
TOP = "train/top"  # what the pace of making a top is kept under; its unit is a second of recordings
_TOP_S = 0.15
# Two cores of 2023, 4,000 frames in a step: 1.53 s for `singing`, of which 1.27 s are the network, and 0.27 s for
# `singing_small`; from 60 to 100 harmonics it is a fifth more.
_NETWORK_S = 1.27 / (4_000 * 4.8e6)  # per frame and weight
_SYNTHESIS_S = (0.117 / 4_000, 0.0014 / 4_000)  # per frame; per frame and harmonic
_QUICK_Z_S = 0.1 / (4_000 * 500)  # per frame and how often z is heard in 4 seconds, where that is often


def seconds(workspace: Workspace, recipe: Recipe, *, done: int = 0) -> tuple[float, str]:
    """Seconds for the recipe's steps after the `done` first, and in a few words where that is known from.

    What comes before the first step is counted: the libraries, the model, and the head start of a training that begins.
    The preparation of a dataset is not, see `ddsing.training.preparing`.
    """
    config = resolved(recipe)
    work = _work(config.model, config.batch_size, config.window_frames, recipe.mixed_precision)
    machine = machine_name()
    entry, why = _entry(_read(workspace).get(machine, {}), work)
    alone = Paces(workspace.cache / paces.NAME, machine=machine, crowd=0.0)  # how busy it is now says little of hours
    start_s = sum(part.expected_s for part in _start(alone, entry, config, work, done))
    steps_s = max(0, config.steps - done) * entry["seconds_per_step"]
    return start_s + steps_s + n_saves(done, config.steps, config.save_every) * entry["seconds_per_save"], why


def _entry(known: Mapping, work: Mapping) -> tuple[Mapping, str]:
    """Seconds of a step, of a save, and perhaps of a step of the head start; and where they are known from."""
    exact = known.get(_key(work))
    if exact:
        return exact, "based on earlier runs of this model on this computer"
    if known:
        entry = min(known.values(), key=lambda other: abs(math.log(_cost(work) / _cost(other["work"]))))
        ratio = _cost(work) / _cost(entry["work"])
        scaled = {**entry, "seconds_per_step": entry["seconds_per_step"] * ratio}
        if "seconds_per_head_start_step" in entry:
            scaled["seconds_per_head_start_step"] = entry["seconds_per_head_start_step"] * ratio
        return scaled, "based on runs of another model on this computer"
    guess = {"seconds_per_step": _cost(work), "seconds_per_save": 3.0}
    return guess, "a guess: no training runs on this computer yet"


def _start(known: Paces, entry: Mapping, config: Config, work: Mapping, done: int) -> list[Part]:
    """What comes before the first step, whose time belongs to the building."""
    model, n_steps = _key(work), 0 if done else config.head_start_steps
    a_step_s = entry.get("seconds_per_head_start_step", _HEAD_START_SHARE * entry["seconds_per_step"])
    building, building_s = ("building beside", _BUILDING_BESIDE_S) if n_steps else ("building", _BUILDING_S)
    return [
        known.part("loading", 1, "train/loading", guess_s=_LOADING_S, turn=1),
        known.part("head start", n_steps, f"train/head start/{model}", guess_s=a_step_s, turn=2),
        known.part(BUILDING, 1, f"train/{building}/{model}", guess_s=building_s, turn=3),
    ]


def parts(known: Paces, workspace: Workspace, where: folder.Where, recipe: Recipe) -> list[Part]:
    """The parts of a training, each with what it is expected to take here."""
    path = where.path
    how = folder.begun(path)
    recipe = recipe.merged(how.recipe) if how else recipe
    config = resolved(recipe)
    work = _work(config.model, config.batch_size, config.window_frames, recipe.mixed_precision)
    done = max((checkpoint.step for checkpoint in checkpoints.published(path)), default=0)
    entry, _ = _entry(_read(workspace).get(machine_name(), {}), work)
    model, n_saves_left = _key(work), n_saves(done, config.steps, config.save_every)
    step_s, save_s = entry["seconds_per_step"], entry["seconds_per_save"]
    parts = [
        Part("preparing", preparing.seconds(where.source, recipe)),
        *_start(known, entry, config, work, done),
        known.part("training", max(0, config.steps - done - 1), f"train/step/{model}", guess_s=step_s, turn=4),
        known.part("saving", n_saves_left, f"train/save/{model}", guess_s=save_s, turn=4),
    ]
    return [*parts, _top(known, where.source)] if recipe.full_band else parts


def top_seconds(known: Paces, source: Voice) -> float:
    """How long the top of a voice's instrument takes to make here, once the model is trained."""
    return _top(known, source).expected_s


def _top(known: Paces, source: Voice) -> Part:
    from ddsing.training import top  # only where it is asked for: it imports the fit

    return known.part("exporting", top.sound_s(source), TOP, guess_s=_TOP_S, turn=5)


def n_saves(done: int, steps: int, save_every: int) -> int:
    """How many saves are left of a training."""
    return math.ceil(steps / save_every) - done // save_every if done < steps else 0


def learn(workspace: Workspace, ready: "Ready", durations_s: list[float], saves_s: list[float]) -> None:
    """Keep how fast a run was. A cache that can't be written is no harm."""
    if len(durations_s) <= _TELLING_STEPS:
        return
    work = _work(ready.config.model, ready.batch_size, ready.config.window_frames, ready.recipe.mixed_precision)
    machines = _read(workspace)
    entries = machines.setdefault(machine_name(), {})
    entry = {
        **_head_start(entries.get(_key(work), {}), ready),
        "work": work,
        "seconds_per_step": float(np.mean(durations_s[1:])),  # the first step builds the model
        "seconds_per_save": float(np.mean(saves_s)) if saves_s else 3.0,
        "steps": len(durations_s),
        "date": time.time(),
    }
    entries[_key(work)] = entry
    while len(entries) > _MAX_ENTRIES:
        entries.pop(min(entries, key=lambda key: entries[key]["date"]))
    try:
        write_json(_path(workspace), machines, indent=None)
    except OSError:
        return


def _head_start(before: Mapping, ready: "Ready") -> dict:
    """How long a step of the head start takes, as measured now or before."""
    n_steps = ready.config.head_start_steps
    if ready.head_start_s and n_steps:
        return {"seconds_per_head_start_step": ready.head_start_s / n_steps}
    return {name: before[name] for name in ("seconds_per_head_start_step",) if name in before}


def _work(model: ModelConfig, batch_size: int, window_frames: int, mixed_precision: bool) -> dict:
    weights = sum(math.prod(shape) for shape in model.weight_shapes().values())
    return {
        "weights": weights,
        "frames": batch_size * window_frames,
        "harmonics": model.n_harmonics,
        "mixed": mixed_precision,
    } | ({"z": model.z.z_time_steps} if model.z and model.z.z_time_steps > Z_RATES[0] else {})


def _cost(work: Mapping) -> float:
    """Seconds of a step on a certain computer; only ratios count."""
    fixed, by_harmonic = _SYNTHESIS_S
    z_s = _QUICK_Z_S * work.get("z", 0)
    return work["frames"] * (_NETWORK_S * work["weights"] + fixed + by_harmonic * work["harmonics"] + z_s)


def _key(work: Mapping) -> str:
    return "-".join(str(work[name]) for name in ("weights", "frames", "harmonics", "mixed", "z") if name in work)


def _path(workspace: Workspace) -> Path:
    return workspace.cache / _NAME


def _read(workspace: Workspace) -> dict:
    machines = read_json(_path(workspace)) or {}
    try:
        for entries in machines.values():
            for entry in entries.values():
                head_start_s = entry.get("seconds_per_head_start_step", 0.0)
                if not (0 < entry["seconds_per_step"] < 1e6 and 0 <= entry["seconds_per_save"] < 1e6):
                    return {}
                if not 0 <= head_start_s < 1e6:
                    return {}
                _cost(entry["work"])
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}
    return machines
