"""What a training has left on disk: losses, held-out metrics, previews, checkpoints. Reads only; no TensorFlow.

Public: `read`, `History`, `Save`, `Note`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ddsing.formats import event_log
from ddsing.training import checkpoints, folder
from ddsing.training.saving import HISTORY_NAME

LOSS_TAG, SPEED_TAG = "losses/total_loss", "steps_per_sec"
_HELD_OUT = ("spectral_loss", "f0_cents", "loudness_db")
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Save:
    """A save, and what was measured there; None where nothing was held out, or the save was a hurried one.

    Attributes
    ----------
    step : int
    loss : float or None
        Mean training loss since the save before; None for a checkpoint of 2021.
    spectral_loss, f0_cents, loudness_db : float or None
        Of the resynthesis of held-out windows, see `ddsing.sound.distance`.
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
    preview: Path | None = None
    on_disk: bool = False
    date: str = ""


@dataclass(frozen=True)
class Note:
    """Something that happened at a step: a resume that was not plain, more data, a branch."""

    step: int
    text: str
    date: str = ""


@dataclass(frozen=True, eq=False)
class History:
    """A training's history; empty arrays and tuples where nothing has happened yet.

    Attributes
    ----------
    steps : np.ndarray [shape=(n,), int64]
        Steps whose loss is known, ascending; what a resume did again counts once, as it went the last time.
    loss : np.ndarray [shape=(n,), float32]
    speed_steps : np.ndarray [shape=(m,), int64]
    steps_per_s : np.ndarray [shape=(m,), float32]
    saves : tuple[Save, ...]
        In the order of their steps.
    notes : tuple[Note, ...]
        In the order in which they were made.
    best_step : int or None
    best_by : str
        ``held-out spectral loss`` or ``training loss``.
    recipe : dict
        As the run was started.
    """

    steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    loss: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    speed_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    steps_per_s: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    saves: tuple[Save, ...] = ()
    notes: tuple[Note, ...] = ()
    best_step: int | None = None
    best_by: str = ""
    recipe: dict = field(default_factory=dict)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The steps that can be exported or branched from."""
        return tuple(save.step for save in self.saves if save.on_disk)


def read(checkpoints_folder: Path) -> History:
    """The history of the training in a ``<voice>_checkpoints`` folder."""
    path = Path(checkpoints_folder)
    series = event_log.read(path / folder.SUMMARIES)
    none = event_log.Series(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0))
    loss, speed = series.get(LOSS_TAG, none), series.get(SPEED_TAG, none)
    saves, notes = _lines(path)
    for checkpoint in checkpoints.published(path):
        facts = {**saves.get(checkpoint.step, {}), **checkpoint.facts}
        saves[checkpoint.step] = {**facts, "on_disk": True}
    best = checkpoints.read_best(path)
    how = folder.begun(path)
    return History(
        steps=loss.steps,
        loss=loss.values,
        speed_steps=speed.steps,
        steps_per_s=speed.values,
        saves=tuple(_save(path, step, saves[step]) for step in sorted(saves)),
        notes=tuple(notes),
        best_step=best and best[0],
        best_by=best[2] if best else "",
        recipe=dict(how.recipe) if how else {},
    )


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
    preview = path / folder.PREVIEWS / f"ckpt-{step}.flac"
    return Save(
        step,
        _number(facts.get("loss")),
        **measured,
        preview=preview if preview.is_file() else None,
        on_disk=facts.get("on_disk") is True,
        date=str(facts.get("date", "")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
