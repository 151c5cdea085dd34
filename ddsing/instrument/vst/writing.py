"""An instrument as ddsp-vst's file: its model by TensorFlow, its sweet spot, and the zip behind them.

The plug-in takes the time of the export for the file's identity, so that no two exports have the same.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ddsing import process
from ddsing.constants import POWER, SAMPLE_RATE
from ddsing.errors import InstrumentError
from ddsing.instrument import in_child
from ddsing.instrument.format import write_whole
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.vst.contract import METADATA, N_HARMONICS, N_NOISE_BANDS, STATE, check
from ddsing.model.config import ModelConfig
from ddsing.sound.phrase import DEFAULT_RANGE_DB, DEFAULT_RANGE_MIDI
from ddsing.units import midi_to_hz

SUFFIX = ".tflite"
WHERE_MARKDOWN = (
    "Put it into `Documents/Magenta/DDSP/Models` (macOS: `~/Documents/Magenta/DDSP/Models`, Windows: "
    r"`C:\Users\YOUR-NAME\Documents\Magenta\DDSP\Models`), then press the plug-in's button to refresh its list."
)
WHERE = WHERE_MARKDOWN.replace("`", "")
NO_TOP = "ddsp-vst plays at 16 kHz: the instrument's top is left out."
NO_RANGES = "Its pitch and loudness ranges are unknown, so the plug-in's sweet spot is that of a usual voice."
_DDSP_VERSION = "3.7.0"  # whose files these are
_FRAME_RATE, _FRAME_SIZE = 50, 1024


def why_not(config: ModelConfig) -> str:
    """Why the plug-in can't play a model, as a sentence; "" where it can."""
    if config.generation != POWER:
        return (
            "ddsp-vst plays only models that hear power, 50 times a second; this instrument hears loudness, 250 times "
            "a second. For the plug-in, train the voice with the model “For the plug-in ddsp-vst” (--config vst)"
            + (", or make an approximation (--approximate)." if config.z is None else ".")
        )
    if (config.n_harmonics, config.n_noise_bands) != (N_HARMONICS, N_NOISE_BANDS):
        return (
            f"ddsp-vst plays only models with {N_HARMONICS} harmonics and {N_NOISE_BANDS} noise bands. This instrument "
            f"has {config.n_harmonics} and {config.n_noise_bands}."
        )
    if config.rnn_channels > STATE:
        return f"ddsp-vst plays models with a GRU of up to {STATE}; this instrument's has {config.rnn_channels}."
    return ""


def remarks(instrument: Instrument) -> list[str]:
    """What somebody should know about the file that is written."""
    return ([NO_TOP] if instrument.top is not None else []) + ([NO_RANGES] if _ranges(instrument) is None else [])


def write_vst(instrument: Instrument, path: Path | str) -> None:
    """Write the instrument as a file for ddsp-vst; TensorFlow is imported, since it makes the model."""
    require_suffix(path)
    write_whole(Path(path), to_bytes(instrument))


def require_suffix(path: Path | str) -> None:
    """Raise `InstrumentError` for a name that the plug-in does not look for."""
    if Path(path).suffix.lower() != SUFFIX:
        raise InstrumentError(f"ddsp-vst finds only files whose names end in {SUFFIX}. Choose such a name.")


def bytes_from_child(instrument: Instrument, *, progress: process.Progress | None = None) -> bytes:
    """The file of `write_vst`, made by `process.call`, so that TensorFlow is not imported here."""
    _require(instrument.config)
    return in_child.made("ddsing.instrument.vst.writing:rewrite", instrument, suffix=SUFFIX, progress=progress)


def rewrite(request: Mapping, progress: process.Progress) -> None:
    """What the child does: a native zip, ``source``, is written for the plug-in, ``target``."""
    from ddsing.engine.tf import runtime

    in_child.rewrite(request, progress, load=runtime.tensorflow, doing="writing the model", writing=write_vst)


def to_bytes(instrument: Instrument) -> bytes:
    """The file of `write_vst`, which the plug-in's own checks have passed."""
    _require(instrument.config)
    from ddsing.engine.tf import vst

    made = with_metadata(vst.model(instrument.config, instrument.weights), metadata(instrument))
    check(made)
    return made


def with_metadata(model: bytes, document: Mapping) -> bytes:
    """A model with the zip behind it, whose positions count from the model's beginning, as the plug-in needs."""
    buffer = io.BytesIO(model)
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr(zipfile.ZipInfo(METADATA, date_time=(1980, 1, 1, 0, 0, 0)), json.dumps(document, indent=2))
    return buffer.getvalue()


def metadata(instrument: Instrument) -> dict:
    """What ddsp writes into ``metadata.json``: the sweet spot, in MIDI, Hz and dB of power, and what the model is."""
    pitch, power = _ranges(instrument) or (DEFAULT_RANGE_MIDI, DEFAULT_RANGE_DB[POWER])
    ends = dict(zip(("mean_min", "mean_max"), range(2)))
    return {
        **{f"{name}_pitch_note": round(float(pitch[end]), 3) for name, end in ends.items()},
        **{f"{name}_pitch_note_hz": round(float(midi_to_hz(pitch[end])), 3) for name, end in ends.items()},
        **{f"{name}_power_note": round(float(power[end]), 3) for name, end in ends.items()},
        "version": _DDSP_VERSION,
        "export_time": datetime.now().isoformat(timespec="microseconds"),
        "num_harmonics": N_HARMONICS,
        "num_noise_amps": N_NOISE_BANDS,
        "frame_rate": _FRAME_RATE,
        "frame_size": _FRAME_SIZE,
        "sample_rate": SAMPLE_RATE,
    }


def _ranges(instrument: Instrument) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """How far pitch (MIDI) and power (dB) of the voice's notes usually reach in four seconds; None if unknown."""
    values = {} if instrument.statistics is None else instrument.statistics.values
    known = [
        tuple(values[f"{measure}_{quantity}"] for measure in ("mean_min", "mean_max"))
        for quantity in ("pitch_note", "power_note")
        if {f"mean_min_{quantity}", f"mean_max_{quantity}"} <= set(values)
    ]
    return (known[0], known[1]) if len(known) == 2 else None  # type: ignore[return-value]


def _require(config: ModelConfig) -> None:
    reason = why_not(config)
    if reason:
        raise InstrumentError(reason)
