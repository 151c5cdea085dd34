"""How long a training will take on this machine, learnt from its own finished runs."""

from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace


def seconds(workspace: Workspace, recipe: Recipe, *, trial: bool = False) -> tuple[float, str]:
    """Seconds for all of the recipe's steps, and in a few words where that is known from.

    With `trial`, a machine that knows nothing yet tries a few steps (some twenty seconds).
    """
    raise NotImplementedError
