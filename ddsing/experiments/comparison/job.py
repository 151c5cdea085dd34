"""The kind of job that renders a voice matrix."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ddsing.constants import FULL_BAND_RATE, MAX_TRANSFER_S
from ddsing.errors import AudioError, Cancelled, DdsingError, DiskFull
from ddsing.experiments.comparison import measure, selection
from ddsing.experiments.comparison.matrix import Matrix, cell_settings, key_of, known, paths
from ddsing.experiments.comparison.pace import MEASURING, PITCH, Pace
from ddsing.instrument import Instrument, models
from ddsing.instrument.library import Library
from ddsing.jobs import time_left
from ddsing.jobs.context import Reporter, earlier
from ddsing.jobs.order import SPARE_BYTES, Order
from ddsing.sound import audio as recordings
from ddsing.sound import features as feature_stage
from ddsing.sound.features import FeatureCache
from ddsing.transfer import band, pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

KIND = "matrix"
_LOW_DISK_BYTES = 100e6


def order(workspace: Workspace, matrix: Matrix) -> Order:
    """The job that renders what is missing; raises `SettingsError` for a recording that is not there."""
    return Order(
        kind=KIND,
        title=title(matrix),
        options=matrix.to_json(),
        key=key(matrix),
        needs_bytes=room_bytes(workspace, matrix) + SPARE_BYTES,
        spare_bytes=SPARE_BYTES,
    )


def key(matrix: Matrix) -> str:
    """The same for what must not be rendered by two jobs at a time."""
    content = json.dumps(matrix.to_json(), sort_keys=True).encode()
    return f"{KIND}:{hashlib.sha256(content).hexdigest()[:16]}"


def title(matrix: Matrix) -> str:
    """For the list of jobs."""

    def count(names: Sequence[str], word: str) -> str:
        return f"{len(names)} {word}{'' if len(names) == 1 else 's'}"

    return f"Voice matrix: {count(matrix.instruments, 'instrument')} × {count(matrix.recordings, 'recording')}"


def room_bytes(workspace: Workspace, matrix: Matrix) -> int:
    """Free disk that the missing cells take; nothing is decoded for it.

    Cells are told by their names and settings: one whose instrument or recording was replaced counts as there. A job
    that meets a full disk pauses, and loses nothing.
    """
    rates = rates_hz(workspace, matrix)
    return round(sum(sound_s * band.bytes_per_s(rates[name]) for name, _, sound_s in _missing(workspace, matrix)))


def rates_hz(workspace: Workspace, matrix: Matrix) -> dict[str, int]:
    """The sample rate at which each instrument will sing; the higher one where it can't be told."""
    library = Library(workspace)
    entries = {name: library.find(name) for name in matrix.instruments}
    return {
        name: FULL_BAND_RATE if entry is None else band.planned_rate_hz(matrix.settings, [entry])
        for name, entry in entries.items()
    }


def _missing(workspace: Workspace, matrix: Matrix) -> list[tuple[str, str, float]]:
    """(instrument, recording, seconds of sound) of the cells that aren't there by their names and settings."""
    there = {
        (take.instrument, take.source)
        for take in known(workspace).values()
        if take.tracker == matrix.tracker and _unfitted(take.settings, matrix) == _unfitted(matrix.settings, matrix)
    }
    return [
        (instrument, name, _duration_s(path))
        for name, path in zip(matrix.recordings, paths(workspace, matrix))
        for instrument in matrix.instruments
        if (instrument, name) not in there
    ]


def _unfitted(settings: Settings, matrix: Matrix) -> Settings:
    """What all cells of a matrix have in common."""
    settings = settings.without_z()
    return replace(settings, octave_shift=0, loudness_shift_db=0.0) if matrix.fitted else settings


def _duration_s(path: Path) -> float:
    """As the file says; of one that will be refused, nothing."""
    try:
        return min(recordings.probe(path).duration_s, MAX_TRANSFER_S)
    except AudioError:
        return 0.0


def run(workspace: Workspace, options: Mapping[str, Any], job: Reporter) -> dict[str, Any]:
    """Render what is missing and measure it; the function of the job.

    Parameters
    ----------
    job : Reporter
        Is told the cell, how many are done, and asked whether to stop.
    """
    matrix = Matrix.from_json(options)
    sources = paths(workspace, matrix)
    total = len(matrix.instruments) * len(matrix.recordings)
    done, before = 0, earlier(job)
    rendered = int(before.get("rendered", 0))
    refused = {(entry["instrument"], entry["recording"]): entry for entry in before.get("refused", ())}
    missing = {(instrument, name): sound_s for instrument, name, sound_s in _missing(workspace, matrix)}
    pace = Pace(workspace, matrix, missing)

    def report() -> None:
        extra = {"refused": list(refused.values()), "rendered": rendered}
        job.report(step=done, steps=total, extra=extra, **time_left.fields(pace.left()))

    report()
    for name, source in zip(matrix.recordings, sources):
        for instrument, outcome in _row(workspace, matrix, name, source, job, pace):
            refused.pop((instrument, name), None)
            if isinstance(outcome, str):
                refused[instrument, name] = {"instrument": instrument, "recording": name, "reason": outcome}
            rendered += outcome is True
            done += 1
            pace.over(instrument, name)
            report()
    pace.learn()
    message = f"{len(refused)} of {total} cells could not be rendered." if refused else ""
    return {"cells": total, "rendered": rendered, "refused": list(refused.values()), "message": message}


def _row(
    workspace: Workspace, matrix: Matrix, name: str, source: Path, job: Reporter, pace: Pace
) -> Iterator[tuple[str, bool | str]]:
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
            pace.at(stage, share, instrument, name)
            job.report(stage=f"{instrument} sings {name}: {stage}", **time_left.fields(pace.left()))

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
    instrument: Instrument = models.shared().open(workspace, instrument_name)
    features = feature_stage.extract(
        audio,
        tracker=matrix.tracker,
        generation=instrument.config.generation,
        cache=cache,
        progress=lambda share: report(PITCH, share),
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
    measure.measure(take, cache=cache, progress=lambda share: report(MEASURING, share))
    return missing


def _require_room(workspace: Workspace) -> None:
    free = shutil.disk_usage(workspace.root).free
    if free < _LOW_DISK_BYTES:
        raise DiskFull("The disk is nearly full, so the matrix is paused. Free some space, then resume it.")
