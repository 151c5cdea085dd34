"""What ddsp-vst asks of a file before it plays it, and what it needs although it does not ask.

The plug-in's own checks (`ModelLibrary::validateModel`): names, numbers and types of inputs and outputs, and their
static shapes. Beside them: first bytes that its text reader leaves alone, operations that TensorFlow Lite 2.9 has in
versions that it knows, and a zip behind the model with ``metadata.json`` in it.
"""

import math
from collections.abc import Mapping

from ddsing.errors import InstrumentError
from ddsing.formats import strict_json, tflite
from ddsing.formats.flatbuffer import FlatbufferError
from ddsing.formats.tflite import Model
from ddsing.instrument.archive import open_archive

N_HARMONICS, N_NOISE_BANDS, STATE = 60, 65, 512
METADATA = "metadata.json"
MAX_METADATA_BYTES = 64 * 2**10
INPUTS = {"call_f0_scaled:0": (1,), "call_pw_scaled:0": (1,), "call_state:0": (STATE,)}
OUTPUTS = {
    "StatefulPartitionedCall:0": (1,),
    "StatefulPartitionedCall:1": (N_HARMONICS,),
    "StatefulPartitionedCall:2": (N_NOISE_BANDS,),
    "StatefulPartitionedCall:3": (STATE,),
}
READ = ("mean_min_pitch_note_hz", "mean_max_pitch_note_hz", "mean_min_power_note", "mean_max_power_note")
_RUNTIME = (2, 9)  # TensorFlow Lite's version in the plug-in
# The newest version of each operation that the plug-in's runtime surely has; float32 needs no newer one.
_VERSIONS = dict.fromkeys(tflite.OPERATIONS.values(), 1) | {"FULLY_CONNECTED": 9}


def model_of(data: bytes) -> Model:
    """The model in a file; `InstrumentError` where it is none."""
    try:
        return tflite.parse(data)
    except FlatbufferError as error:
        raise InstrumentError(f"The ddsp-vst file can't be read: it has {error}.") from None


def metadata_of(data: bytes) -> dict:
    """What the zip behind a model says; `InstrumentError` where there is none, or it can't be read."""
    packed = open_archive(data).read(METADATA, max_bytes=MAX_METADATA_BYTES)
    try:
        return strict_json.loads(packed)
    except ValueError as error:
        raise InstrumentError(f"The ddsp-vst file's {METADATA} can't be read: {str(error)[:120]}.") from None


def check(data: bytes) -> Mapping:
    """Raise `InstrumentError` unless the plug-in will load a file; returns what its metadata say."""
    if not 1 <= data[0] <= 0x7F or not _is_utf8(data[: data.index(0)]):
        raise _refused("its first bytes are no text, so that the plug-in would recode it")
    model = model_of(data)
    if len(model.graphs[0].inputs) != len(INPUTS) or len(model.graphs[0].outputs) != len(OUTPUTS):
        raise _refused(f"it has not {len(INPUTS)} inputs and {len(OUTPUTS)} outputs")
    for ends, wanted in ((model.graphs[0].inputs, INPUTS), (model.graphs[0].outputs, OUTPUTS)):
        found = {model.graphs[0].tensors[index].name: model.graphs[0].tensors[index] for index in ends}
        if set(found) != set(wanted):
            raise _refused(f"its tensors are {', '.join(sorted(found))[:200]}")
        for name, shape in wanted.items():
            if found[name].shape != shape or found[name].dynamic or found[name].kind != tflite.FLOAT32:
                raise _refused(f"{name} is {found[name].kind} of {found[name].shape}, not float32 of {shape}")
    _check_operations(model)
    metadata = metadata_of(data)
    _check_metadata(metadata)
    return metadata


def _check_operations(model: Model) -> None:
    for name, version in model.kinds:
        if version > _VERSIONS.get(name, 0):
            raise _refused(f"its operation {name}, version {version}, is not known to the plug-in")
    needs = model.metadata.get("min_runtime_version", b"").split(b"\0")[0].decode("ascii", "replace")
    parts = tuple(int(part) for part in needs.split(".")[:2] if part.isdecimal())
    if parts > _RUNTIME:
        raise _refused(f"it needs TensorFlow Lite {needs}; the plug-in has {_RUNTIME[0]}.{_RUNTIME[1]}")


def _check_metadata(metadata: Mapping) -> None:
    for key in READ:
        value = metadata.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _refused(f"its {METADATA} has no number {key}")
    for key in ("version", "export_time"):
        if not isinstance(metadata.get(key), str) or not metadata[key]:
            raise _refused(f"its {METADATA} has no text {key}")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _refused(what: str) -> InstrumentError:
    return InstrumentError(f"ddsp-vst would not load the file: {what}.")
