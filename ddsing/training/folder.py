"""A ``<voice>_checkpoints`` folder as a whole: how its training was begun, who trains in it, what it was trained on.

``recipe.json`` is ours: the recipe, which voice's dataset is used, and where a branch came from. A folder with
checkpoints but without it is one of 2021: its newest ``operative_config-N.gin`` tells the model, and is never
changed.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filelock import Timeout

from ddsing.dataset import voices
from ddsing.dataset.voices import Voice
from ddsing.errors import TrainingError
from ddsing.files import names_in, read_json, write_atomic, write_json
from ddsing.formats import gin_text as gin_texts
from ddsing.instrument.notebook import gin_text
from ddsing.jobs import shared
from ddsing.model import statistics_pickle
from ddsing.model.statistics import DatasetStatistics
from ddsing.training import checkpoints
from ddsing.training.recipe import Config, parsed
from ddsing.workspace import Workspace

RECIPE_NAME = "recipe.json"
GIN_NAME = "operative_config-0.gin"
STATISTICS_JSON, STATISTICS_PICKLE = "dataset_statistics.json", "dataset_statistics.pkl"
SUMMARIES = Path("summaries") / "train"
PREVIEWS = "previews"
_LOCK_NAME = ".lock"
_GIN = re.compile(r"operative_config-(0|[1-9][0-9]{0,10})\.gin")


@dataclass(frozen=True)
class Begun:
    """How a training was begun.

    Attributes
    ----------
    recipe : Mapping
        See `Recipe.to_json`; empty for a folder of 2021 that we have not gone on with yet.
    dataset_of : str
        The voice whose dataset is used, where it is another one's: a branch's.
    dataset_hash : str
        Of what it was last trained on.
    notebook : bool
        Whether it was begun by the notebooks of 2021.
    """

    recipe: Mapping = field(default_factory=dict)
    dataset_of: str = ""
    dataset_hash: str = ""
    notebook: bool = False

    def to_json(self) -> dict:
        """Plain values, as in ``recipe.json``."""
        return {**vars(self), "recipe": dict(self.recipe)}


def trained(workspace: Workspace) -> dict[str, Path]:
    """All folders of a workspace that hold an event file, by the names of the trainings, in their order."""
    folders = {voice.name: voice.checkpoints_folder for voice in voices.trainings(workspace)}
    return {name: folder for name, folder in folders.items() if _has_events(folder)}


def trained_besides(workspace: Workspace, name: str) -> bool:
    """Whether there is a training of another name; only as many are looked at as that takes."""
    others = (voice for voice in voices.trainings(workspace) if voice.name != name)
    return any(_has_events(voice.checkpoints_folder) for voice in others)


def _has_events(folder: Path) -> bool:
    """`event_files`, of a thousand folders, without a path for each file."""
    try:
        return any("tfevents" in name for name in names_in(os.path.join(folder, SUMMARIES)))
    except OSError:
        return False


def event_files(folder: Path) -> list[Path]:
    """The event files of a training, by their names."""
    return sorted((folder / SUMMARIES).glob("*tfevents*"))


@dataclass(frozen=True)
class Where:
    """The voice that is trained, and the one whose dataset it is trained on: itself, but for a branch."""

    voice: Voice
    source: Voice

    @property
    def path(self) -> Path:
        """The checkpoints folder."""
        return self.voice.checkpoints_folder


def locate(workspace: Workspace, voice_name: str) -> Where:
    """Where a voice is trained; raises `DatasetError` if there is no such voice."""
    voice = voices.get(workspace, voice_name)
    how = begun(voice.checkpoints_folder)
    return Where(voice, voices.get(workspace, how.dataset_of) if how and how.dataset_of else voice)


def begun(folder: Path) -> Begun | None:
    """How the training in a folder was begun; None where nothing has."""
    document = read_json(folder / RECIPE_NAME) or {}
    if isinstance(document.get("recipe"), dict):
        texts = {name: document[name] for name in ("dataset_of", "dataset_hash") if isinstance(document.get(name), str)}
        return Begun(document["recipe"], notebook=document.get("notebook") is True, **texts)
    return Begun(notebook=True) if checkpoints.published(folder) else None


def write_begun(folder: Path, how: Begun) -> None:
    """Keep how a training was begun."""
    write_json(folder / RECIPE_NAME, how.to_json())


def config(folder: Path) -> Config | None:
    """The model that is trained in a folder, by its newest operative gin text; None where there is none."""
    found = {int(match[1]): path for path in _files(folder) if (match := _GIN.fullmatch(path.name))}
    if not found:
        return None
    with open(found[max(found)], "rb") as file:
        data = file.read(gin_texts.MAX_BYTES + 1)
    gin_texts.read_bindings(data)  # an operative text sets nothing twice
    return parsed(Voice.of(folder).name, data.decode("utf-8"))


def shown_gin(folder: Path, trained: Config, *, notebook: bool) -> str:
    """The gin text for an instrument: ours as it is, for one of 2021, whose own may name folders, a new one."""
    return gin_text(trained.model) if notebook else trained.text


@contextlib.contextmanager
def held(folder: Path, voice_name: str) -> Iterator[None]:
    """Be the only one who trains in a folder; the lock goes with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(shared.held(folder / _LOCK_NAME, timeout_s=shared.lock_patience_s()))
        except Timeout:
            raise TrainingError(
                f"{voice_name!r} is already being trained by another process in this workspace. Stop that one first."
            ) from None
        yield


def statistics(folder: Path, generation: int) -> DatasetStatistics | None:
    """The statistics of what was trained on, on a generation's scale; None where they are unknown."""
    document = read_json(folder / STATISTICS_JSON)
    if document:
        found = DatasetStatistics.from_json(document)
        if found.generation == generation:
            return found
    return None


def write_statistics(folder: Path, found: DatasetStatistics) -> None:
    """Keep the statistics, as JSON and, for ddsp's own tools, as the notebooks' pickle; a pickle of 2021 stays."""
    ours = (folder / STATISTICS_JSON).exists() or not (folder / STATISTICS_PICKLE).exists()
    write_json(folder / STATISTICS_JSON, found.to_json(), indent=None)
    if ours:
        write_atomic(folder / STATISTICS_PICKLE, statistics_pickle.dumps(found))


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
