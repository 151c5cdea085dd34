"""Another training from a checkpoint of one that there is: a new folder, the same dataset."""

import contextlib
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

from ddsing import names
from ddsing.dataset import voices
from ddsing.dataset.voices import CHECKPOINTS, Voice
from ddsing.errors import TrainingError
from ddsing.files import MAX_NAME_BYTES, safe_name, write_atomic
from ddsing.training import checkpoints, folder, saving
from ddsing.training.checkpoints import Checkpoint
from ddsing.training.folder import Begun
from ddsing.training.recipe import Config
from ddsing.workspace import Workspace


def begin(workspace: Workspace, voice_name: str, *, step: int, label: str) -> str:
    """Begin another training from a checkpoint; returns the new voice's name, ``<voice>-<label>``.

    The new voice has a folder ``<voice>-<label>_checkpoints`` with a copy of that one checkpoint, its preview, and the
    model's configuration. It is trained on the dataset of the voice that it came from, which is not copied.
    """
    where = folder.locate(workspace, voice_name)
    name = _name(where.voice.name, label)
    chosen = checkpoints.get(where.path, step)
    trained = folder.config(where.path)
    if trained is None:
        raise TrainingError(f"{where.path.name!r} has no operative_config-0.gin, so its model is unknown.")
    chosen.state(trained.model)  # whole, or it says why not
    target = (voices.find(workspace, name) or where.voice.beside(name)).checkpoints_folder
    taken = TrainingError(f"A run named {name!r} already exists; choose another label.")
    if target.exists():
        raise taken
    checkpoints.require_room(where.path, trained.model)
    how = folder.begun(where.path) or Begun()
    try:
        target.mkdir()
    except FileExistsError:  # someone else was faster
        raise taken from None
    with folder.held(target, name):
        _copy(where.voice, target, chosen, trained, name)
        folder.write_begun(target, replace(how, dataset_of=where.source.name))
    return name


def _name(voice_name: str, label: str) -> str:
    label = re.sub(r"[^\w-]+", "-", label).strip("-")
    name = f"{voice_name}-{label}"
    if len(os.fsencode(names.on_disk(name + CHECKPOINTS))) > MAX_NAME_BYTES:
        name = safe_name(name)
    if not label or name == voice_name:
        raise TrainingError("A branch needs a label of letters and digits, such as 'brighter'.")
    return name


def _copy(voice: Voice, target: Path, chosen: Checkpoint, trained: Config, name: str) -> None:
    path = voice.checkpoints_folder

    def write(prefix: Path) -> None:
        for file in path.glob(f"ckpt-{chosen.step}.*"):
            if file.suffix != ".json":
                shutil.copyfile(file, prefix.with_name(file.name))

    facts = {key: value for key, value in chosen.facts.items() if key not in ("files", "step")}
    with contextlib.suppress(FileNotFoundError):
        for other in (folder.STATISTICS_JSON, folder.STATISTICS_PICKLE):
            write_atomic(target / other, (path / other).read_bytes())
    write_atomic(target / folder.GIN_NAME, trained.text.encode())
    preview = path / folder.PREVIEWS / f"ckpt-{chosen.step}.flac"
    if preview.is_file():
        (target / folder.PREVIEWS).mkdir()
        write_atomic(target / folder.PREVIEWS / preview.name, preview.read_bytes())
    checkpoints.publish(target, chosen.step, write, facts)
    checkpoints.write_pointer(target)
    note = f"Branched from {voice.name!r} at step {chosen.step:,} as {name!r}."
    if facts:
        saving.append(target, {"step": chosen.step, **facts})
    saving.append(target, {"note": note, "step": chosen.step, "date": saving.now()})
