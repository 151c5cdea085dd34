"""Preparing what a training is trained on: whether it needs to be, with which pitch tracker, and how long that takes.

A dataset is analysed again only where it has to be, and then with the tracker that it was prepared with, unless another
one is asked for. Page, command line and run ask here, so that what is said beforehand is what is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ddsing.constants import TRACKERS
from ddsing.dataset import facts, prepare

if TYPE_CHECKING:
    from ddsing.dataset.voices import Voice
    from ddsing.training.recipe import Recipe


def needed(source: Voice) -> bool:
    """Whether a dataset is prepared before a training on it; one of 2021 is taken as it is."""
    if not source.recordings() or (source.prepared and not facts.made_here(source)):
        return False
    return not prepare.is_current(source)


def tracker(source: Voice, recipe: Recipe | None = None) -> str:
    """With which pitch tracker: the recipe's, else the dataset's own, else the best."""
    return (recipe.tracker if recipe else None) or facts.tracker(source) or TRACKERS[0]


def seconds(source: Voice, recipe: Recipe | None = None) -> float:
    """How long the preparation will take here; 0 where none is needed."""
    return prepare.estimate_seconds(source, tracker=tracker(source, recipe)) if needed(source) else 0.0
