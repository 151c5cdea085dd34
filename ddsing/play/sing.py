"""Singing a score: its curves take the place of a recording's features, and the result is a take like all others.

The take's recording is a hum of the same pitch and loudness, so that pages which compare, play or re-render takes find
what they expect; two takes of the same curves have the same one. Beside it lies what was sung, ``score.json``, and
``score_edit.json`` with what was changed in that, if anything was.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ddsing.constants import HOP_SAMPLES, MAX_TRANSFER_S, SAMPLE_RATE
from ddsing.engine.breath import breathy
from ddsing.engine.morph import mixture
from ddsing.engine.render import Renderer
from ddsing.errors import ScoreError
from ddsing.files import read_json, write_arrays, write_json
from ddsing.instrument import Instrument
from ddsing.instrument import models as stores
from ddsing.instrument.models import Models
from ddsing.play import placing
from ddsing.play.edit import MAX_BYTES, ScoreEdit
from ddsing.play.expression import Curves
from ddsing.play.placing import TRACKER
from ddsing.play.score import Line, shown
from ddsing.play.style import STYLES, Style, adjusted
from ddsing.transfer import band, pipeline
from ddsing.transfer.conditioning import Conditioning
from ddsing.transfer.settings import Settings
from ddsing.transfer.stages import Stages
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore, write_take
from ddsing.transfer.timbre import z_of
from ddsing.units import format_duration, n_frames
from ddsing.workspace import Workspace

FILE, EDIT_FILE = "score.json", "score_edit.json"  # beside a take
NO_MEAN = "The instrument has no timbre map, so its timbre is that of a plain tone."
_DEFAULT = "classical"  # whose numbers a learnt style begins with
_HUM_DB = -14.0
_HUM_BLOCK_FRAMES = 5000


def sing(
    workspace: Workspace,
    line: Line,
    instrument: Instrument | str | Path,
    style: Style,
    *,
    style_name: str = _DEFAULT,
    transpose: int | None = None,
    seed: int = 0,
    edit: ScoreEdit | None = None,
    models: Models | None = None,
    progress: Callable[[str, float], None] | None = None,
    keep_controls: bool = False,
    store: TakeStore | None = None,
    warnings: tuple[str, ...] = (),
    heard_at: Path | None = None,
) -> Take:
    """Sing a line with an instrument, and keep the take.

    Parameters
    ----------
    style_name : str
        What the style began as: one of `STYLES`, or ``voice:`` and a name.
    transpose : int, optional
        Semitones; by default the octaves with which most is in the instrument's range.
    edit : ScoreEdit, optional
        What is changed in the notes and in the curves.
    models, progress, keep_controls, store, heard_at
        As in `ddsing.transfer.pipeline.run`.
    warnings : tuple[str, ...]
        What the take is to say besides.
    """
    check_length(line)
    stages, models = Stages(progress), models or stores.shared()
    with stages("model"):
        opened = instrument if isinstance(instrument, Instrument) else models.open(workspace, instrument)
        renderer, loaded = models.get(opened)
    if loaded:
        stages.reuse("model")
    with stages("conditioning"):
        generation = opened.config.generation
        placed = placing.place(
            line, style, opened.statistics, generation=generation, seed=seed, transpose=transpose, edit=edit
        )
        audio = hum(placed.curves)
        settings = Settings(seed=seed, z_from="mean" if renderer.encoder is not None and opened.latent else "recording")
        z = z_of(renderer.encoder, opened.latent, settings, n_frames(len(audio), centred=False), audio, None)
    store = store or TakeStore(workspace)
    previous = store.newest()
    with store.building(f"{Path(line.score).stem} {opened.name}") as (take_id, folder):
        take = Take.begun(
            take_id,
            store.folder / take_id,
            source=line.score,
            audio=audio,
            other=None,
            instruments=[opened],
            morph=None,
            settings=settings,
            tracker=TRACKER,
            fit=placed.fit.to_json(),
            previous=previous,
        )
        take = replace(take, score=recipe(line, style, style_name, placed.transpose, edit))
        options: dict[str, Any] = {"keep_controls": keep_controls, "heard_at": heard_at}
        take = rendered(take, folder, audio, placed.curves, renderer, z, stages, **options)
        with stages("save"):
            write_json(folder / FILE, line.to_json(), indent=None)
            if edit:
                write_json(folder / EDIT_FILE, edit.to_json(), indent=None)
        said = [*warnings, placing.warning(placed, opened.statistics, opened.name), *take.warnings]
        said += [NO_MEAN] if renderer.encoder is not None and opened.latent is None else []
        take = replace(take, seconds=stages.seconds, warnings=tuple(dict.fromkeys(filter(None, said))))
        write_take(take, folder)
    return take


def rendered(
    take: Take,
    folder: Path,
    audio: np.ndarray,
    curves: Curves,
    renderer: Renderer,
    z: np.ndarray | None,
    stages: Stages,
    *,
    keep_controls: bool = False,
    heard_at: Path | None = None,
    breath_db: float = 0.0,
) -> Take:
    """Render curves into a take's folder, and keep them and the hum there; see `ddsing.engine.breath`."""
    weights = np.ones((len(curves.f0_hz), 1))
    given = Conditioning(curves.f0_hz, curves.loudness_db, None, None, None, ())
    with stages("render") as progress:
        alone = mixture(
            [renderer], [curves.f0_hz], [curves.loudness_db], weights, n_samples=len(audio), audio=audio, z=[z]
        )
        one, take = breathy(alone, breath_db), replace(take, rate_hz=band.rate_hz(alone))
        sound = band.sounded(one, len(audio), take, progress=progress)
        peak = pipeline.write_sound(folder, take.recipe(), sound, rate_hz=take.rate_hz, heard_at=heard_at)
        if keep_controls:
            write_arrays(folder / "controls.npz", **pipeline.controls(one, given))
    with stages("save"):
        pipeline.save_inputs(folder, audio, placing.features(curves), given)
    return replace(take, reused=stages.reused, peak=peak, warnings=pipeline.loud(peak))


