"""The voice matrix: every chosen instrument sings every chosen recording, in the background.

A cell is a take of its own in ``matrix/``, beside the takes. What would sound the same is never rendered twice: cells,
and takes made by hand, are found by what fixes their sound (`ddsing.transfer.takes.content_key`). So a stopped job goes
on where it was, and another matrix with some of the same cells has them at once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ddsing.constants import TRACKERS
from ddsing.errors import Cancelled, DdsingError, DiskFull, SettingsError
from ddsing.experiments.comparison import measure, selection
from ddsing.instrument import Instrument, models
from ddsing.sound import audio as recordings
from ddsing.sound import features as feature_stage
from ddsing.sound.features import FeatureCache, Features
from ddsing.transfer import fit, pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import Take, TakeStore, content_key
from ddsing.workspace import Workspace

KIND = "matrix"
MAX_CELLS = 400
_LOW_DISK_BYTES = 100e6


@dataclass(frozen=True)
class Matrix:
    """What is to be rendered.

    Attributes
    ----------
    instruments : tuple[str, ...]
        Names in the workspace.
    recordings : tuple[str, ...]
        Files below the examples folder.
    tracker : str
    settings : Settings
        The same for all cells, but for the shifts where they are fitted.
    fitted : bool
        Whether each recording is shifted in octave and loudness to where it fits the instrument best.
    """

    instruments: tuple[str, ...]
    recordings: tuple[str, ...]
    tracker: str = "full"
    settings: Settings = Settings()
    fitted: bool = True

    def __post_init__(self) -> None:
        if self.tracker not in TRACKERS:
            raise SettingsError(f"There is no pitch tracker {self.tracker!r}; use {', '.join(TRACKERS)}.")
        if not 1 <= len(self.instruments) * len(self.recordings) <= MAX_CELLS:
            n_cells = len(self.instruments) * len(self.recordings)
            raise SettingsError(f"The matrix has {n_cells} cells; it can have 1 to {MAX_CELLS}.")

    def to_json(self) -> dict:
        """A job's options."""
        plain = {name: list(getattr(self, name)) for name in ("instruments", "recordings")}
        return plain | {"tracker": self.tracker, "settings": self.settings.to_json(), "fitted": self.fitted}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Matrix:
        """A matrix from a job's options; raises `SettingsError`."""
        try:
            instruments, names = (tuple(dict.fromkeys(map(str, data[name]))) for name in ("instruments", "recordings"))
            settings = Settings.from_json(data.get("settings", {}))
            return cls(instruments, names, str(data.get("tracker", "full")), settings, data.get("fitted", True) is True)
        except (KeyError, TypeError):
            raise SettingsError("The matrix can't be read: it must name instruments and recordings.") from None


def paths(workspace: Workspace, matrix: Matrix) -> list[Path]:
    """The matrix's recordings; raises `SettingsError` for one that is not in the examples folder."""
    found = [workspace.examples / name for name in matrix.recordings]
    for name, path in zip(matrix.recordings, found):
        if not path.is_file() or not path.resolve().is_relative_to(workspace.examples.resolve()):
            raise SettingsError(f"There is no recording {name[:120]!r} in the examples folder.")
    return found


def cell_settings(matrix: Matrix, features: Features, instrument: Instrument) -> Settings:
    """The settings of a cell: fitted, the shifts that bring most of the recording into the instrument's range."""
    settings = matrix.settings if instrument.config.z else matrix.settings.without_z()
    if not matrix.fitted or instrument.statistics is None:
        return settings
    reading = fit.measure(features, instrument.statistics, settings)
    return replace(settings, octave_shift=reading.octave_shift, loudness_shift_db=reading.loudness_shift_db)


def key_of(workspace: Workspace, matrix: Matrix, digest: str, source_hash: str, settings: Settings) -> str:
    """What fixes the sound of a cell; raises `DdsingError` if the other recording that it needs can't be read."""
    other = pipeline.other_recording(workspace, settings)
    timbre_hash = "" if other is None else recordings.content_hash(other)
    return content_key(digest, source_hash, matrix.tracker, settings, timbre_hash=timbre_hash)


