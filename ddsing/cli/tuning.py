"""The options of ``transfer`` that say at which pitch it is sung: transposition, the scale of autotune, its tuning."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing.errors import SettingsError
from ddsing.sound.scales import SCALES, TUNING_RANGE_HZ
from ddsing.transfer.settings import RANGES

if TYPE_CHECKING:
    from ddsing.sound.curve.edit import PitchEdit
    from ddsing.sound.recording import Recording
    from ddsing.transfer.morph import Morph
    from ddsing.transfer.settings import Settings
    from ddsing.workspace import Workspace

AUTO = "auto"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to the command."""
    low, high = RANGES["transpose"]
    parser.add_argument(
        "--transpose",
        type=_transposition,
        metavar="SEMITONES|auto",
        help=f"semitones beside the octaves, {low:g} to {high:g}, with cents behind the point, or auto for those that "
        "bring most of the melody into the instrument's range (0)",
    )
    parser.add_argument(
        "--scale",
        metavar="chromatic|KEY:SCALE",
        help="what --autotune moves the pitch to: chromatic, or for example C:major or F#:minor-pentatonic; the scales "
        f"are {', '.join(SCALES)} (chromatic)",
    )
    low, high = TUNING_RANGE_HZ
    parser.add_argument(
        "--tuning-hz",
        type=float,
        metavar="HZ",
        help=f"where A4 is for --autotune, {low:g} to {high:g} Hz; 0 for the recording's own tuning (0)",
    )


def chosen(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were asked for in so many words."""
    asked = {"transpose": args.transpose, "scale": args.scale, "tuning_hz": args.tuning_hz}
    return {name: value for name, value in asked.items() if value is not None and value != AUTO}


def transposed(
    workspace: Workspace,
    source: Path | Recording,
    instruments: Morph | str,
    settings: Settings,
    *,
    tracker: str,
    edit: PitchEdit | None = None,
) -> Settings:
    """The settings with the transposition that fits the edited pitch best; of several instruments, the first counts."""
    from ddsing.instrument import models
    from ddsing.sound import features, recording
    from ddsing.transfer import edited, fit

    instrument = models.find(workspace, instruments if isinstance(instruments, str) else instruments.names[0])
    if instrument.statistics is None or instrument.statistics.pitch_range_midi is None:
        raise SettingsError(
            f"{instrument.name} has no training ranges, so --transpose auto can't find what fits. Give the semitones."
        )
    audio = (recording.read(source) if isinstance(source, Path) else source).audio
    found = features.extract(
        audio,
        tracker=tracker,
        generation=instrument.config.generation,
        cache=features.FeatureCache(workspace.cache / "features"),
    )
    (sung,) = edited.apply(edit, [found], audio).features
    total = fit.measure(sung, instrument.statistics, settings).transpose
    low, high = RANGES["transpose"]
    return replace(settings, transpose=float(min(high, max(low, total - 12 * settings.octave_shift))))


def _transposition(text: str) -> float | str:
    try:
        return AUTO if text.strip().lower() == AUTO else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} must be a number of semitones, or auto") from None
