"""A 2021 zip → `Instrument`, with this package's inert readers only; run it through `ddsing.instrument.child`.

The zip may hold its files in a sub-folder and several checkpoints: the one with the highest step in its file name is
taken, and a warning says so. TensorFlow's ``checkpoint`` file, a path that TensorFlow would follow, is never read.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ddsing.errors import InstrumentError
from ddsing.formats import gin_text
from ddsing.instrument import pickles
from ddsing.instrument.archive import Archive, open_archive
from ddsing.instrument.format import GIN_NAME, Instrument
from ddsing.instrument.manifest import MAX_NAME, Provenance
from ddsing.instrument.pickled_statistics import read_statistics
from ddsing.model import gin, tf_checkpoint

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
    folder, stem, step, n_checkpoints = _newest_checkpoint(names)
    warnings = []
    if n_checkpoints > 1:
        warnings.append(f"The zip holds {n_checkpoints} checkpoints; the newest, step {step:,}, was taken.")
    gin_data = archive.read(_only(names, folder, r"operative_config-[0-9]{1,11}\.gin"), max_bytes=gin_text.MAX_BYTES)
    config = gin.read_config(gin_text.read_bindings(gin_data))
    statistics = None
    if folder + _STATISTICS_NAME in names:
        data = archive.read(folder + _STATISTICS_NAME, max_bytes=pickles.MAX_BYTES)
        statistics = read_statistics(data, generation=config.generation)
    else:
        warnings.append("The zip holds no dataset_statistics.pkl, so its pitch and loudness ranges are unknown.")
    weights = tf_checkpoint.read_weights(
        archive.read(f"{folder}{stem}.index", max_bytes=tf_checkpoint.MAX_INDEX_BYTES),
        _shards(archive, folder + stem),
        config,
    )
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
        gin_text=gin_data.decode("utf-8").replace("\r\n", "\n"),
        warnings=tuple(warnings),
    )


def _newest_checkpoint(names: list[str]) -> tuple[str, str, int, int]:
    """Folder, file name without ending, and step of the newest checkpoint; and how many there are."""
    matches = [match for name in names if (match := _INDEX.fullmatch(name))]
    if not matches:
        raise InstrumentError(
            "This zip is no instrument: it holds neither instrument.json (ddsing) nor a ckpt-*.index (2021 notebooks)."
        )
    folders = {match["folder"] for match in matches}
    if len(folders) > 1:
        raise InstrumentError("The zip holds checkpoints in several folders; keep one instrument in one zip.")
    newest = max(matches, key=lambda match: int(match["step"]))
    if sum(int(match["step"]) == int(newest["step"]) for match in matches) > 1:
        raise InstrumentError(f"The zip holds two checkpoints of step {int(newest['step']):,}; keep one of them.")
    return newest["folder"], newest["stem"], int(newest["step"]), len(matches)


def _only(names: list[str], folder: str, pattern: str) -> str:
    """The configuration text beside the checkpoint; the newest by its number where there are several."""
    found = [name for name in names if name.startswith(folder) and re.fullmatch(pattern, name[len(folder) :])]
    if not found:
        raise InstrumentError(
            f"The zip holds no {GIN_NAME} beside its checkpoint, and without it nobody can tell which model that is; "
            "add the file from the training folder."
        )
    return max(found, key=lambda name: int(re.sub(r".*-([0-9]+)\.gin", r"\1", name)))


def _shards(archive: Archive, prefix: str) -> dict:
    pattern = re.compile(re.escape(prefix) + r"\.data-([0-9]{5})-of-([0-9]{5})")
    matches = [match for name in archive.members if (match := pattern.fullmatch(name))]
    count = int(matches[0][2]) if matches else 0
    numbers = sorted(int(match[1]) for match in matches)
    if not 1 <= count <= tf_checkpoint.MAX_SHARDS or numbers != list(range(count)):
        raise InstrumentError(
            f"The zip lacks data files of its checkpoint {prefix.rsplit('/', 1)[-1]}; export it again."
        )
    return {number: _streamer(archive, f"{prefix}.data-{number:05d}-of-{count:05d}") for number in numbers}


def _streamer(archive: Archive, name: str) -> Callable[[], Iterator[bytes]]:
    return lambda: archive.stream(name)
