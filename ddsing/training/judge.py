"""Which checkpoint becomes the instrument: the latest, unless timbre, pitch, loudness or harmonics got worse.

The held-out spectral loss can't choose alone. A model that does not know the vowel wins it by a blur: of a singer with
76 s of recordings it is 8.14 at step 300 and 8.59 at step 2,000, while the loudness error falls from 3.2 to 2.0–2.7 dB
and the likeness to the singer grows to the end.

So each save takes over from the one that was chosen before, unless one of four measures on the held-out windows is
worse than at any save that was chosen before it: the distance in timbre, the distance in pitch, the distance in
loudness, and the share of the energy that the harmonics carry where the recording is voiced. *Worse* is what can be
heard and is no accident of the windows: the mean difference is larger than the measure's tolerance (`TOLERANCE`), and
larger than twice its standard error over the windows. A harmonic share above `ENOUGH_HARMONIC` is as good as any, since
breath and consonants are noise. The distance in timbre (`ddsing.training.evaluation.Metrics.timbre_db`) is taken as the
mean with those of the saves beside it, since it scatters. Trainings of before that measure are judged by the others.

A save that was not measured, as when a training was stopped, is not known to be worse: it takes over where the one
before it was the chosen one. Saves on different datasets are not compared. Public: `judge`, `Verdict`, `Measured`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

TOLERANCE = {"timbre_db": 0.1, "f0_cents": 10.0, "loudness_db": 1.5, "harmonic_share": 0.05}
ENOUGH_HARMONIC = 0.9
_STANDARD_ERRORS = 2.0
LATEST, EARLIER, UNMEASURED = "latest", "earlier", "unmeasured"
_NEIGHBOURS = 1  # on each side
_UNMEASURED = (
    "Step {:,}, the latest, was chosen. Pitch, loudness and harmonics were not measured in this run, so it is "
    "unknown whether they got worse."
)


class Measured(Protocol):
    """What is asked of a save, see `ddsing.training.history.Save`."""

    @property
    def step(self) -> int:
        """Its step."""

    @property
    def timbre_db(self) -> float | None:
        """Distance in timbre."""

    @property
    def f0_cents(self) -> float | None:
        """Distance in pitch."""

    @property
    def loudness_db(self) -> float | None:
        """Distance in loudness."""

    @property
    def harmonic_share(self) -> float | None:
        """Share of the energy that the harmonics carry."""

    @property
    def windows(self) -> Mapping[str, Sequence[float | None]]:
        """The last three of each held-out window."""

    @property
    def dataset_hash(self) -> str:
        """Of what was trained on."""

    @property
    def on_disk(self) -> bool:
        """Whether its checkpoint is kept."""


@dataclass(frozen=True)
class Verdict:
    """What was chosen, and why.

    Attributes
    ----------
    step : int
        Of the checkpoint that becomes the instrument.
    latest : int
        Of the newest one.
    rule : str
        ``latest``, ``earlier``, or ``unmeasured`` where the latest is taken since nothing tells which is better.
    why : str
        A sentence for people.
    """

    step: int
    latest: int
    rule: str
    why: str


@dataclass(frozen=True)
class _Worse:
    """What got worse, from which value to which, and since which step."""

    measure: str
    before: float
    after: float
    since: int


@dataclass
class _Course:
    """The saves so far that were chosen, in turn, on the dataset of now, and what is wrong with the newest.

    `timbre_db` is the smoothed distance of each step.
    """

    timbre_db: Mapping[int, float]
    chosen: list[Measured] = field(default_factory=list)
    dataset_hash: str = ""
    wrong: _Worse | None = None
    n_measured: int = 0


def judge(saves: Sequence[Measured]) -> Verdict | None:
    """The verdict on a training's saves, in the order of their steps; None where no checkpoint is kept."""
    kept = [save for save in saves if save.on_disk]
    if not kept:
        return None
    course = _walked(saves)
    if not any(save.on_disk for save in course.chosen):  # kept by a version that chose otherwise
        course = _walked(kept)
    latest = kept[-1]
    chosen = next((save for save in reversed(course.chosen) if save.on_disk), latest)
    rule = LATEST if chosen.step == latest.step else EARLIER
    if not course.n_measured:
        return Verdict(latest.step, latest.step, UNMEASURED, _UNMEASURED.format(latest.step))
    if course.wrong is None or rule == LATEST:
        return Verdict(latest.step, latest.step, LATEST, _latest_said(latest))
    why = f"Step {chosen.step:,} was chosen rather than the latest, {latest.step:,}: {_said(course.wrong)}."
    return Verdict(chosen.step, latest.step, EARLIER, why)


