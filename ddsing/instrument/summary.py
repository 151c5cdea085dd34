"""What an instrument's manifest says, without its weights.

Public: `Summary`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from ddsing.errors import InstrumentError
from ddsing.instrument import manifest
from ddsing.instrument.instrument import check_latent
from ddsing.instrument.manifest import Provenance
from ddsing.model.config import ModelConfig
from ddsing.model.latent_space import LatentSpace
from ddsing.model.statistics import DatasetStatistics
from ddsing.model.top import check_about

PLACES_NAME = "timbre.safetensors"  # the member that has the places
MAX_WARNINGS = 50


@dataclass(frozen=True)
class Summary:
    """An instrument's manifest without its weights, for lists.

    `content` is a hash of what makes it this instrument: weights and model, and where it comes from; not of its name,
    of what people wrote about it, or of its latent space. `has_places` is whether it knows the places of its voice;
    `top` is what the manifest says of its top, if it has one.
    """

    name: str
    config: ModelConfig
    statistics: DatasetStatistics | None
    provenance: Provenance
    warnings: tuple[str, ...]
    latent: LatentSpace | None = None
    content: str = ""
    has_places: bool = False
    top: Mapping | None = None

    @classmethod
    def of(cls, document: Mapping) -> "Summary":
        """That of a manifest whose entries are there; wrong ones raise `InstrumentError`."""
        provenance = dict(document["provenance"])
        generation = provenance.pop("ddsp_generation", None)
        config = ModelConfig.from_json(document["model"])
        if generation != config.generation:
            raise InstrumentError(
                f"The instrument names two ddsp generations, {generation!r:.20} and {config.generation}."
            )
        statistics = document["statistics"]
        if statistics is not None:
            statistics = (
                DatasetStatistics.from_json(statistics) if isinstance(statistics, dict) else _no_object("statistics")
            )
        warnings = document["warnings"]
        if not isinstance(warnings, list) or len(warnings) > MAX_WARNINGS:
            raise InstrumentError(f"The instrument's warnings must be a list of at most {MAX_WARNINGS} sentences.")
        return cls(
            manifest.check_name(document["name"]),
            config,
            statistics,
            Provenance.from_json(provenance),
            tuple(manifest.check_text(text, "warning", 1000) for text in warnings),
            check_latent(LatentSpace.from_json(document["latent"]), config) if "latent" in document else None,
            _content(document),
            PLACES_NAME in document["members"],
            check_about(document["top"]) if "top" in document else None,
        )

    def to_json(self) -> dict:
        """Plain values, for an index."""
        return {
            "name": self.name,
            "model": self.config.to_json(),
            "statistics": None if self.statistics is None else self.statistics.to_json(),
            "provenance": self.provenance.to_json(),
            "warnings": list(self.warnings),
            "latent": None if self.latent is None else self.latent.to_json(),
            "content": self.content,
            "has_places": self.has_places,
            "top": None if self.top is None else dict(self.top),
        }

    @classmethod
    def from_json(cls, data: Mapping) -> "Summary":
        """What `to_json` gave; anything else raises `InstrumentError`, KeyError or TypeError."""
        statistics, latent = data["statistics"], data["latent"]
        config = ModelConfig.from_json(data["model"])
        return cls(
            manifest.check_name(data["name"]),
            config,
            None if statistics is None else DatasetStatistics.from_json(statistics),
            Provenance.from_json(data["provenance"]),
            tuple(manifest.check_text(text, "warning", 1000) for text in data["warnings"]),
            None if latent is None else check_latent(LatentSpace.from_json(latent), config),
            str(data["content"]),
            bool(data["has_places"]),
            None if data.get("top") is None else check_about(data["top"]),
        )


def _content(document: Mapping) -> str:
    about = {name: value for name, value in document["provenance"].items() if name not in manifest.EDITABLE}
    facts = [about, *(document[name] for name in ("model", "statistics", "members"))]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _no_object(key: str) -> NoReturn:
    raise InstrumentError(f"The instrument's manifest entry {key} must be an object or null.")
