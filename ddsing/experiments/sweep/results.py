"""What a sweep came to: its cells' losses, sizes and speeds, and each one's singing of the same phrase.

Cells are found by the names of their folders, so that a sweep of the 2021 notebooks is one too.

Public: `swept`, `names`, `all_names`, `by_voice`, `said`, `cells`, `Result`, `axes`, `matrix`, `heard_steps`,
`nearest_step`, `phrase`, `sing`.
"""

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ddsing import files
from ddsing.dataset import voices
from ddsing.dataset.voices import Voice
from ddsing.errors import TrainingError
from ddsing.experiments.curves import numbers, runs
from ddsing.experiments.curves.runs import Run
from ddsing.experiments.sweep import grid
from ddsing.files import write_atomic
from ddsing.names import key
from ddsing.sound import audio as recordings
from ddsing.sound import features as feature_stage
from ddsing.training import checkpoints, evaluation, export
from ddsing.training.folder import PREVIEWS
from ddsing.transfer import fit
from ddsing.transfer.conditioning import condition
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

MEASURES = ("loss", "held_out", "parameters", "seconds")
_PARAMETERS = re.compile(r"(_(h|n|lr|b|s)[0-9.]+(e[-+]?[0-9]+)?)+$")
_PREVIEW = re.compile(r"ckpt-(0|[1-9][0-9]{0,10})\.flac")


@dataclass(frozen=True, eq=False)
class Result:
    """A cell: its name, its parameters, and its training."""

    name: str
    values: Mapping[str, float]
    run: Run

    @property
    def steps(self) -> int:
        """Trained so far."""
        return int(self.run.steps[-1]) if len(self.run.steps) else 0


def swept(workspace: Workspace) -> list[str]:
    """The voices that have cells, by name."""
    bases = {run.name: _PARAMETERS.sub("", run.name) for run in voices.trainings(workspace)}
    with_cells = {key(base) for name, base in bases.items() if base != name and grid.cell_values(base, name)}
    return sorted({base for base in bases.values() if key(base) in with_cells}, key=str.lower)


def names(workspace: Workspace, voice: str) -> dict[str, dict[str, float]]:
    """The cells of a voice, each with its parameters, in the order of those."""
    known = ((run.name, grid.cell_values(voice, run.name)) for run in voices.trainings(workspace))
    return _in_order({name: values for name, values in known if values})


def all_names(workspace: Workspace) -> set[str]:
    """The cells of all voices."""
    there = [run.name for run in voices.trainings(workspace)]
    return {name for name in there if grid.cell_values(_PARAMETERS.sub("", name), name)}


def by_voice(found: Sequence[Voice]) -> dict[str, dict[str, dict[str, float]]]:
    """Voices without the cells among them; each has its cells, with their parameters, in the order of those.

    A cell has neither recordings nor a dataset of its own, and the name of a voice that is there before its parameters.
    """
    own = {voice.name for voice in found}
    spelled = {key(name): name for name in own}
    cells_of: dict[str, dict[str, dict[str, float]]] = {}
    for voice in sorted(found, key=lambda voice: len(voice.name)):  # so that no cell is the voice of another
        bases = (base if base in own else spelled.get(key(base), "") for base in _prefixes(voice.name))
        known = ((base, grid.cell_values(base, voice.name)) for base in bases if base in own)
        base, values = next(((base, values) for base, values in known if values), ("", None))
        # the disk is asked last: of a thousand voices few have the name of a cell
        if values and not voice.folder.is_dir() and not voice.dataset_folder.is_dir():
            cells_of.setdefault(base, {})[voice.name] = values
            own.remove(voice.name)
    return {voice.name: _in_order(cells_of.get(voice.name, {})) for voice in found if voice.name in own}


def _prefixes(name: str) -> list[str]:
    """What stands before each underscore, the shortest first."""
    return [name[:place] for place, letter in enumerate(name) if letter == "_"]


