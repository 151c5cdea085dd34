"""The first sound of a take: what there is of it is heard while the rest is rendered.

Where finding the pitch takes long, a first version is sung from the instant tracker's pitch before. Either is a file in
the workspace's cache that grows: another name (a hard link) of the result that is being written, until the take is
there. What goes wrong with it is passed over, since the take itself follows and says the same.

Public: `FirstSound`, `planned`, `wanted`, `path`, `heard`, `heard_yet`, `let_hear`, `read_on`, `sing`, `forget`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ddsing.constants import SAMPLE_RATE
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
_SOON_S = 2.0  # what is rendered in less is there before anybody could listen
_AT_ONCE_S = 0.3  # or before it could begin to play by itself
_ABANDONED_S = 3600.0  # left by a process that was killed


@dataclass(frozen=True)
class FirstSound:
    """What there is to hear until a take is there.

    Attributes
    ----------
    name : str
        No other has it.
    duration_s : float
        Of the take.
    instant : bool
        Whether a first version is sung with the instant tracker's pitch.
    rate_hz : int
        The take's sample rate.
    """

    name: str
    duration_s: float
    instant: bool = False
    rate_hz: int = SAMPLE_RATE

    def to_json(self) -> dict[str, Any]:
        """For an order's options."""
        return asdict(self)

    @classmethod
    def of(cls, options: object) -> FirstSound | None:
        """That of an order's options; None where there is none."""
        return cls(**options) if isinstance(options, dict) else None


def planned(
    duration_s: float,
    *,
    singing_s: float,
    tracker: str | None = None,
    to_analyse_s: float = 0.0,
    at_once: bool = False,
    rate_hz: int = SAMPLE_RATE,
) -> FirstSound | None:
    """The first sound of a take; None where it would be there too late to be of use.

    Parameters
    ----------
    duration_s, singing_s : float
        Of the take, and how long rendering it will probably take.
    tracker, to_analyse_s
        See `wanted`.
    at_once : bool
        Whether it is to play by itself.
    rate_hz : int
        The take's sample rate.
    """
    instant_first = tracker is not None and wanted(tracker, to_analyse_s)
    if not instant_first and singing_s < (_AT_ONCE_S if at_once else _SOON_S):
        return None
    return FirstSound(secrets.token_hex(8), duration_s, instant_first, rate_hz)


def wanted(tracker: str, to_analyse_s: float) -> bool:
    """Whether a transfer takes so long to find the pitch that there should be something to hear meanwhile.

    Parameters
    ----------
    to_analyse_s : float
        Seconds of the recording whose pitch isn't known yet.
    """
    return tracker in _SLOW and to_analyse_s >= _SHORTEST_S and not instant.why_missing()


def path(workspace: Workspace, name: str) -> Path:
    """Where a first sound is, once it begins."""
    return workspace.cache / FOLDER / f"{safe_name(name)}.wav"


def let_hear(sound: Path, place: Path) -> None:
    """Make a file that is being written a first sound; none where the disk has no links, or one is there already."""
    with contextlib.suppress(OSError):
        _remove_abandoned(place.parent)
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(sound, place)


def read_on(place: Path, start: int, most: int = -1) -> tuple[np.ndarray, int] | None:
    """What has come of a first sound since it was read last.

    Parameters
    ----------
    most : int
        Samples at most; by default all.

    Returns
    -------
    tuple[np.ndarray, int] or None
        Samples from `start` on [shape=(n_samples,), float32], and the sample rate; None while there is no first sound.
    """
    with contextlib.suppress(OSError, soundfile.SoundFileError), soundfile.SoundFile(os.fsencode(place)) as file:
        file.seek(min(start, file.frames))
        return file.read(most, dtype="float32"), file.samplerate
    return None


def heard_yet(workspace: Workspace, planned: object) -> Callable[[], bool] | None:
    """What says whether the first sound that an order's options plan has begun; None where they plan none."""
    first = FirstSound.of(planned)
    return None if first is None else path(workspace, first.name).exists


@contextlib.contextmanager
def heard(workspace: Workspace, planned: object) -> Iterator[tuple[FirstSound | None, Path | None]]:
    """The first sound that an order's options plan, if they do, and where it can be heard until the block ends."""
    first = FirstSound.of(planned)
    try:
        yield first, None if first is None else path(workspace, first.name)
    finally:
        if first is not None:
            forget(workspace, first.name)


def sing(workspace: Workspace, name: str, run: Callable[..., Take]) -> None:
    """Make a first sound.

    Parameters
    ----------
    run : callable
        The transfer, which takes ``tracker`` and ``store`` as `ddsing.transfer.pipeline.run` does, and ``heard_at``, if
        it is to be heard while it is sung; `Cancelled` passes through.
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
