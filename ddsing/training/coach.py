"""What a training's curves mean, in plain words, each with its evidence.

First of all whether the voice sings the pitch: by the share of the energy that its harmonics carry, how much of what
should be sung has a pitch, and how far off it is. When to stop follows what chooses the checkpoint
(`ddsing.training.judge`).

The guide band of 5 to 6 is for the spectral loss of the singing models: above it there is room to improve, below it an
instrument begins to learn its recordings by heart.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ddsing.constants import GUIDE_BAND
from ddsing.training import judge
from ddsing.training.history import History, Save
from ddsing.units import format_number

FLAT_STEPS = 2_000
_FLAT_SHARE = 0.005  # a loss that falls by less than this in `FLAT_STEPS` is flat
_RISING_SHARE = 0.01
_RISING_SAVES = 3
_SLOW_SHARE = 0.5
_LATELY_STEPS = 50
LATE_STEPS = 2_000  # by then every voice of ours sang
_LEAST_HARMONIC, _LEAST_VOICING, _MOST_CENTS = 0.5, 0.5, 50.0
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
        return (Advice("No steps trained yet.", "No loss has been recorded."),)
    unsung = _unsung(history)
    rules: tuple[Callable[[History], Advice | None], ...] = (_over_fitting, _flat, _level)
    if unsung is not None:  # before it sings, the loss tells nothing
        rules = ()
    found = [_numbers(history), unsung, *(rule(history) for rule in rules), _pace(history)]
    said = [remark for remark in found if remark is not None]
    return tuple(sorted(said, key=lambda remark: _ORDER.index(remark.level)))


def _numbers(history: History) -> Advice | None:
    wrong = np.flatnonzero(~np.isfinite(history.loss))
    if not len(wrong):
        return None
    return Advice(
        "Training failed: the loss became NaN. Continue from an earlier checkpoint, with a lower learning rate.",
        f"The loss was NaN or infinite at step {int(history.steps[wrong[0]]):,}.",
        "error",
    )


def _unsung(history: History) -> Advice | None:
    """Whether the voice does not sing the pitch that it is asked for, at the newest save that was measured."""
    measured = [save for save in history.saves if _tells_singing(save)]
    if not measured:
        return None
    save = measured[-1]
    found = [what for is_so, what in _signs(save) if is_so]
    if not found:
        return None
    late = save.step >= LATE_STEPS
    then = (
        "By now it should: check on the Datasets page that the pitch of its recordings was found."
        if late
        else "Let it run; until then the loss means little."
    )
    return Advice(f"The voice doesn't sing in pitch yet: {found[0]}. {then}", _singing(save), "warning")


def _signs(save: Save) -> tuple[tuple[bool, str], ...]:
    """What shows that a voice does not sing the pitch, the plainest first."""
    share, voicing, cents = save.harmonic_share, save.voicing, save.f0_cents
    return (
        (share is not None and share < _LEAST_HARMONIC, "the output is mostly noise"),
        (voicing is not None and voicing < _LEAST_VOICING, "notes can hardly be made out"),
        (cents is not None and cents > _MOST_CENTS, "it is out of tune by more than a quarter tone"),
    )


def _tells_singing(save: Save) -> bool:
    return save.harmonic_share is not None or save.voicing is not None or save.f0_cents is not None


def _singing(save: Save) -> str:
    """What was measured of the singing, in a sentence."""
    parts = [f"its harmonics carry {save.harmonic_share:.0%} of the energy"] if save.harmonic_share is not None else []
    if save.voicing is not None:
        parts.append(f"{save.voicing:.0%} of the voiced frames have a clear note")
    if save.f0_cents is not None:
        parts.append(f"the pitch is {save.f0_cents:.0f} cents off")
    return f"At step {save.step:,} " + (f"{', '.join(parts[:-1])} and {parts[-1]}." if parts[1:] else f"{parts[0]}.")


def _over_fitting(history: History) -> Advice | None:
    """Stop where timbre, pitch, loudness or harmonics stay worse than they were: by the measure that chooses."""
    verdict = history.verdict
    if verdict is None or verdict.rule != judge.EARLIER:
        return _held_out_rises(history)
    since = [save for save in history.saves if save.step > verdict.step and save.spectral_loss is not None]
    if len(since) < _RISING_SAVES:
        return None
    return Advice(
        "The held-out windows are getting worse: more steps won't help, more recordings will. "
        f"Export step {verdict.step:,}.",
        verdict.why,
        "warning",
    )


def _held_out_rises(history: History) -> Advice | None:
    """A held-out loss that rises alone is no reason to stop: a blur wins it."""
    measured = [save for save in history.saves if save.spectral_loss is not None and save.loss is not None]
    if len(measured) <= _RISING_SAVES:
        return None
    best = min(measured[:-_RISING_SAVES], key=_held_out)
    after = measured[-_RISING_SAVES:]
    rises = all(_held_out(save) > (1 + _RISING_SHARE) * _held_out(best) for save in after)
    falls = (after[-1].loss or 0.0) < (best.loss or 0.0)
    if not (rises and falls):
        return None
    known = history.verdict is not None and history.verdict.rule == judge.LATEST
    then = (
        f"{judge.said(after[-1])} are no worse, so let it run."
        if known
        else f"compare the preview of step {best.step:,} with the latest, and stop if it no longer improves."
    )
    return Advice(
        f"The held-out loss is rising. That alone means little, since a blurred voice can have a low loss: {then}",
        f"From step {best.step:,} to {after[-1].step:,} it rose from {_held_out(best):.2f} to "
        f"{_held_out(after[-1]):.2f}, while the training loss fell from {best.loss:.2f} to {after[-1].loss:.2f}.",
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
    changed = format_number(-100 * fallen, digits=1, sign=True)
    return Advice(
        "The loss has stopped falling. This may be as good as it gets with these recordings: listen to the previews, "
        "and stop if they no longer change.",
        f"Over the last {FLAT_STEPS:,} steps the loss changed by {changed} %, around {level:.2f}.",
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
            f"There is room to improve: let it run. Good instruments have a loss of {low:g} to {high:g}.", evidence
        )
    if value < low:
        return Advice(
            f"Below {low:g}, overfitting is likely: check the held-out loss, and listen to earlier previews too.",
            evidence,
            "warning",
        )
    return Advice("The loss is in the range of good instruments. Listen, and stop when you like it.", evidence, "good")


def _pace(history: History) -> Advice | None:
    speeds = history.steps_per_s[history.steps_per_s > 0]
    if len(speeds) < 4 * _LATELY_STEPS:
        return None
    usual, lately = float(np.median(speeds)), float(np.median(speeds[-_LATELY_STEPS:]))
    if lately > _SLOW_SHARE * usual:
        return None
    return Advice(
        "Training has slowed down: something else may be using this computer.",
        f"{lately:.2g} steps per second lately, {usual:.2g} usually.",
    )


def _held_out(save: Save) -> float:
    assert save.spectral_loss is not None
    return save.spectral_loss
