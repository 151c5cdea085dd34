"""What blind tests have shown: how many were right and how likely that is by guessing, or how takes were rated.

A/B/X is tested one-sided against guessing: p is the chance of as many right answers, or more, from a fair coin. A p
that is not small does not show that there is no difference.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from ddsing.experiments.comparison.blind import KINDS, REFERENCE, BlindTest, BlindTests
from ddsing.experiments.comparison.differences import spreadsheet_text
from ddsing.files import safe_name
from ddsing.transfer.take import Take
from ddsing.workspace import Workspace

ALPHA = 0.05


@dataclass(frozen=True)
class Score:
    """Right answers of A/B/X: of all trials, or of one pair."""

    pair: tuple[str, ...]
    n: int
    n_right: int

    @property
    def p(self) -> float:
        """The chance of as many right ones, or more, by guessing."""
        return float(binomtest(self.n_right, self.n, 0.5, alternative="greater").pvalue) if self.n else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval (Wilson) of the share of right answers."""
        if not self.n:
            return 0.0, 1.0
        found = binomtest(self.n_right, self.n, 0.5).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Rated:
    """The ratings of an item, 0 to 100; `item` is the id of a take, or `REFERENCE`."""

    item: str
    name: str
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the scores."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the scores; None for one."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else None


def right(test: BlindTest, trial: int) -> bool:
    """Whether a trial of A/B/X was answered right."""
    a, _, x = test.trials[trial]
    return (test.answers[trial]["answer"] == "A") == (x == a)


def score(test: BlindTest) -> Score:
    """All trials that were answered."""
    outcomes = [right(test, trial) for trial in range(len(test.answers))]
    return Score((), len(outcomes), sum(outcomes))


def scores_by_pair(test: BlindTest) -> tuple[Score, ...]:
    """The answers for each pair of takes."""
    found: dict[tuple[str, ...], list[bool]] = {}
    for trial in range(len(test.answers)):
        pair = tuple(sorted(test.trials[trial][:2]))
        found.setdefault(pair, []).append(right(test, trial))
    return tuple(Score(pair, len(outcomes), sum(outcomes)) for pair, outcomes in sorted(found.items()))


def ratings(test: BlindTest) -> tuple[Rated, ...]:
    """The items of a rating, the best first."""
    found: dict[str, list[float]] = {}
    for trial, answer in enumerate(test.answers):
        for item, value in zip(test.trials[trial][1:], answer["answer"]):
            found.setdefault(item, []).append(float(value))
    names = {**test.names, REFERENCE: "The recording (hidden reference)"}
    rated = [Rated(item, names.get(item, item), tuple(values)) for item, values in found.items()]
    return tuple(sorted(rated, key=lambda one: -one.mean))


def verdict(one: Score) -> str:
    """A score in plain words."""
    if not one.n:
        return "No answers were given."
    said = (
        f"{one.n_right} of {one.n} right. By guessing alone, {one.n_right} or more would be right in "
        f"{_chance(one.p)} of such tests (p = {said_p(one.p)}, one-sided binomial test)"
    )
    if one.p < ALPHA:
        return f"{said}: a difference was heard."
    return f"{said}: this does not show that a difference was heard, nor that there is none."


def said_p(p: float) -> str:
    """``0.038``, ``0.0021``, ``< 0.0001``."""
    if p < 1e-4:
        return "< 0.0001"
    return f"{p:.3f}" if p >= 0.01 else f"{p:.4f}"


def _chance(p: float) -> str:
    return f"{100 * p:.0f} %" if p >= 0.1 else f"{100 * p:.1f} %" if p >= 0.001 else "under 0.1 %"


def sentence(test: BlindTest) -> str:
    """A test in a sentence for a methods paragraph."""
    early = ", stopped before its end" if test.stopped and len(test.answers) < len(test.trials) else ""
    matched = f"loudness matched by {test.loudness}" if test.loudness else "matched loudness"
    if test.kind == "abx":
        found = score(test)
        return (
            f"In a blind A/B/X test with {matched} ({found.n} trials{early}), {found.n_right} answers were "
            f"right (p = {said_p(found.p)}, one-sided binomial test)."
        )
    said = "; ".join(
        f"{one.name} {one.mean:.0f}" + (f" (SD {one.deviation:.0f})" if one.deviation is not None else "")
        for one in ratings(test)
    )
    question = f" for “{test.question}”" if test.question else ""
    return (
        f"In a blind rating from 0 to 100{question} with {matched} and a hidden reference "
        f"({len(test.answers)} trials{early}), the mean ratings were: {said or 'none given'}."
    )


def of_takes(workspace: Workspace, takes: Sequence[Take]) -> tuple[BlindTest, ...]:
    """The tests of some takes, that have answers and of which all takes are among them."""
    ids = {take.id for take in takes}
    return tuple(test for test in BlindTests(workspace).list() if test.answers and set(test.takes) <= ids)


def files(tests: Sequence[BlindTest]) -> dict[str, str]:
    """Each test as JSON and CSV: name and content."""
    found = {}
    for test in tests:
        name = safe_name(f"{test.title} {test.id}")
        found[f"{name}.json"] = to_json(test)
        found[f"{name}.csv"] = to_csv(test)
    return found


def to_json(test: BlindTest) -> str:
    """Plan, answers and statistics."""
    if test.kind == "abx":
        pairs = [{"pair": list(one.pair), "n": one.n, "right": one.n_right, "p": one.p} for one in scores_by_pair(test)]
        whole = score(test)
        found: dict = {
            "n": whole.n,
            "right": whole.n_right,
            "p": whole.p,
            "interval_95": list(whole.interval),
            "pairs": pairs,
        }
    else:
        found = {
            "ratings": [
                {"item": one.item, "name": one.name, "mean": one.mean, "sd": one.deviation, "scores": list(one.scores)}
                for one in ratings(test)
            ]
        }
    return json.dumps(test.to_json() | {"result": found}, ensure_ascii=False, indent=1)


def to_csv(test: BlindTest) -> str:
    """A row per trial of A/B/X, or per rated item."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    about = ["test", "kind", "listener", "trial"]
    after = ["seconds", "plays", "when"]
    if test.kind == "abx":
        writer.writerow([*about, "a", "b", "x", "answer", "correct", *after])
    else:
        writer.writerow([*about, "item", "name", "position", "score", *after])
    for trial, answer in enumerate(test.answers):
        common = [test.id, KINDS[test.kind], spreadsheet_text(test.listener), trial + 1]
        rest = [answer.get(name, "") for name in after]
        if test.kind == "abx":
            a, b, x = test.trials[trial]
            writer.writerow([*common, a, b, x, answer["answer"], int(right(test, trial)), *rest])
            continue
        for position, (item, value) in enumerate(zip(test.trials[trial][1:], answer["answer"]), start=1):
            writer.writerow([*common, item, spreadsheet_text(test.names.get(item, item)), position, value, *rest])
    return buffer.getvalue()
