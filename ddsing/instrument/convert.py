"""A 2021 zip → `Instrument`, with this package's inert readers only; run it through `ddsing.instrument.child`.

The zip may hold its files in a sub-folder and several checkpoints: of those that are whole, the one with the highest
step in its file name is taken, and a warning says so. TensorFlow's ``checkpoint`` file, a path that TensorFlow would
follow, is never read.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.formats import gin_text
from ddsing.instrument import pickles
from ddsing.instrument.archive import Archive, open_archive
from ddsing.instrument.format import GIN_NAME
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.manifest import MAX_NAME, Provenance
from ddsing.instrument.pickled_statistics import read_statistics
from ddsing.model import gin, tf_checkpoint
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import DatasetStatistics

_INDEX = re.compile(r"(?P<folder>(?:.*/)?)(?P<stem>ckpt-(?P<step>[0-9]{1,11}))\.index")
_STATISTICS_NAME = "dataset_statistics.pkl"


def convert(source: Path | bytes, *, name: str) -> Instrument:
    """The instrument in a 2021 zip.

    Raises
    ------
    InstrumentError
        Where a part is missing, damaged, or asks for anything that an instrument does not need.
    """
    archive = open_archive(source)
    names = list(archive.members)
    folder, steps = _checkpoints(names)
    gin_data = archive.read(_only(names, folder, r"operative_config-[0-9]{1,11}\.gin"), max_bytes=gin_text.MAX_BYTES)
    config = gin.read_config(gin_text.read_bindings(gin_data))
    statistics, warnings = _statistics(archive, folder, config.generation)
    step, weights, remark = _newest_weights(archive, folder, steps, config)
    stem = steps[step]
    warnings[:0] = remark
    return Instrument(
        name=name[:MAX_NAME],
        config=config,
        statistics=statistics,
        weights=weights,
        provenance=Provenance(
            voice=name[:MAX_NAME],
            step=step,
            date=archive.members[f"{folder}{stem}.index"].modified,
            source_format="notebook",
        ),
        gin_text=gin_text.text_of(gin_data),
        warnings=tuple(warnings),
    )


def _checkpoints(names: list[str]) -> tuple[str, dict[int, str]]:
    """The folder of the checkpoints, and their file names without ending by step, the newest first."""
    matches = [match for name in names if (match := _INDEX.fullmatch(name))]
    if not matches:
        raise InstrumentError(
            "This zip is not an instrument: it has no instrument.json (ddsing) and no ckpt-*.index (2021 notebooks)."
        )
    if len({match["folder"] for match in matches}) > 1:
        raise InstrumentError("The zip contains checkpoints in several folders. Use one zip per instrument.")
    found: dict[int, str] = {}
    for match in sorted(matches, key=lambda match: -int(match["step"])):
        step = int(match["step"])
        if step in found:
            raise InstrumentError(f"The zip contains two checkpoints of step {step:,}. Keep only one.")
        found[step] = match["stem"]
    return matches[0]["folder"], found


def _newest_weights(
    archive: Archive, folder: str, steps: dict[int, str], config: ModelConfig
) -> tuple[int, dict[str, np.ndarray], list[str]]:
    """Step and weights of the newest checkpoint that is whole, and what is to be said about the choice."""
    first: InstrumentError | None = None
    for step, stem in steps.items():
        try:
            index = archive.read(f"{folder}{stem}.index", max_bytes=tf_checkpoint.MAX_INDEX_BYTES)
            weights = tf_checkpoint.read_weights(index, _shards(archive, folder + stem), config)
        except InstrumentError as error:
            first = first or error
            continue
        if first:
            newest = next(iter(steps))
            return step, weights, [f"The newest checkpoint, step {newest:,}, can't be read, so step {step:,} is used."]
        if len(steps) > 1:
            return step, weights, [f"The zip contains {len(steps)} checkpoints; the newest, step {step:,}, is used."]
        return step, weights, []
    assert first is not None  # there is at least one
    raise first


def _statistics(archive: Archive, folder: str, generation: int) -> tuple[DatasetStatistics | None, list[str]]:
    """What the training recordings covered; without the file, or with one that is cut, a warning."""
    name = folder + _STATISTICS_NAME
    wrong = f"The zip has no {_STATISTICS_NAME}"
    if name in archive.members:
        try:
            data = archive.read(name, max_bytes=pickles.MAX_BYTES)
            return read_statistics(data, generation=generation), []
        except pickles.CutShort:
            wrong = f"The zip's {_STATISTICS_NAME} is empty or cut short"
    return None, [f"{wrong}, so its pitch and loudness ranges are unknown."]


def _only(names: list[str], folder: str, pattern: str) -> str:
    """The configuration text beside the checkpoint; the newest by its number where there are several."""
    found = [name for name in names if name.startswith(folder) and re.fullmatch(pattern, name[len(folder) :])]
    if not found:
        raise InstrumentError(
            f"The zip has no {GIN_NAME} next to its checkpoint, so its model is unknown. "
            "Add the file from the training folder."
        )
    return max(found, key=lambda name: int(re.sub(r".*-([0-9]+)\.gin", r"\1", name)))


def _shards(archive: Archive, prefix: str) -> dict:
    pattern = re.compile(re.escape(prefix) + r"\.data-([0-9]{5})-of-([0-9]{5})")
    matches = [match for name in archive.members if (match := pattern.fullmatch(name))]
    count = int(matches[0][2]) if matches else 0
    numbers = sorted(int(match[1]) for match in matches)
    if not 1 <= count <= tf_checkpoint.MAX_SHARDS or numbers != list(range(count)):
        raise InstrumentError(
            f"The zip's checkpoint {prefix.rsplit('/', 1)[-1]} is incomplete: data files are missing. Export it again."
        )
    return {number: _streamer(archive, f"{prefix}.data-{number:05d}-of-{count:05d}") for number in numbers}


def _streamer(archive: Archive, name: str) -> Callable[[], Iterator[bytes]]:
    return lambda: archive.stream(name)
