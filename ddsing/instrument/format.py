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
`ddsing.instrument.archive`) and checks everything before it is believed. Public: `read`, `read_summary`, `verify`,
`write`, `to_bytes`.
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from safetensors.numpy import save as save_safetensors

from ddsing.errors import InstrumentError
from ddsing.files import write_atomic
from ddsing.formats import strict_json
from ddsing.instrument import manifest
from ddsing.instrument.archive import Archive, open_archive, peek
from ddsing.instrument.instrument import MAX_GIN_BYTES, Instrument
from ddsing.instrument.summary import PLACES_NAME, Summary
from ddsing.model import tensors
from ddsing.model import weights as model_weights
from ddsing.model.places import MAX_BYTES as MAX_PLACES_BYTES
from ddsing.model.places import Places
from ddsing.model.top import MAX_BYTES as MAX_TOP_BYTES
from ddsing.model.top import Top

FORMAT = "ddsing-instrument"
FORMAT_VERSION, WITH_MORE = 1, 2  # the latter where there are members of which older readers don't know
MANIFEST_NAME = "instrument.json"
WEIGHTS_NAME = "weights.safetensors"
GIN_NAME = "operative_config-0.gin"
TOP_NAME = "top.safetensors"
MAX_MANIFEST_BYTES = 2 * 2**20
_OPTIONAL = {"latent", "top"}  # which older instruments lack
_KEYS = {"format", "format_version", "name", "model", "statistics", "ranges", "provenance", "warnings", "members"}


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
    return document, Summary.of(document)


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
