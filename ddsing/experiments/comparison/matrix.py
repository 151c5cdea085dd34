"""The voice matrix: every chosen instrument sings every chosen recording; the module `job` renders it.

A cell is a take of its own in ``matrix/``, beside the takes. What would sound the same is never rendered twice: cells,
and takes made by hand, are found by what fixes their sound (`ddsing.transfer.take.content_key`). So a stopped job goes
on where it was, and another matrix with some of the same cells has them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ddsing.constants import TRACKERS
from ddsing.errors import SettingsError
from ddsing.experiments.comparison import selection
from ddsing.instrument import Instrument
from ddsing.sound import audio as recordings
from ddsing.sound import folder as folders
from ddsing.sound.features import Features
from ddsing.transfer import fit, pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take, content_key
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace

MAX_CELLS = 400


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
            raise SettingsError(f"Unknown pitch tracker {self.tracker!r}; use {', '.join(TRACKERS)}.")
        if not 1 <= len(self.instruments) * len(self.recordings) <= MAX_CELLS:
            n_cells = len(self.instruments) * len(self.recordings)
            raise SettingsError(f"A matrix can have 1 to {MAX_CELLS} cells, not {n_cells}.")

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
            raise SettingsError("The matrix can't be read: it must list instruments and recordings.") from None


def paths(workspace: Workspace, matrix: Matrix) -> list[Path]:
    """The matrix's recordings; raises `SettingsError` for one that is not in the examples folder."""
    found = []
    for name in matrix.recordings:
        path = folders.named(workspace.examples, name)
        if path is None:
            raise SettingsError(f"No recording {name[:120]!r} in the examples folder.")
        found.append(path)
    return found


def cell_settings(matrix: Matrix, features: Features, instrument: Instrument) -> Settings:
    """The settings of a cell: fitted, the shifts that bring most of the recording into the instrument's range."""
    settings = matrix.settings if instrument.config.z else matrix.settings.without_z()
    if instrument.places is None:
        settings = replace(settings, pull=0.0)
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
