"""The native instrument: a deterministic zip of a manifest, weights and, for reading only, the operative gin text.

``instrument.json``          format version, name, model configuration, statistics, ranges, provenance, and the
                             SHA-256 of every other member
``weights.safetensors``      float32, under exactly the names and shapes of `ModelConfig.weight_shapes`
``operative_config-0.gin``   optional; shown to people, never parsed
``timbre.safetensors``       optional, then with format version 2: the places in z of the voice, the array of
                             `ddsing.model.places.Places`
``top.safetensors``          optional, with an entry ``top`` in the manifest and format version 2: the arrays of
                             `ddsing.model.top.Top`. Readers of version 1 refuse such files and say why

There is no code in it, no optimizer state, no host name and no home path. `read` takes files from strangers (see
`ddsing.instrument.archive`) and checks everything before it is believed. Public: `Instrument`, `Provenance`, `read`,
`read_summary`, `write`, `to_bytes`.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from safetensors.numpy import save as save_safetensors

from ddsing.errors import InstrumentError
from ddsing.files import write_atomic
from ddsing.formats import strict_json
from ddsing.instrument import manifest
from ddsing.instrument.archive import Archive, open_archive, peek
from ddsing.instrument.manifest import Provenance
from ddsing.model import tensors
from ddsing.model import weights as model_weights
from ddsing.model.config import ModelConfig
from ddsing.model.latent_space import LatentSpace
from ddsing.model.places import MAX_BYTES as MAX_PLACES_BYTES
from ddsing.model.places import Places
from ddsing.model.statistics import DatasetStatistics
from ddsing.model.top import MAX_BYTES as MAX_TOP_BYTES
from ddsing.model.top import Top, check_about

FORMAT = "ddsing-instrument"
FORMAT_VERSION, WITH_MORE = 1, 2  # the latter where there are members of which older readers don't know
MANIFEST_NAME = "instrument.json"
WEIGHTS_NAME = "weights.safetensors"
GIN_NAME = "operative_config-0.gin"
PLACES_NAME = "timbre.safetensors"
TOP_NAME = "top.safetensors"
MAX_MANIFEST_BYTES = 2 * 2**20
MAX_GIN_BYTES = 64 * 2**10
MAX_WARNINGS = 50
_OPTIONAL = {"latent", "top"}  # which older instruments lack
_KEYS = {"format", "format_version", "name", "model", "statistics", "ranges", "provenance", "warnings", "members"}


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


def read(source: Path | str | bytes) -> Instrument:
    """Read a native instrument; anything wrong in it raises `InstrumentError`."""
    archive = _unwrapped(open_archive(source))
    document, summary = _manifest(archive)
    _check_members(archive, document)
    expected = model_weights.n_bytes(summary.config)
    declared = archive.members[WEIGHTS_NAME].n_bytes
    if not 0 <= declared - expected <= tensors.MAX_HEADER_BYTES + 8:
        raise InstrumentError(
            f"The instrument's weights have {declared:,} bytes; its model configuration needs about {expected:,}."
        )
    hashes = {name: entry["sha256"] for name, entry in document["members"].items()}
    weights = tensors.parse(_hashed(archive, WEIGHTS_NAME, hashes, expected + tensors.MAX_HEADER_BYTES + 8))
    gin_text = ""
    if GIN_NAME in archive.members:
        try:
            gin_text = _hashed(archive, GIN_NAME, hashes, MAX_GIN_BYTES).decode("utf-8")
        except UnicodeDecodeError:
            raise InstrumentError("The instrument's configuration text is not valid UTF-8.") from None
    places = None
    if summary.has_places:
        places = Places.of(tensors.parse(_hashed(archive, PLACES_NAME, hashes, MAX_PLACES_BYTES)))
    top = None
    if summary.top is not None:
        top = Top.of(tensors.parse(_hashed(archive, TOP_NAME, hashes, MAX_TOP_BYTES)), summary.top)
    return Instrument(
        summary.name,
        summary.config,
        summary.statistics,
        weights,
        summary.provenance,
        gin_text,
        summary.warnings,
        summary.latent,
        places,
        top,
    )


def verify(data: bytes, instrument: Instrument) -> None:
    """Raise `InstrumentError` unless `data`, which `to_bytes` gave, is read as this instrument."""
    if read(data).digest != instrument.digest:
        raise InstrumentError("The instrument can't be saved: reading it back would give a different one.")


def read_summary(source: Path | str | bytes) -> Summary:
    """The checked manifest of a native instrument, without reading its weights."""
    with peek(source) as archive:
        return _manifest(_unwrapped(archive))[1]


def is_native(archive: Archive) -> bool:
    """Whether a zip claims to be a native instrument, perhaps in a folder."""
    return bool(_folders(archive))


def to_bytes(instrument: Instrument) -> bytes:
    """The instrument as a zip; the same instrument always gives the same bytes."""
    members = {WEIGHTS_NAME: save_safetensors(dict(instrument.weights))}
    if instrument.gin_text:
        members[GIN_NAME] = instrument.gin_text.encode("utf-8")
    if instrument.places is not None:
        members[PLACES_NAME] = save_safetensors(instrument.places.arrays())
    if instrument.top is not None:
        members[TOP_NAME] = save_safetensors(dict(instrument.top.arrays))
    document = {
        "format": FORMAT,
        "format_version": WITH_MORE if {PLACES_NAME, TOP_NAME} & set(members) else FORMAT_VERSION,
        "name": instrument.name,
        "model": instrument.config.to_json(),
        "statistics": None if instrument.statistics is None else instrument.statistics.to_json(),
        "ranges": manifest.ranges(instrument.statistics),
        "provenance": instrument.provenance.to_json() | {"ddsp_generation": instrument.config.generation},
        "warnings": list(instrument.warnings),
        "members": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in members.items()
        },
    }
    if instrument.latent is not None:
        document["latent"] = instrument.latent.to_json()
    if instrument.top is not None:
        document["top"] = instrument.top.to_json()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in {MANIFEST_NAME: strict_json.dumps(document), **members}.items():
            add_member(file, name, data)
    return buffer.getvalue()


def write(instrument: Instrument, path: Path | str) -> None:
    """Write the instrument to `path`, whole or not at all."""
    write_whole(Path(path), to_bytes(instrument))


def add_member(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add a member with a fixed date and mode; deflated where that helps and no reader would take it for a bomb."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, 0o100644 << 16
    packed_bytes = len(zlib.compress(data, 6)) if len(data) < 2**20 else len(data)
    info.compress_type = (
        zipfile.ZIP_DEFLATED if packed_bytes < 0.9 * len(data) < 45 * packed_bytes else zipfile.ZIP_STORED
    )
    file.writestr(info, data, compresslevel=6)


def write_whole(path: Path, data: bytes) -> None:
    """Write an instrument's file, or say in a sentence why not."""
    try:
        write_atomic(path, data)
    except OSError as error:
        raise InstrumentError(f"The instrument can't be written to {str(path)!r}: {error.strerror}.") from None


