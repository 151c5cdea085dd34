"""What works once a training has diverged: to go on from its last good checkpoint with smaller steps, in 32 bits.

Gone on with as it was, it meets the same windows with the same step size, and would very probably diverge again.
"""

from dataclasses import replace
from pathlib import Path

from ddsing.training import folder
from ddsing.training.recipe import LIMITS, Recipe

SLOWER = 3.0  # times


def learning_rate(path: Path) -> float | None:
    """The rate that the training in a folder was started with the last time; None where nobody can tell."""
    how = folder.begun(path)
    asked = how.recipe.get("learning_rate") if how is not None else None
    if isinstance(asked, float | int):
        return float(asked)
    trained = folder.config(path)
    return None if trained is None else trained.learning_rate


def lower_learning_rate(path: Path) -> float | None:
    """A third of it; None where that is unknown, or less than a training takes."""
    rate = learning_rate(path)
    lower = None if rate is None else float(f"{rate / SLOWER:.3g}")
    return lower if lower is not None and lower >= LIMITS["learning_rate"][0] else None


def gentler(recipe: Recipe, path: Path) -> Recipe | None:
    """The same recipe with a lower learning rate and without mixed precision; None where it can't be lower."""
    lower = lower_learning_rate(path)
    return None if lower is None else replace(recipe, learning_rate=lower, mixed_precision=False)


def advice(path: Path) -> str:
    """In a sentence what works, with the number."""
    lower = lower_learning_rate(path)
    such_as = "" if lower is None else f", such as a third of it, {lower:g}"
    how = folder.begun(path)
    mixed = how is not None and how.recipe.get("mixed_precision") is True
    return f"Continue with a lower learning rate{such_as}{', and without mixed precision' if mixed else ''}."
