"""The z of a voice's training windows: points for the map, and all together the voice's latent space.

A point is a stretch of 0.4 s of a window: the mean of z over it, with the pitch, loudness and recording that belong to
it. Windows beyond a number that is quick to encode are passed over evenly.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing import files
from ddsing.constants import DB_RANGE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.dataset import windows
from ddsing.dataset.voices import Voice
from ddsing.errors import DatasetError
from ddsing.formats import tfrecord
from ddsing.instrument import Instrument
from ddsing.model import latent_space as spaces
from ddsing.model import places as places_of
from ddsing.model.latent_space import LatentSpace
from ddsing.model.places import Places

if TYPE_CHECKING:
    from ddsing.engine.encoder import Encoder

MAX_WINDOWS = 60
POINT_FRAMES = 100  # 0.4 s
_Z_EVERY = 8  # frames of 4 ms between two z that the network gives
_ABOVE_FLOOR_DB = 20.0  # what is louder counts as sounding
_CLEAR = 0.5  # confidence from which a pitch is one
_VERSION = 2


@dataclass(frozen=True, eq=False)
class Points:
    """Stretches of a dataset.

    Attributes
    ----------
    z : np.ndarray [shape=(n_points, z_dims), float32]
    f0_hz : np.ndarray [shape=(n_points,), float32]
        Median over its clear frames; NaN without any.
    loudness_db : np.ndarray [shape=(n_points,), float32]
        Mean.
    row : np.ndarray [shape=(n_points,), int64]
        Of the window, in `windows.load`.
    start_s : np.ndarray [shape=(n_points,), float32]
        Where in its window.
    file : np.ndarray [shape=(n_points,), str]
        The recording's name, "" where it is not known.
    space : LatentSpace
        Of all frames that sound.
    places : Places
        Likewise.
    """

    z: np.ndarray
    f0_hz: np.ndarray
    loudness_db: np.ndarray
    row: np.ndarray
    start_s: np.ndarray
    file: np.ndarray
    space: LatentSpace
    places: Places


def points(
    voice: Voice, instrument: Instrument, encoder: "Encoder", *, progress: Callable[[float], None] = lambda share: None
) -> Points:
    """The z of a voice's windows as an instrument, by its own encoder, hears them; kept in the cache.

    Raises `DatasetError` without any.
    """
    return known(voice, instrument) or _measured(voice, instrument, encoder, progress, _path(voice, instrument))


def known(voice: Voice, instrument: Instrument) -> Points | None:
    """Those that the cache has."""
    return _read(_path(voice, instrument))


def _measured(
    voice: Voice, instrument: Instrument, encoder: "Encoder", progress: Callable[[float], None], kept: Path
) -> Points:
    table = windows.load(voice)
    usable = np.flatnonzero(table.record >= 0)
    if not len(usable):
        raise DatasetError(f"The dataset of {voice.name!r} has no windows; prepare it again.")
    rows = usable[np.unique(np.linspace(0, len(usable) - 1, min(len(usable), MAX_WINDOWS)).round().astype(int))]
    floor_db = _ABOVE_FLOOR_DB - DB_RANGE[3]
    parts, frames = [], []
    for number, row in enumerate(rows):
        progress(number / len(rows))
        window = windows.read(voice, int(row))
        z = encoder.encode(window.audio, len(window.audio) // HOP_SAMPLES)
        n = min(len(z), len(window.f0_hz))
        parts.append(_stretches(z[:n], window, int(row), str(table.file[row]), floor_db))
        frames.append(z[:n][window.loudness_db[:n] > floor_db][::_Z_EVERY])
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    sounding = np.concatenate(frames)
    told = sounding if len(sounding) >= 16 else arrays["z"]
    space, places = spaces.measure(told), places_of.measure(told)
    progress(1.0)
    _keep(kept, arrays | places.arrays(), space)
    return Points(**arrays, space=space, places=places)


def _stretches(z: np.ndarray, window: windows.Window, row: int, file: str, floor_db: float) -> dict[str, np.ndarray]:
    """The points of one window; silent stretches are none, unless all are."""
    n = len(z) // POINT_FRAMES * POINT_FRAMES or len(z)
    shape = (-1, min(POINT_FRAMES, n))
    loudness_db = window.loudness_db[:n].reshape(shape).mean(axis=1)
    clear = window.f0_confidence[:n] >= _CLEAR
    f0_hz = np.where(clear, window.f0_hz[:n], np.nan).reshape(shape)
    pitch = np.array([np.nanmedian(line) if np.isfinite(line).any() else np.nan for line in f0_hz], np.float32)
    keep = loudness_db > floor_db
    keep = keep if keep.any() else np.ones(len(keep), bool)
    starts = np.arange(len(loudness_db)) * shape[1] * HOP_SAMPLES / SAMPLE_RATE
    return {
        "z": z[:n].reshape(*shape, z.shape[1]).mean(axis=1)[keep].astype(np.float32),
        "f0_hz": pitch[keep],
        "loudness_db": loudness_db[keep].astype(np.float32),
        "row": np.full(int(keep.sum()), row, np.int64),
        "start_s": starts[keep].astype(np.float32),
        "file": np.full(int(keep.sum()), file),
    }


def _path(voice: Voice, instrument: Instrument) -> Path:
    """Where the points are kept: by the encoder's weights, and the dataset's files."""
    hasher = hashlib.sha256(f"{_VERSION} ".encode() + os.fsencode(voice.dataset_folder))
    for name, weight in instrument.weights.items():
        if name.startswith("encoder/"):
            hasher.update(np.ascontiguousarray(weight).tobytes())
    for path in [*tfrecord.shards(voice.dataset_folder), voice.dataset_folder / "windows.json"]:
        if path.is_file():
            hasher.update(" ".join(map(str, (path.name, *files.stamp(path)))).encode())
    return voice.cache / "latent" / f"{hasher.hexdigest()[:32]}.npz"


def _keep(path: Path, arrays: dict[str, np.ndarray], space: LatentSpace) -> None:
    columns: dict[str, Any] = {f"of_{name}": array for name, array in arrays.items()}
    described = np.frombuffer(json.dumps(space.to_json()).encode(), np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_arrays(path, space=described, **columns)
    except OSError:  # a full disk only means that it is not kept
        return


def _read(path: Path) -> Points | None:
    found = files.read_arrays(path) or {}
    try:
        space = LatentSpace.from_json(json.loads(found.pop("space").tobytes()))
        places = Places(found.pop("of_places"))
        arrays = {name.removeprefix("of_"): array for name, array in found.items()}
        return Points(**arrays, space=space, places=places)
    except (ValueError, KeyError, TypeError):
        return None