def _walked(saves: Sequence[Measured]) -> _Course:
    course = _Course(_timbre_db(saves))
    for save in saves:
        _take(course, save)
    return course


def _timbre_db(saves: Sequence[Measured]) -> dict[int, float]:
    """Of each measured save the mean distance of it and its neighbours, those on the same dataset."""
    known = [(save.step, save.dataset_hash, save.timbre_db) for save in saves if save.timbre_db is not None]
    return {
        step: float(
            np.mean(
                [
                    distance
                    for _, other_hash, distance in known[max(place - _NEIGHBOURS, 0) : place + _NEIGHBOURS + 1]
                    if other_hash == dataset_hash
                ]
            )
        )
        for place, (step, dataset_hash, _) in enumerate(known)
    }


def said(save: Measured) -> str:
    """What is judged of a save, in words."""
    return "pitch, loudness and harmonics" if save.timbre_db is None else "timbre, pitch, loudness and harmonics"


def _latest_said(latest: Measured) -> str:
    if not _is_measured(latest):
        return (
            f"Step {latest.step:,}, the latest, was chosen. It was not measured, but up to then pitch, loudness and "
            "harmonics had not got worse."
        )
    return f"Step {latest.step:,}, the latest, was chosen: {said(latest)} are no worse than before."


def _take(course: _Course, save: Measured) -> None:
    """Let a save take over from the one that was chosen, unless it is worse."""
    if save.dataset_hash != course.dataset_hash:
        course.chosen, course.wrong, course.dataset_hash, course.n_measured = [], None, save.dataset_hash, 0
    if _is_measured(save):
        course.n_measured += 1
        course.wrong = _worse(save, course)
    if course.wrong is None:
        course.chosen.append(save)


def _is_measured(save: Measured) -> bool:
    return any(getattr(save, measure) is not None for measure in TOLERANCE)


def _worse(save: Measured, course: _Course) -> _Worse | None:
    """In what a save is worse than one of those before it, most of all, by the tolerance."""
    found: list[tuple[float, _Worse]] = []
    for measure, tolerance in TOLERANCE.items():
        value = _value(measure, save, course)
        for other in course.chosen:
            known = _value(measure, other, course)
            if value is None or known is None:
                continue
            by, noise = _badness(measure, value) - _badness(measure, known), _noise(measure, save, other)
            if by > max(tolerance, _STANDARD_ERRORS * noise):
                found.append((by / tolerance, _Worse(measure, known, value, other.step)))
    return max(found, key=lambda one: one[0])[1] if found else None


def _value(measure: str, save: Measured, course: _Course) -> float | None:
    return course.timbre_db.get(save.step) if measure == "timbre_db" else getattr(save, measure)


def _noise(measure: str, save: Measured, other: Measured) -> float:
    """The standard error of how much two saves differ, over the windows; 0 where they are not known one by one."""
    pairs = zip(save.windows.get(measure, ()), other.windows.get(measure, ()))
    differences = [
        _badness(measure, one) - _badness(measure, two) for one, two in pairs if one is not None and two is not None
    ]
    if len(differences) < 2:
        return 0.0
    return float(np.std(differences, ddof=1) / np.sqrt(len(differences)))


def _badness(measure: str, value: float) -> float:
    return -min(value, ENOUGH_HARMONIC) if measure == "harmonic_share" else value


def _said(wrong: _Worse) -> str:
    words = {
        "timbre_db": ("the timbre moved away from the recordings", "{:.1f}", "dB off"),
        "f0_cents": ("the pitch got worse", "{:.0f}", "cents off"),
        "loudness_db": ("the loudness got worse", "{:.1f}", "dB off"),
        "harmonic_share": ("there was less tone and more noise", "{:.0%}", "of the sound in its harmonics"),
    }
    what, form, unit = words[wrong.measure]
    before, after = form.format(wrong.before), form.format(wrong.after)
    return f"since step {wrong.since:,} {what}, from {before} to {after} {unit}"
