"""Where a dataset of 2021 is now that another is made in its place, until that has been said.

A hidden file beside the voice's folders says it from before the old dataset is moved until the new one is done, however
often its preparation is stopped, killed and begun anew meanwhile.
"""

import contextlib
from pathlib import Path

from ddsing.dataset.voices import Voice
from ddsing.files import read_json, safe_name, write_json


def note(voice: Voice, kept_as: str) -> None:
    """Write that the old dataset is about to become that of the voice `kept_as`."""
    write_json(_path(voice), {"voice": voice.name, "kept_as": kept_as})


def kept_as(voice: Voice) -> str:
    """The voice that the old dataset is the dataset of; "" where there is none, or it was said."""
    known = read_json(_path(voice)) or {}
    name = known.get("kept_as")
    there = isinstance(name, str) and known.get("voice") == voice.name and voice.beside(name).dataset_folder.is_dir()
    return str(name) if there else ""


def forget(voice: Voice) -> None:
    """What was noted has been said."""
    with contextlib.suppress(OSError):
        _path(voice).unlink(missing_ok=True)


def _path(voice: Voice) -> Path:
    return voice.folder.parent / f".{safe_name(voice.name)} replaced.json"
