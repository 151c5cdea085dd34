"""The options of ``sing`` for a recording in the place of a score: its notes are sung."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing.cli.quiet import native_messages_hidden
from ddsing.constants import TRACKERS
from ddsing.errors import SettingsError
from ddsing.sound import kinds
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.play.score import Line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--tracker`` and ``--as-sung``."""
    group = parser.add_argument_group("for a recording in the place of a score, such as a hummed melody")
    group.add_argument("--tracker", choices=TRACKERS, help="finds the pitch, and with it the notes (full)")
    group.add_argument(
        "--as-sung", action="store_true", help="leave notes at the pitch at which they were sung, not the next semitone"
    )


def is_one(path: Path) -> bool:
    """Whether a file is a recording, by its name."""
    return path.suffix.lower() in kinds.SUFFIXES


def line(args: argparse.Namespace, workspace: Workspace, path: Path) -> tuple[Line, tuple[str, ...]]:
    """The notes of a recording, and what is odd in it."""
    from ddsing.play import hummed
    from ddsing.sound import features, recording

    if args.part is not None or args.line is not None:
        raise SettingsError("--part and --line are for a score's file; a recording has one melody.")
    with native_messages_hidden():
        sound = recording.read(path)
    cache = features.FeatureCache(workspace.cache / "features")
    found = hummed.line(
        features.extract(sound.audio, tracker=args.tracker or "full", cache=cache), path.name, sound.key
    )
    return found if args.as_sung else hummed.tuned(found), sound.remarks


def refuse(args: argparse.Namespace) -> None:
    """Raise `SettingsError` where the options are given for something else than a recording."""
    if args.tracker is not None or args.as_sung:
        raise SettingsError("--tracker and --as-sung are for a recording; a score has its notes already.")
