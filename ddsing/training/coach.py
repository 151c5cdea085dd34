"""What a training's curves mean, in plain words, each with its evidence.

The guide band of 5 to 6 is for the spectral loss of the singing models: above it there is room to improve, below it an
instrument begins to learn its recordings by heart.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ddsing.constants import GUIDE_BAND
from ddsing.training.history import History, Save

FLAT_STEPS = 2_000
_FLAT_SHARE = 0.005  # a loss that falls by less than this in `FLAT_STEPS` is flat
_RISING_SHARE = 0.01
_RISING_SAVES = 3
_SLOW_SHARE = 0.5
_LATELY_STEPS = 50
_ORDER = ("error", "warning", "good", "info")


@dataclass(frozen=True)
class Advice:
    """One thing to know: `level` is ``good``, ``info``, ``warning`` or ``error``."""

    sentence: str
    evidence: str
    level: str = "info"


def advice(history: History) -> tuple[Advice, ...]:
    """What is worth saying now, most pressing first."""
    if not len(history.loss):
        return (Advice("Nothing has been trained yet.", "There is no loss on record."),)
    rules: tuple[Callable[[History], Advice | None], ...] = (_numbers, _over_fitting, _flat, _level, _pace)
    said = [remark for rule in rules if (remark := rule(history)) is not None]
    return tuple(sorted(said, key=lambda remark: _ORDER.index(remark.level)))


def _numbers(history: History) -> Advice | None:
    wrong = np.flatnonzero(~np.isfinite(history.loss))
    if not len(wrong):
        return None
    return Advice(
        "The training has gone wrong: its loss is no number any more. Go on from a checkpoint before that, with a "
        "lower learning rate.",
        f"The loss was not finite at step {int(history.steps[wrong[0]]):,}.",
        "error",
    )


def _over_fitting(history: History) -> Advice | None:
    measured = [save for save in history.saves if save.spectral_loss is not None and save.loss is not None]
    if len(measured) <= _RISING_SAVES:
        return None
    best = min(measured[:-_RISING_SAVES], key=_held_out)
    after = measured[-_RISING_SAVES:]
    rises = all(_held_out(save) > (1 + _RISING_SHARE) * _held_out(best) for save in after)
    falls = (after[-1].loss or 0.0) < (best.loss or 0.0)
    if not (rises and falls):
        return None
    return Advice(
        "The instrument learns its recordings by heart: what it has not heard gets worse. More steps will not help; "
        f"more recordings will. Step {best.step:,} is the one to export.",
        f"From step {best.step:,} to {after[-1].step:,} the held-out loss rose from {_held_out(best):.2f} to "
        f"{_held_out(after[-1]):.2f}, while the training loss fell from {best.loss:.2f} to {after[-1].loss:.2f}.",
        "warning",
    )


def _flat(history: History) -> Advice | None:
    last = int(history.steps[-1])
    span = history.steps > last - FLAT_STEPS
    if last - int(history.steps[0]) < FLAT_STEPS or span.sum() < 20 or not np.isfinite(history.loss[span]).all():
        return None
    slope, level = np.polyfit(history.steps[span] - last + FLAT_STEPS / 2, history.loss[span].astype(float), 1)
    fallen = -slope * FLAT_STEPS / max(level, 1e-9)
    if fallen >= _FLAT_SHARE:
        return None
    return Advice(
        "The loss has stopped falling. This may be as good as it gets with these recordings: listen to the previews, "
        "and stop if they no longer change.",
        f"Over the last {FLAT_STEPS:,} steps the loss changed by {-100 * fallen:+.1f} %, around {level:.2f}.",
    )


def _level(history: History) -> Advice | None:
    lately = history.loss[history.steps > history.steps[-1] - _LATELY_STEPS]
    value = float(np.median(lately))
    if not np.isfinite(value):
        return None
    low, high = GUIDE_BAND
    evidence = f"The loss of the last {min(_LATELY_STEPS, len(history.loss))} steps is about {value:.2f}."
    if value > high:
        return Advice(
            f"There is room to improve: let it go on. Good instruments lie between {low:g} and {high:g}.", evidence
        )
    if value < low:
        return Advice(
            f"Below {low:g} over-fitting is likely: compare the held-out loss, and listen to earlier previews too.",
            evidence,
            "warning",
        )
    return Advice("This is where good instruments lie. Listen, and stop when you like it.", evidence, "good")


def _pace(history: History) -> Advice | None:
    speeds = history.steps_per_s[history.steps_per_s > 0]
    if len(speeds) < 4 * _LATELY_STEPS:
        return None
    usual, lately = float(np.median(speeds)), float(np.median(speeds[-_LATELY_STEPS:]))
    if lately > _SLOW_SHARE * usual:
        return None
    return Advice(
        "It has become slow: something else may be using this computer.",
        f"{lately:.2g} steps a second lately, {usual:.2g} usually.",
    )


def _held_out(save: Save) -> float:
    assert save.spectral_loss is not None
    return save.spectral_loss
