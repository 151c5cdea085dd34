"""The cells of a sweep: every combination of some parameters' values, each a training with a name of its own.

Public: `Sweep`, `Cell`, `Cost`, `cost`, `PARAMETERS`, `ORIGINAL`.
"""

import itertools
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ddsing import names
from ddsing.dataset import voices
from ddsing.dataset.voices import CHECKPOINTS, Voice
from ddsing.errors import DatasetError, SettingsError
from ddsing.experiments.sweep.parameters import ORIGINAL, PARAMETERS
from ddsing.files import MAX_NAME_BYTES, safe_name
from ddsing.jobs.time_left import around
from ddsing.training import checkpoints, estimate, preparing, recipe
from ddsing.training.recipe import Config, Recipe
from ddsing.units import format_range
from ddsing.workspace import Workspace

MAX_CELLS = 400
KEEP = 1  # checkpoints of a cell, beside those of `_WORTH`
_WORTH = 2  # that with the lowest loss, and the chosen one
_STEP_BYTES = 130  # in the event file: 123 were measured
_SAVE_BYTES = 170_000  # a preview of five seconds as FLAC, 156 kB where the voice is still noise, and a line of history
_NUMBER = r"[0-9.]+(?:e[-+]?[0-9]+)?"
_SUFFIX = re.compile("".join(f"(?:_{short}(?P<{name}>{_NUMBER}))?" for name, (short, _) in PARAMETERS.items()))


@dataclass(frozen=True)
class Cell:
    """One training of a sweep: its name, the parameters that make it different, and its recipe."""

    name: str
    values: Mapping[str, float]
    recipe: Recipe


@dataclass(frozen=True)
class Sweep:
    """A voice, the values of each parameter, and what all cells have in common.

    Attributes
    ----------
    axes : Mapping[str, tuple[float, ...]]
        By the names of `PARAMETERS`; every combination is trained.
    recipe : Recipe
        Of all cells.
    """

    voice: str
    axes: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: dict(ORIGINAL))
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        unknown = set(self.axes) - set(PARAMETERS)
        if unknown:
            raise SettingsError(f"A sweep can't vary {sorted(unknown)[0][:60]!r}; it can vary {', '.join(PARAMETERS)}.")
        axes = {name: tuple(dict.fromkeys(self.axes[name])) for name in PARAMETERS if self.axes.get(name)}
        if not axes:
            raise SettingsError("A sweep needs values for at least one parameter, such as --harmonics 20 60 100.")
        n_cells = math.prod(len(values) for values in axes.values())
        if n_cells > MAX_CELLS:
            raise SettingsError(f"That would be {n_cells:,} runs; one sweep can have at most {MAX_CELLS}.")
        object.__setattr__(self, "axes", axes)

    def cells(self) -> tuple[Cell, ...]:
        """All trainings, in the order of their values; raises `SettingsError` for a value that no recipe takes."""
        found = []
        for combination in itertools.product(*self.axes.values()):
            values = dict(zip(self.axes, combination))
            found.append(
                Cell(cell_name(self.voice, values), values, Recipe.from_options(self.recipe.to_json() | values))
            )
        return tuple(found)

    def to_options(self) -> dict:
        """Plain values, for a job."""
        axes = {name: list(values) for name, values in self.axes.items()}
        return {"voice": self.voice, "axes": axes, "recipe": self.recipe.to_json()}

    @classmethod
    def from_options(cls, options: Mapping) -> "Sweep":
        """The sweep that `to_options` described."""
        axes = {name: tuple(values) for name, values in options["axes"].items()}
        return cls(options["voice"], axes, Recipe.from_options(options["recipe"]))


@dataclass(frozen=True)
class Cost:
    """What a sweep takes: of `n_cells` trainings `n_left` are not done yet, about `seconds` and `n_bytes` of disk."""

    n_cells: int
    n_left: int
    seconds: float
    why: str
    n_bytes: int


