"""The first sound of a transfer: sung from the instant tracker's pitch, to be heard while a better tracker works.

It is a file in the workspace's cache for as long as that takes; then the take is in its place. What goes wrong with it
is passed over, since the transfer itself follows and says the same.

Public: `wanted`, `new`, `path`, `found`, `sing`, `forget`.
"""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ddsing.errors import Cancelled, DdsingError
from ddsing.files import safe_name
from ddsing.sound import pitch
from ddsing.sound.pitch import instant
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace

FOLDER = "first sounds"  # of the cache
_SLOW = ("full", "fast")
_SHORTEST_S = 4.0  # what is shorter is soon done
_ABANDONED_S = 3600.0  # left by a process that was killed


def wanted(tracker: str, to_analyse_s: float) -> bool:
    """Whether a transfer takes so long to find the pitch that there should be something to hear meanwhile.

    Parameters
    ----------
    to_analyse_s : float
        Seconds of the recording whose pitch isn't known yet.
    """
    return tracker in _SLOW and to_analyse_s >= _SHORTEST_S and not instant.why_missing()


def new() -> str:
    """A name that no other first sound has."""
    return secrets.token_hex(8)


def path(workspace: Workspace, name: str) -> Path:
    """Where a first sound is, once it is sung."""
    return workspace.cache / FOLDER / f"{safe_name(name)}.wav"


def found(workspace: Workspace, name: str) -> Path | None:
    """A first sound's file, once it is sung; None before and afterwards."""
    with contextlib.suppress(OSError):
        place = path(workspace, name)
        return place if place.is_file() else None
    return None


def sing(workspace: Workspace, name: str, run: Callable[..., Take]) -> None:
    """Make a first sound.

    Parameters
    ----------
    run : callable
        The transfer, which takes ``tracker`` and ``store`` as `ddsing.transfer.pipeline.run` does; `Cancelled` passes
        through.
    """
    place = path(workspace, name)
    aside = place.with_suffix("")
    with contextlib.suppress(OSError):
        _remove_abandoned(place.parent)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        take = run(tracker=pitch.INSTANT, store=TakeStore(workspace, aside))
        os.replace(take.folder / "result.wav", place)
    except Cancelled:
        raise
    except (DdsingError, OSError):
        forget(workspace, name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def forget(workspace: Workspace, name: str) -> None:
    """Remove a first sound; nothing happens if there is none."""
    with contextlib.suppress(OSError):
        path(workspace, name).unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    for entry in list(folder.iterdir()):
        if time.time() - entry.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
