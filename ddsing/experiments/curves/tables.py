"""Runs as CSV: a table of their numbers, and their losses side by side."""

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from ddsing.experiments.curves.numbers import Summary
from ddsing.experiments.curves.runs import Run

_CSV_HEAD = (
    "voice",
    "of",
    "family",
    "n_harmonics",
    "n_noise_bands",
    "n_parameters",
    "steps",
    "last",
    "best",
    "best_step",
    "at_step",
    "at",
    "spectral_loss",
    "f0_cents",
    "loudness_db",
    "timbre_db",
    "seconds_per_step",
)


def table_csv(rows: Iterable[Summary]) -> str:
    """Summaries as a table, one run a line."""
    return _csv([_CSV_HEAD, *([row.to_json()[name] for name in _CSV_HEAD] for row in rows)])


def curves_csv(runs: Sequence[Run]) -> str:
    """All losses as measured, one step a line, one run a column."""
    steps = np.unique(np.concatenate([run.steps for run in runs])) if runs else np.zeros(0, np.int64)
    columns = []
    for run in runs:
        column = np.full(len(steps), np.nan)
        column[np.searchsorted(steps, run.steps)] = run.loss
        columns.append(["" if np.isnan(value) else f"{value:.6g}" for value in column])
    return _csv([("step", *(run.name for run in runs)), *zip(steps.tolist(), *columns)])


def _csv(lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