def parsed_values(name: str, text: str) -> tuple[float, ...]:
    """A parameter's values from ``20, 60 100``."""
    kind = float if name == "learning_rate" else int
    try:
        return tuple(kind(word) for word in text.replace(",", " ").split())
    except ValueError:
        label = PARAMETERS[name][1]
        raise SettingsError(f"The {label} are {text[:80]!r}; write numbers, such as 8, 16.") from None


def cell_name(voice: str, values: Mapping[str, float]) -> str:
    """``Aria_h60_n35``, as the 2021 notebooks called it."""
    parts = [f"_{PARAMETERS[name][0]}{values[name]:g}" for name in PARAMETERS if name in values]
    name = voice + "".join(parts)
    if len(os.fsencode(names.on_disk(name + CHECKPOINTS))) > MAX_NAME_BYTES:
        raise DatasetError(
            f"The voice {voice[:60]!r} has too long a name for a sweep; {safe_name(voice)[:40]!r} would do."
        )
    return name


def cell_values(voice: str, name: str) -> dict[str, float] | None:
    """The parameters in a cell's name; None if it is no cell of this voice."""
    voice, name = names.key(voice), names.key(name)
    match = _SUFFIX.fullmatch(name.removeprefix(voice)) if name.startswith(f"{voice}_") else None
    if match is None:
        return None
    try:
        found = {key: float(text) for key, text in match.groupdict().items() if text}
    except ValueError:
        return None
    return {key: int(value) if key not in ("learning_rate",) else value for key, value in found.items()} or None


def steps_of(cell: Cell) -> int:
    """How many steps a cell is to be trained."""
    return cell.recipe.steps or recipe.resolved(cell.recipe).steps


def steps_done(workspace: Workspace, cell: Cell) -> int:
    """The step of a cell's newest checkpoint, 0 without one."""
    path = Voice.named(workspace.audio, cell.name).checkpoints_folder
    published = checkpoints.published(path) if path.is_dir() else ()
    return published[-1].step if published else 0


def left(workspace: Workspace, sweep: Sweep) -> list[tuple[Cell, int]]:
    """The cells that are not done, each with the step that it is at."""
    found = [(cell, steps_done(workspace, cell)) for cell in sweep.cells()]
    return [(cell, done) for cell, done in found if done < steps_of(cell)]


def cost(workspace: Workspace, sweep: Sweep) -> Cost:
    """What is left of a sweep, and what that will take on this computer."""
    total_s, n_bytes, whys = 0.0, 0, []
    cells = left(workspace, sweep)
    for cell, done in cells:
        needed_s, why = estimate.seconds(workspace, cell.recipe, done=done)
        total_s += needed_s
        n_bytes += (KEEP + _WORTH) * checkpoints.n_bytes(recipe.resolved(cell.recipe).model)
        whys.append(why)
    why = max(set(whys), key=whys.count) if whys else "everything is done"
    source = voices.get(workspace, sweep.voice)
    if cells and preparing.needed(source):
        first_s = preparing.seconds(source, sweep.recipe)
        total_s += first_s
        with_tracker = f"with the {preparing.tracker(source, sweep.recipe)} tracker"
        why += f"; about {format_range(*around(first_s))} of it prepares the dataset first, {with_tracker}"
    return Cost(len(sweep.cells()), len(cells), round(total_s, 1), why, n_bytes)


def room_bytes(workspace: Workspace, sweep: Sweep) -> int:
    """Free disk that what is left of a sweep takes: what stays of each cell, and room to replace a checkpoint.

    While a checkpoint is published the one that it replaces is still there, and a training saves only where twice a
    checkpoint is free (`ddsing.training.checkpoints.require_room`).
    """
    configs = [recipe.resolved(cell.recipe) for cell, _ in left(workspace, sweep)]
    each = [checkpoints.n_bytes(config.model) for config in configs]
    return (KEEP + _WORTH) * sum(each) + 2 * max(each, default=0) + sum(map(_beside_bytes, configs))


def _beside_bytes(config: Config) -> int:
    """What a training leaves beside its checkpoints: previews, event files and history."""
    return _STEP_BYTES * config.steps + _SAVE_BYTES * -(-config.steps // config.save_every)
