"""An instrument in memory: a model that can be played, and what is known about it.

Public: `Instrument`, `check_latent`, `check_places`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.formats import strict_json
from ddsing.instrument import manifest
from ddsing.instrument.manifest import Provenance
from ddsing.model import weights as model_weights
from ddsing.model.config import ModelConfig
from ddsing.model.latent_space import LatentSpace
from ddsing.model.places import Places
from ddsing.model.statistics import DatasetStatistics
from ddsing.model.top import Top

MAX_GIN_BYTES = 64 * 2**10


@dataclass(frozen=True, eq=False)
class Instrument:
    """A model that can be played, and what is known about it.

    Attributes
    ----------
    name : str
        How people call it.
    config : ModelConfig
        Its architecture, scaling and loudness generation.
    statistics : DatasetStatistics or None
        What its training recordings covered, on the same loudness generation.
    weights : Mapping[str, np.ndarray]
        float32, finite, read-only; names and shapes as in ``config.weight_shapes()``.
    provenance : Provenance
    gin_text : str
        The operative gin text for reading only, or "".
    warnings : tuple[str, ...]
        What a user should know about how it was read, one sentence each.
    latent : LatentSpace or None
        Where its voice's z lies, for models with an encoder.
    places : Places or None
        In which places of z it was trained.
    top : Top or None
        What it sounds like above 8 kHz; without one it sings at 16 kHz.
    """

    name: str
    config: ModelConfig
    statistics: DatasetStatistics | None
    weights: Mapping[str, np.ndarray]
    provenance: Provenance = field(default_factory=Provenance)
    gin_text: str = ""
    warnings: tuple[str, ...] = ()
    latent: LatentSpace | None = None
    places: Places | None = None
    top: Top | None = None

    def __post_init__(self) -> None:
        manifest.check_name(self.name)
        if len(self.gin_text.encode("utf-8", "replace")) > MAX_GIN_BYTES:
            raise InstrumentError(f"The instrument's configuration text is longer than {MAX_GIN_BYTES // 1024} KiB.")
        manifest.check_text(self.gin_text, "configuration text", MAX_GIN_BYTES, lines=True)
        if self.statistics is not None and self.statistics.generation != self.config.generation:
            raise InstrumentError(
                f"The instrument's statistics are of ddsp generation {self.statistics.generation}, its model of "
                f"generation {self.config.generation}; compute the statistics again with the model's generation."
            )
        check_latent(self.latent, self.config)
        check_places(self.places, self.config)
        object.__setattr__(self, "warnings", tuple(self.warnings))
        object.__setattr__(self, "weights", model_weights.checked(self.weights, self.config))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides the sound: configuration, statistics and weights; not of names and notes."""
        hasher = hashlib.sha256()
        statistics = None if self.statistics is None else self.statistics.to_json()
        hasher.update(strict_json.dumps({"model": self.config.to_json(), "statistics": statistics}))
        if self.latent is not None:
            hasher.update(strict_json.dumps(self.latent.to_json()))
        places = {} if self.places is None else self.places.arrays()
        for name, array in {**self.weights, **places}.items():
            hasher.update(f"{name} {array.shape}".encode())
            hasher.update(array.astype("<f4", copy=False).tobytes())
        for name, array in ({} if self.top is None else self.top.arrays).items():
            hasher.update(f"top {name} {array.shape}".encode())
            hasher.update(array.astype("<f4", copy=False).tobytes())
        return hasher.hexdigest()

    def replaced(self, **changes: Any) -> "Instrument":
        """A copy with some fields changed."""
        return replace(self, **changes)


def check_latent(latent: LatentSpace | None, config: ModelConfig) -> LatentSpace | None:
    """The latent space itself, where it fits the model; else `InstrumentError`."""
    if latent is not None and (config.z is None or len(latent.mean) != config.z.z_dims):
        needed = config.z.z_dims if config.z else 0
        raise InstrumentError(f"The instrument's latent space has {len(latent.mean)} dimensions, its model {needed}.")
    return latent


def check_places(places: Places | None, config: ModelConfig) -> None:
    """Raise `InstrumentError` for places that the model has not."""
    if places is not None and (config.z is None or places.z_dims != config.z.z_dims):
        needed = config.z.z_dims if config.z else 0
        raise InstrumentError(f"The instrument's timbre has {places.z_dims} dimensions, its model {needed}.")