def check_length(line: Line) -> None:
    """Raise `ScoreError` for a line that is longer than what is transferred at a time."""
    if line.duration_s > MAX_TRANSFER_S:
        raise ScoreError(
            f"{shown(line.score)} is {format_duration(line.duration_s)} long; up to {format_duration(MAX_TRANSFER_S)} "
            "are sung at a time. Sing a part of it with --start and --end."
        )


def recipe(line: Line, style: Style, style_name: str, transpose: int, edit: ScoreEdit | None = None) -> dict:
    """What a take keeps of the score and the style; it must fit into a file's metadata."""
    return {
        "hash": line.score_hash,
        "part": line.part,
        "line": line.rule,
        "transpose": transpose,
        **recipe_of_style(style, style_name),
        **({"edit": edit.digest} if edit else {}),
    }


def recipe_of_style(style: Style, style_name: str) -> dict:
    """What a take keeps of a style: what it began as, and the numbers that were changed."""
    return {"style": style_name, "numbers": style.changed_from(STYLES.get(style_name, STYLES[_DEFAULT]))}


def style_of(score: Mapping) -> tuple[Style, str]:
    """The style of a take's `recipe`, and what it began as; raises `ScoreError` for what is none."""
    name, numbers = score.get("style"), score.get("numbers")
    if not isinstance(name, str) or not isinstance(numbers, Mapping):
        raise ScoreError("The style of this take can't be read. Choose one with --style.")
    base = STYLES.get(name, STYLES[_DEFAULT])
    return adjusted(base, {one: value for one, value in numbers.items() if one in base.to_json()}), name[:200]


def line_of(take: Take) -> Line:
    """The notes that a take of a score was given, untransposed; raises `ScoreError` for another take."""
    document = read_json(take.folder / FILE, max_bytes=32 * 2**20)
    if document is None:
        raise ScoreError(f"The take {take.name!r} was not sung from a score. Name a score's file instead.")
    return Line.from_json(document)


def edit_of(take: Take) -> ScoreEdit | None:
    """What was changed in a take's notes and curves; None for nothing; raises `ScoreError` where it can't be read."""
    digest = (take.score or {}).get("edit")
    if digest is None:
        return None
    found = ScoreEdit.from_json(read_json(take.folder / EDIT_FILE, max_bytes=MAX_BYTES))
    if found.digest != digest:
        raise ScoreError(f"The edit of the take {take.name!r} is not the one that it was sung with. Edit it again.")
    return found


def sung_by(take: Take) -> Line:
    """The notes that a take of a score sings, untransposed."""
    line, edit = line_of(take), edit_of(take)
    return edit.notes_of(line)[0] if edit else line


def hum(curves: Curves) -> np.ndarray:
    """A plain tone with a line's pitch and loudness [shape=(64 · (n_frames - 1),), float32]; silent in rests."""
    n_samples = (len(curves.f0_hz) - 1) * HOP_SAMPLES
    found, phase = np.empty(n_samples, np.float32), 0.0
    frames = np.arange(len(curves.f0_hz))
    level = np.where(curves.sounding, 10.0 ** ((curves.loudness_db.astype(np.float64) - _HUM_DB) / 20.0), 0.0)
    for start in range(0, n_samples, _HUM_BLOCK_FRAMES * HOP_SAMPLES):
        at = np.arange(start, min(start + _HUM_BLOCK_FRAMES * HOP_SAMPLES, n_samples)) / HOP_SAMPLES
        f0_hz = np.interp(at, frames, curves.f0_hz)
        phases = phase + 2 * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE
        phase = float(phases[-1]) % (2 * np.pi)
        tone = sum(np.sin(k * phases) / k * (k * f0_hz < SAMPLE_RATE / 2) for k in range(1, 9))
        found[start : start + len(at)] = 0.2 * np.interp(at, frames, level) * tone + 0.0  # which makes -0 a 0
    return found
