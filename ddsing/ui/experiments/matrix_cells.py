"""The cells of the voice matrix as the page shows them: which are there, how they sound and measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ddsing.constants import TRACKERS
from ddsing.jobs import paces
from ddsing.transfer.take import Take
from ddsing.ui.experiments import compare_cache
from ddsing.ui.player import players
from ddsing.ui.shell import caches, opened, per_workspace, take_player
from ddsing.ui.shell.formatting import format_duration, octaves, percent, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ddsing.experiments.comparison.matching import Loudness
    from ddsing.experiments.comparison.matrix import Matrix
    from ddsing.instrument import Instrument
    from ddsing.sound.recording import Recording

SOUNDS = 160


@dataclass(frozen=True)
class Cells:
    """What is there of a matrix: a row per recording, a column per instrument, None where a cell is missing.

    Attributes
    ----------
    to_analyse_s : Mapping[str, float]
        Seconds of sound whose pitch isn't known yet, by tracker.
    """

    takes: tuple[tuple[Take | None, ...], ...]
    durations_s: tuple[float, ...]
    seconds: float
    to_analyse_s: Mapping[str, float]

    @property
    def n_cells(self) -> int:
        """All."""
        return sum(map(len, self.takes))

    @property
    def n_there(self) -> int:
        """Those that are rendered."""
        return sum(take is not None for row in self.takes for take in row)


def look(matrix: Matrix) -> Cells:
    """Find the cells; nothing is rendered or tracked for it."""
    from ddsing.experiments.comparison import matrix as domain
    from ddsing.transfer import band, expected

    workspace = opened.workspace()
    pace = paces.of(workspace)
    known = domain.known(workspace)
    entries = {entry.name: entry for entry in caches.instruments() if not entry.error}
    rows, durations, seconds = [], [], 0.0
    to_analyse_s = dict.fromkeys(TRACKERS, 0.0)
    for path in domain.paths(workspace, matrix):
        sound = caches.recording(path)
        trackers = caches.analysed(sound.key)
        analysed = matrix.tracker in trackers
        for one in set(TRACKERS) - trackers:
            to_analyse_s[one] += sound.duration_s
        duration_s, row = sound.duration_s, []
        for name in matrix.instruments:
            settings = _settings(matrix, sound, caches.instrument(entries[name])) if analysed else None
            digest = caches.instrument(entries[name]).digest
            key = domain.key_of(workspace, matrix, digest, sound.key, settings) if settings else None
            row.append(known.get(key) if key else None)
        if not analysed:
            seconds += expected.finding_pitch(pace, matrix.tracker, duration_s).expected_s
        for name, cell in zip(matrix.instruments, row):
            if cell is None:
                config = caches.instrument(entries[name]).config
                rate_hz = band.planned_rate_hz(matrix.settings, [entries[name]])
                seconds += expected.singing(pace, [config], duration_s, rate_hz=rate_hz).expected_s
                seconds += compare_cache.part(pace, duration_s).expected_s
        rows.append(tuple(row))
        durations.append(duration_s)
    return Cells(tuple(rows), tuple(durations), max(seconds, 1.0), to_analyse_s)


def _settings(matrix: Matrix, sound: Recording, instrument: Instrument):
    return _fitted(matrix, sound.key, instrument.digest, sound, instrument)


@per_workspace.data(max_entries=2000, show_spinner=False)
def _fitted(matrix: Matrix, content: str, digest: str, _sound: Recording, _instrument: Instrument):
    from ddsing.experiments.comparison import matrix as domain

    generation = _instrument.config.generation
    features = caches.features_of(content, _sound.audio, matrix.tracker, generation)
    return domain.cell_settings(matrix, features, _instrument)


def table(matrix: Matrix, cells: Cells, refused: dict, *, running: bool) -> tuple[list[dict], list[dict]]:
    """Columns and rows as `players.matrix` takes them; the gains make each row equally loud."""
    from ddsing.experiments.comparison import matching

    entries = {entry.name: entry for entry in caches.instruments()}
    columns = [{"name": name, "detail": entries[name].provenance.voice[:60]} for name in matrix.instruments]
    rows = []
    for name, takes, duration_s in zip(matrix.recordings, cells.takes, cells.durations_s):
        there = [take for take in takes if take is not None]
        loud = [_as_encoded(take_player.heard(take).loudness) for take in there]
        gains = dict(zip([take.id for take in there], matching.matched_gains_db(loud)))
        row = [
            _missing(refused.get((instrument, name)), running) if take is None else _cell(take, gains[take.id])
            for instrument, take in zip(matrix.instruments, takes)
        ]
        rows.append({"name": name, "detail": format_duration(duration_s), "cells": row})
    return columns, rows


def _missing(reason: str | None, running: bool) -> dict:
    if reason is not None:
        return {"state": "refused", "said": "can't be rendered", "why": reason}
    return {"state": "missing", "said": "waiting" if running else "not rendered", "why": ""}


def _cell(take: Take, gain_db: float) -> dict:
    from ddsing.experiments.comparison import differences, measure

    metrics = measure.known(take)
    share = take.fit["inside_share"] if take.fit else None
    fit = "range unknown" if share is None else f"{percent(share)} in range"
    lines = (
        [f"{differences.metric('f0_cents', metrics)} · {differences.metric('loudness_db', metrics)}"] if metrics else []
    )
    settings = take.settings
    shifts = [octaves(settings.octave_shift)] if settings.octave_shift else []
    shifts += [signed(settings.loudness_shift_db, "dB")] if settings.loudness_shift_db else []
    lines += [f"shifted by {', '.join(shifts)}"] if shifts else []
    url = players.address(_sound(take.id, take), f"matrix.{take.id}", mime="audio/flac", known=str(take.folder))
    heard = {"url": url, "rate": take.rate_hz, "gain_db": round(gain_db, 3)}
    return {"state": "ready", **heard, "said": fit, "lines": lines}


def _as_encoded(loudness: Loudness):
    """A sound's loudness in its file, in which what is beyond full scale is turned down to fit."""
    import math
    from dataclasses import replace

    if loudness.peak <= 1.0 or loudness.level_lufs is None:
        return loudness
    return replace(loudness, peak=0.999, level_lufs=loudness.level_lufs + 20.0 * math.log10(0.999 / loudness.peak))


@per_workspace.data(max_entries=SOUNDS, show_spinner=False)
def _sound(take_id: str, _take: Take) -> bytes:
    from ddsing.sound.audio import encode

    return encode(_take.folder / "result.wav", format="FLAC")
