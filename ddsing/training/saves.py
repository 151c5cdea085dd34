"""The saves of a training, and what happened between them, as ``history.jsonl`` and the checkpoints tell.

Public: `read`, `Save`, `Note`, `HISTORY_NAME`.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ddsing.training import checkpoints, folder

HISTORY_NAME = "history.jsonl"
_HELD_OUT = ("spectral_loss", "f0_cents", "loudness_db", "harmonic_share", "voicing", "timbre_db")
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Save:
    """A save, and what was measured there; None where nothing was held out, or the save was a hurried one.

    Attributes
    ----------
    step : int
    loss : float or None
        Mean training loss since the save before; None for a checkpoint of 2021.
    spectral_loss, f0_cents, loudness_db, harmonic_share, voicing, timbre_db : float or None
        Of the resynthesis of held-out windows, see `ddsing.training.evaluation.Metrics`.
    windows : dict[str, list]
        Some of them for each window.
    dataset_hash : str
        Of what was trained on.
    preview : Path or None
        The built-in phrase as the voice sang it, FLAC.
    on_disk : bool
        Whether its checkpoint is still kept.
    date : str
        ISO 8601.
    """

    step: int
    loss: float | None = None
    spectral_loss: float | None = None
    f0_cents: float | None = None
    loudness_db: float | None = None
    harmonic_share: float | None = None
    voicing: float | None = None
    timbre_db: float | None = None
    windows: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    dataset_hash: str = ""
    preview: Path | None = None
    on_disk: bool = False
    date: str = ""


@dataclass(frozen=True)
class Note:
    """Something that happened at a step: a resume that was not plain, more data, a branch."""

    step: int
    text: str
    date: str = ""


def read(path: Path) -> tuple[tuple[Save, ...], tuple[Note, ...]]:
    """The saves of the training in a ``<voice>_checkpoints`` folder, in the order of their steps, and the notes."""
    found, notes = _lines(path)
    for checkpoint in checkpoints.published(path):
        facts = {**found.get(checkpoint.step, {}), **checkpoint.facts}
        found[checkpoint.step] = {**facts, "on_disk": True}
    return tuple(_save(path, step, found[step]) for step in sorted(found)), tuple(notes)


def _lines(path: Path) -> tuple[dict[int, dict], list[Note]]:
    """The facts of each save, by step, and the notes; a save does away with those of later steps before it."""
    saves: dict[int, dict] = {}
    notes: list[Note] = []
    for line in _documents(path / HISTORY_NAME):
        step = line.get("step")
        if "note" in line:
            notes.append(Note(step if type(step) is int else 0, str(line["note"]), str(line.get("date", ""))))
        elif type(step) is int:
            saves = {earlier: facts for earlier, facts in saves.items() if earlier < step}
            saves[step] = line
    return saves, notes


def _documents(path: Path) -> Iterator[dict]:
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError:
        return
    for line in data.splitlines():
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            yield document


def _save(path: Path, step: int, facts: dict) -> Save:
    held_out = facts.get("held_out")
    measured = {name: _number(held_out.get(name)) if isinstance(held_out, dict) else None for name in _HELD_OUT}
    windows = held_out.get("windows") if isinstance(held_out, dict) else None
    preview = path / folder.PREVIEWS / f"ckpt-{step}.flac"
    return Save(
        step,
        _number(facts.get("loss")),
        **measured,
        windows=_windows(windows),
        dataset_hash=str(facts.get("dataset_hash") or ""),
        preview=preview if preview.is_file() else None,
        on_disk=facts.get("on_disk") is True,
        date=str(facts.get("date", "")),
    )


def _windows(document: object) -> dict[str, list[float | None]]:
    named = document.items() if isinstance(document, dict) else ()
    return {str(name): [_number(value) for value in values] for name, values in named if isinstance(values, list)}


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]
