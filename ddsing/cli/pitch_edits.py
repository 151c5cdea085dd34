"""The options of ``transfer`` that change the recording's pitch curve."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.errors import SettingsError
from ddsing.files import spelled
from ddsing.units import n_frames
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.sound.curve.edit import PitchEdit
    from ddsing.sound.recording import Recording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--f0`` and ``--repair-octaves``."""
    parser.add_argument(
        "--f0",
        metavar="F0.csv|F0.mid",
        help="sing this pitch curve: a table of time,frequency[,confidence] in seconds and Hz, 0 Hz where nothing is "
        "voiced, as `features` writes it; or notes, to which what was sung is moved",
    )
    parser.add_argument(
        "--repair-octaves",
        action="store_true",
        help="repair short stretches that the tracker probably found an octave too high or too low",
    )


def of(
    args: argparse.Namespace, workspace: Workspace, audio: Path | Recording, *, tracker: str, edit: PitchEdit | None
) -> tuple[Path | Recording, PitchEdit | None]:
    """What is to be transferred, decoded if that was needed, and the edit of its pitch curve.

    Parameters
    ----------
    edit : PitchEdit or None
        What there is without the options.
    """
    if not args.f0 and not args.repair_octaves:
        return audio, edit
    from ddsing.sound import features, recording
    from ddsing.sound.curve.edit import PitchEdit
    from ddsing.transfer import edited

    found = recording.read(audio) if isinstance(audio, Path) else audio
    if args.f0:
        edit = PitchEdit(
            found.key, tracker, (edited.read(*_content(args.f0), n_frames(len(found.audio), centred=True)),)
        )
    if args.repair_octaves:
        cache = features.FeatureCache(workspace.cache / "features")
        edit = edited.repaired(features.extract(found.audio, tracker=tracker, cache=cache), found.audio, edit)
    return found, edit


def _content(f0: str) -> tuple[str, bytes]:
    path = spelled(Path(f0))
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise SettingsError(f"--f0 is {f0[:200]!r}, which can't be read: {error.strerror or error}.") from None
