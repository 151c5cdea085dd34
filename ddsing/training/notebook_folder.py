"""The pickled statistics in a checkpoints folder of 2021, read as those of a 2021 zip: by a limited child process."""

import io
import zipfile
from pathlib import Path

from ddsing.errors import InstrumentError
from ddsing.instrument.format import add_member
from ddsing.instrument.opening import open_any
from ddsing.model.statistics import DatasetStatistics
from ddsing.training.checkpoints import Checkpoint
from ddsing.training.folder import STATISTICS_PICKLE

_GIN_PATTERN = "operative_config-*.gin"
_MAX_BYTES = 280 * 2**20


def statistics(path: Path, checkpoint: Checkpoint) -> DatasetStatistics | None:
    """The statistics beside a checkpoint; None where they can't be read."""
    files = [path / STATISTICS_PICKLE, *path.glob(_GIN_PATTERN), *path.glob(f"ckpt-{checkpoint.step}.*")]
    files = [file for file in files if file.is_file() and file.suffix != ".json"]
    if sum(file.stat().st_size for file in files) > _MAX_BYTES:
        return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            add_member(archive, file.name, file.read_bytes())
    try:
        return open_any(buffer.getvalue(), name=path.name).statistics
    except InstrumentError:
        return None