def known(workspace: Workspace) -> dict[str, Take]:
    """All cells and takes that there are, by what fixes their sound."""
    everything = [*TakeStore(workspace).list(), *selection.cells(workspace).list()]
    return {take.key: take for take in everything}


def run(workspace: Workspace, options: Mapping[str, Any], job: Any) -> dict[str, Any]:
    """Render what is missing and measure it; the function of the job.

    Parameters
    ----------
    job : JobContext
        Is told the cell, how many are done, and asked whether to stop.
    """
    matrix = Matrix.from_json(options)
    sources = paths(workspace, matrix)
    total = len(matrix.instruments) * len(matrix.recordings)
    done = rendered = 0
    refused: list[dict[str, str]] = []
    job.report(step=0, steps=total, extra={"refused": refused})
    for name, source in zip(matrix.recordings, sources):
        for instrument, outcome in _row(workspace, matrix, name, source, job):
            if isinstance(outcome, str):
                refused.append({"instrument": instrument, "recording": name, "reason": outcome})
            rendered += outcome is True
            done += 1
            job.report(step=done, steps=total, extra={"refused": refused})
    message = f"{len(refused)} of {total} cells could not be rendered." if refused else ""
    return {"cells": total, "rendered": rendered, "refused": refused, "message": message}


def _row(workspace: Workspace, matrix: Matrix, name: str, source: Path, job: Any) -> Iterator[tuple[str, bool | str]]:
    """(instrument, whether it was rendered now, or the reason why it can't be) for each cell of a recording."""
    try:
        audio = recordings.decode(source)
    except DdsingError as error:
        yield from ((instrument, str(error)) for instrument in matrix.instruments)
        return
    source_hash = recordings.content_hash(audio)
    for instrument in matrix.instruments:

        def report(stage: str, share: float, instrument: str = instrument) -> None:
            if job.should_stop():
                raise Cancelled("Stopped.")
            job.report(stage=f"{instrument} sings {name}: {stage}")

        try:
            yield instrument, _cell(workspace, matrix, name, audio, source_hash, instrument, report)
        except (Cancelled, DiskFull):
            raise
        except DdsingError as error:
            _require_room(workspace)
            yield instrument, str(error)


def _cell(
    workspace: Workspace,
    matrix: Matrix,
    name: str,
    audio: np.ndarray,
    source_hash: str,
    instrument_name: str,
    report: Callable[[str, float], None],
) -> bool:
    report("preparing", 0.0)
    cache = FeatureCache(workspace.cache / "features")
    instrument = models.shared().open(workspace, instrument_name)
    features = feature_stage.extract(
        audio,
        tracker=matrix.tracker,
        generation=instrument.config.generation,
        cache=cache,
        progress=lambda share: report("pitch", share),
    )
    settings = cell_settings(matrix, features, instrument)
    take = known(workspace).get(key_of(workspace, matrix, instrument.digest, source_hash, settings))
    missing = take is None
    if take is None:
        take = pipeline.run(
            workspace,
            audio,
            instrument,
            settings,
            source_name=name,
            tracker=matrix.tracker,
            progress=report,
            store=selection.cells(workspace),
        )
    measure.measure(take, cache=cache, progress=lambda share: report("measuring", share))
    return missing


def _require_room(workspace: Workspace) -> None:
    free = shutil.disk_usage(workspace.root).free
    if free < _LOW_DISK_BYTES:
        raise DiskFull("The disk is nearly full, so the matrix has paused; make room, then resume it.")


def job_key(matrix: Matrix) -> str:
    """The same for what must not be rendered by two jobs at a time."""
    content = json.dumps(matrix.to_json(), sort_keys=True).encode()
    return f"{KIND}:{hashlib.sha256(content).hexdigest()[:16]}"


def title(matrix: Matrix) -> str:
    """For the list of jobs."""

    def count(names: Sequence[str], word: str) -> str:
        return f"{len(names)} {word}{'' if len(names) == 1 else 's'}"

    return f"Voice matrix: {count(matrix.instruments, 'instrument')} × {count(matrix.recordings, 'recording')}"