def _folders(archive: Archive) -> list[str]:
    """Where in a zip native instruments lie: "" or ``folder/``."""
    found = [name[: -len(MANIFEST_NAME)] for name in archive.members if f"/{name}".endswith(f"/{MANIFEST_NAME}")]
    return [folder for folder in found if not folder or folder + WEIGHTS_NAME in archive.members]


def _unwrapped(archive: Archive) -> Archive:
    """The same files by their names in the instrument's folder; what lies outside it keeps its whole name."""
    folders = _folders(archive)
    if len(folders) > 1:
        raise InstrumentError("The zip contains instruments in several folders. Use one zip per instrument.")
    return archive.within(folders[0]) if folders else archive


def _manifest(archive: Archive) -> tuple[dict, Summary]:
    document = manifest.loads(archive.read(MANIFEST_NAME, max_bytes=MAX_MANIFEST_BYTES))
    if document.get("format") != FORMAT:
        raise InstrumentError("The zip's instrument.json was not written by ddsing, so it can't be read.")
    if document.get("format_version") not in (FORMAT_VERSION, WITH_MORE):
        raise InstrumentError(
            f"The instrument has format version {document.get('format_version')!r:.20}; this ddsing reads versions "
            f"{FORMAT_VERSION} and {WITH_MORE}. Update ddsing, or export the instrument again."
        )
    wrong = (set(document) - _OPTIONAL) ^ _KEYS
    if wrong:
        raise InstrumentError(f"The instrument's manifest has missing or unknown entries: {ascii(sorted(wrong)[:3])}.")
    for key in ("model", "provenance", "members"):
        if not isinstance(document[key], dict):
            raise InstrumentError(f"The instrument's manifest entry {key} must be an object.")
    provenance = dict(document["provenance"])
    generation = provenance.pop("ddsp_generation", None)
    config = ModelConfig.from_json(document["model"])
    if generation != config.generation:
        raise InstrumentError(f"The instrument names two ddsp generations, {generation!r:.20} and {config.generation}.")
    statistics = document["statistics"]
    if statistics is not None:
        statistics = (
            DatasetStatistics.from_json(statistics) if isinstance(statistics, dict) else _no_object("statistics")
        )
    warnings = document["warnings"]
    if not isinstance(warnings, list) or len(warnings) > MAX_WARNINGS:
        raise InstrumentError(f"The instrument's warnings must be a list of at most {MAX_WARNINGS} sentences.")
    summary = Summary(
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
    return document, summary


def _content(document: Mapping) -> str:
    about = {name: value for name, value in document["provenance"].items() if name not in manifest.EDITABLE}
    facts = [about, *(document[name] for name in ("model", "statistics", "members"))]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


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


def _no_object(key: str) -> NoReturn:
    raise InstrumentError(f"The instrument's manifest entry {key} must be an object or null.")


def _check_members(archive: Archive, document: dict) -> None:
    more = {TOP_NAME} if "top" in document else set()
    more |= {PLACES_NAME} if document["format_version"] == WITH_MORE else set()
    extra = set(archive.members) - {MANIFEST_NAME, WEIGHTS_NAME, GIN_NAME} - more
    if extra:
        raise InstrumentError(
            f"The instrument contains {ascii(sorted(extra)[0])[:60]}, which doesn't belong there; only "
            "instrument.json, weights.safetensors and operative_config-0.gin do."
        )
    if ("top" in document) != (TOP_NAME in archive.members):
        raise InstrumentError("The instrument's top doesn't match its manifest. Export it again.")
    if (document["format_version"] == WITH_MORE) != bool({PLACES_NAME, TOP_NAME} & set(archive.members)):
        raise InstrumentError(
            f"The instrument has format version {WITH_MORE} without its timbre or top, or these with another. "
            "Export it again."
        )
    listed = document["members"]
    if set(listed) != set(archive.members) - {MANIFEST_NAME} or WEIGHTS_NAME not in listed:
        raise InstrumentError("The instrument's files don't match its manifest. Export it again.")
    for entry in listed.values():
        if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
            raise InstrumentError("The instrument's manifest gives no SHA-256 for one of its files; export it again.")


def _hashed(archive: Archive, name: str, hashes: Mapping[str, str], max_bytes: int) -> bytes:
    data = archive.read(name, max_bytes=max_bytes)
    if hashlib.sha256(data).hexdigest() != hashes[name]:
        raise InstrumentError(
            f"The instrument's {name} is damaged: its SHA-256 checksum doesn't match. Download it again."
        )
    return data
