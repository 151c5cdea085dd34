"""Trainings that fit into a time: the way of teaching that measured best, for as many steps as this computer does.

What was measured is in ``benchmarks/TEACHING.md``. The time counts all: preparing the dataset, the steps, the saves.
"""

import math
from dataclasses import dataclass, replace

from ddsing.constants import TRACKERS
from ddsing.dataset.voices import Voice
from ddsing.errors import SettingsError, TrainingError
from ddsing.training import checkpoints, estimate, folder, preparing
from ddsing.training.recipe import LIMITS, Recipe, resolved
from ddsing.workspace import Workspace

WAY = Recipe(config="singing_z_small", z_time_steps=500, lr_end=0.03, macros=(("loss_mel", 0.5), ("z_noise", 0.5)))
_SHARE = 0.9  # of the time that is planned for: paces vary
_PREPARING_SHARE = 1 / 3  # of the time, at most, that the pitch tracker may take
_FEWEST = 10  # steps
_RATHER = TRACKERS[:3]  # the best first; the instant one is none for datasets that a voice is taught with


@dataclass(frozen=True)
class Preset:
    """A training by how long it may take.

    Attributes
    ----------
    name, title, description : str
        For the command line; what people read; and in a sentence, what it gives.
    time_s : float
    n_saves : int
        How often it is saved on the way, and can be heard.
    """

    name: str
    title: str
    description: str
    time_s: float
    n_saves: int


PRESETS = (
    Preset(
        "hour",
        "In an hour",
        "Your recordings are prepared, learnt from and made into an instrument in about an hour. Its vowels follow the "
        "recording that it sings.",
        3600.0,
        12,
    ),
    Preset(
        "overnight",
        "Overnight",
        "The same, but it learns for eight hours: for ten minutes of recordings or more. Of less than that, an hour "
        "learns nearly all.",
        8 * 3600.0,
        24,
    ),
)


def get(name: str) -> Preset:
    """A preset by its name."""
    found = {preset.name: preset for preset in PRESETS}
    if name not in found:
        raise SettingsError(f"There is no preset {name[:60]!r}; there are {' and '.join(found)}.")
    return found[name]


def recipe(workspace: Workspace, voice_name: str, name: str, chosen: Recipe = Recipe()) -> Recipe:  # noqa: B008
    """What a voice is trained by in a preset's time; what `chosen` says is kept, and with a model of its own all of it.

    A training that was stopped before its last step goes on to it; one that got there goes on for the time.
    """
    preset, where = get(name), folder.locate(workspace, voice_name)
    done = max((checkpoint.step for checkpoint in checkpoints.published(where.path)), default=0)
    if done:
        return _going_on(workspace, preset, where, done, chosen)
    wanted = chosen if chosen.config else chosen.merged(WAY.to_json())
    wanted = replace(wanted, tracker=_tracker(where.source, wanted, preset.time_s))
    left_s = _SHARE * preset.time_s - preparing.seconds(where.source, wanted)
    n_steps = wanted.steps or _n_steps(workspace, wanted, left_s, preset.n_saves)
    return replace(wanted, steps=n_steps, save_every=wanted.save_every or math.ceil(n_steps / preset.n_saves))


def _going_on(workspace: Workspace, preset: Preset, where: folder.Where, done: int, chosen: Recipe) -> Recipe:
    how = folder.begun(where.path)
    if how is None or not how.recipe:
        raise TrainingError(
            f"{where.voice.name!r} was started by the 2021 notebooks. Choose its steps instead of a preset."
        )
    begun = Recipe.from_options(how.recipe)
    if chosen.steps or (begun.steps or resolved(begun).steps) > done:
        return chosen
    time_s = _SHARE * preset.time_s - preparing.seconds(where.source, chosen)
    wanted = replace(chosen.merged(how.recipe), head_start_steps=0)
    n_steps = _n_steps(workspace, wanted, time_s, preset.n_saves)
    return replace(
        chosen, steps=done + n_steps, lr_end=chosen.lr_end or begun.lr_end
    )  # the rate falls over all of them


def _tracker(source: Voice, wanted: Recipe, time_s: float) -> str:
    """The pitch tracker of the dataset: the best that leaves most of the time to the training."""
    if wanted.tracker or not preparing.needed(source):
        return preparing.tracker(source, wanted)
    takes_s = {tracker: preparing.seconds(source, replace(wanted, tracker=tracker)) for tracker in _RATHER}
    return next((tracker for tracker in _RATHER if takes_s[tracker] <= _PREPARING_SHARE * time_s), _RATHER[-1])


def _n_steps(workspace: Workspace, wanted: Recipe, time_s: float, n_saves: int) -> int:
    """The steps that fit into a time, with their saves; all are told by `estimate.seconds`, which is linear in them."""

    def takes_s(steps: int, save_every: int) -> float:
        return estimate.seconds(workspace, replace(wanted, steps=steps, save_every=save_every))[0]

    of_1000_s = takes_s(1000, 1000)
    step_s, save_s = (takes_s(2000, 2000) - of_1000_s) / 1000, takes_s(1000, 500) - of_1000_s
    first_s = of_1000_s - 1000 * step_s - save_s
    fit = int((time_s - first_s - n_saves * save_s) / step_s)
    return max(_FEWEST, min(fit, int(LIMITS["steps"][1])))