def _in_order(found: Mapping[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return dict(sorted(found.items(), key=lambda cell: (tuple(cell[1]), tuple(cell[1].values()))))


def said(values: Mapping[str, float]) -> str:
    """A cell's parameters for people: ``20 harmonics, 10 noise bands``."""
    after = {"n_harmonics": "harmonics", "n_noise_bands": "noise bands"}
    return ", ".join(
        f"{value:g} {after[name]}" if name in after else f"{grid.PARAMETERS[name][1]} {value:g}"
        for name, value in values.items()
    )


def cells(workspace: Workspace, voice: str) -> list[Result]:
    """The cells of a voice with their trainings."""
    return [Result(name, values, runs.load(workspace, name)) for name, values in names(workspace, voice).items()]


def axes(found: Sequence[Result]) -> dict[str, list[float]]:
    """The values of each parameter that the cells have, ascending."""
    present = {name: sorted({cell.values[name] for cell in found if name in cell.values}) for name in grid.PARAMETERS}
    return {name: values for name, values in present.items() if values}


def value(cell: Result, measure: str, *, step: int, smoothing_steps: float) -> float | None:
    """A cell's loss, held-out loss or timbre error at a step (or the last before), its weights, or seconds per step."""
    if measure == "parameters":
        return cell.run.n_parameters
    if measure == "seconds":
        return cell.run.seconds_per_step
    found = numbers.summary(cell.run, at=min(step, cell.steps), smoothing_steps=smoothing_steps)
    return {"held_out": found.spectral_loss, "timbre": found.timbre_db}.get(measure, found.at)


def matrix(
    found: Sequence[Result],
    rows: tuple[str, Sequence[float]],
    columns: tuple[str, Sequence[float]],
    measure: str,
    *,
    step: int,
    smoothing_steps: float = numbers.DEFAULT_SMOOTHING_STEPS,
) -> tuple[np.ndarray, list[list[Result | None]]]:
    """A measure over two parameters.

    Parameters
    ----------
    rows, columns : (str, sequence of float)
        A parameter and its values; an empty name for none, with one value.

    Returns
    -------
    values : np.ndarray [shape=(n_rows, n_columns), float64]
        NaN where there is no cell, or nothing measured.
    cells : list of list
        The cell of each, or None.
    """
    values = np.full((len(rows[1]), len(columns[1])), np.nan)
    placed: list[list[Result | None]] = [[None] * len(columns[1]) for _ in rows[1]]
    for cell in found:
        where = [_index(axis, cell.values) for axis in (rows, columns)]
        if where[0] is None or where[1] is None:
            continue
        placed[where[0]][where[1]] = cell
        number = value(cell, measure, step=step, smoothing_steps=smoothing_steps)
        values[where[0], where[1]] = np.nan if number is None else number
    return values, placed


def _index(axis: tuple[str, Sequence[float]], values: Mapping[str, float]) -> int | None:
    name, choices = axis
    if not name:
        return 0
    return list(choices).index(values[name]) if values.get(name) in choices else None


# How a cell sounds


def heard_steps(cell: Result) -> list[int]:
    """The steps at which a cell can be heard: of its previews, and of its checkpoints."""
    previews = cell.run.path / PREVIEWS
    found = {int(match[1]) for path in previews.glob("*.flac") if (match := _PREVIEW.fullmatch(path.name))}
    found |= {checkpoint.step for checkpoint in checkpoints.published(cell.run.path)}
    return sorted(found)


def nearest_step(cell: Result, step: int) -> int:
    """Where a cell is heard for a step: then, or the last time before; the first time, where there is none before."""
    steps = heard_steps(cell)
    if not steps:
        raise TrainingError(f"{cell.name!r} has no checkpoint yet, so it can't be played.")
    return max((heard for heard in steps if heard <= step), default=steps[0])


def phrase(workspace: Workspace, cell: Result, step: int) -> bytes:
    """The built-in phrase as the cell sang it at a step of `heard_steps`, as FLAC; each is sung once."""
    preview = cell.run.path / PREVIEWS / f"ckpt-{step}.flac"
    if preview.is_file():
        return preview.read_bytes()

    def render() -> bytes:
        made = export.instrument(workspace, cell.name, step=step)
        return evaluation.preview(made.config, made.weights, made.statistics)

    return _kept(workspace, f"{_sound_of(cell, step)} phrase", render)


def sing(workspace: Workspace, cell: Result, step: int, audio: np.ndarray, *, tracker: str = "tiny") -> bytes:
    """A recording as the cell sings it, moved by the octaves that suit it best, as FLAC; each is sung once.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz.
    """
    from ddsing.engine import render

    checkpoint_steps = [checkpoint.step for checkpoint in checkpoints.published(cell.run.path)]
    if not checkpoint_steps:
        raise TrainingError(f"{cell.name!r} has no checkpoint, so it can't sing a recording; train it first.")
    step = max((kept for kept in checkpoint_steps if kept <= step), default=checkpoint_steps[0])

    def work() -> bytes:
        made = export.instrument(workspace, cell.name, step=step)
        cache = feature_stage.FeatureCache(workspace.cache / "features")
        found = feature_stage.extract(audio, tracker=tracker, generation=made.config.generation, cache=cache)
        suits = fit.measure(found, made.statistics)
        asked = condition(found, made.statistics, Settings(octave_shift=suits.octave_shift))
        model = render.load(made.config, made.weights)
        sung = render.render(
            model,
            asked.f0_hz,
            asked.loudness_db,
            n_samples=len(audio),
            audio=audio,
            confidence=found.f0_confidence,
        )
        return recordings.encode(sung.audio, format="FLAC")

    return _kept(workspace, f"{_sound_of(cell, step)} {recordings.content_hash(audio)} {tracker}", work)


def _sound_of(cell: Result, step: int) -> str:
    """What a cell's sound at a step depends on."""
    return " ".join(map(str, (cell.run.path, step, *files.stamp(cell.run.path / f"ckpt-{step}.index"))))


def _kept(workspace: Workspace, what: str, work: Callable[[], bytes]) -> bytes:
    """A sound from the cache, or made now; a full disk only means that it is not kept."""
    path = workspace.cache / "sweeps" / f"{hashlib.sha256(os.fsencode(what)).hexdigest()[:32]}.flac"
    try:
        return path.read_bytes()
    except OSError:
        content = work()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except OSError:
        pass
    return content


__all__ = [
    "MEASURES",
    "Result",
    "axes",
    "by_voice",
    "cells",
    "heard_steps",
    "matrix",
    "names",
    "nearest_step",
    "phrase",
    "said",
    "sing",
    "swept",
    "value",
]
