"""A voice that was not trained for ddsp-vst as a file for it all the same: near it, and with how near in its metadata.

See `ddsing.engine.approximation` for what is done and measured.
"""

from collections.abc import Mapping
from pathlib import Path

from ddsing import process
from ddsing.constants import POWER
from ddsing.engine import approximation
from ddsing.engine.approximation import Measured
from ddsing.errors import InstrumentError
from ddsing.instrument import in_child
from ddsing.instrument.format import write_whole
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.vst import writing
from ddsing.instrument.vst.contract import STATE, check, metadata_of
from ddsing.model.config import ModelConfig

_KEYS = {"harmonics_db": "approximation_harmonics_db", "spectrum_db": "approximation_spectrum_db"}


def why_not(config: ModelConfig) -> str:
    """Why a model can't be approximated for the plug-in, as a sentence; "" where it can."""
    if config.generation == POWER:
        return "This instrument was trained for ddsp-vst: it needs no approximation."
    if config.z is not None:
        return (
            "This instrument listens to timbre, for which ddsp-vst has no input. For the plug-in, train the voice with "
            "the model “For the plug-in ddsp-vst” (--config vst)."
        )
    if config.rnn_channels > STATE:
        return f"ddsp-vst plays models with a GRU of up to {STATE}; this instrument's has {config.rnn_channels}."
    return ""


def said(measured: Measured) -> str:
    """How near it is, in a sentence."""
    return (
        f"Measured on a built-in phrase, the approximation is {measured.spectrum_db:.1f} dB from the instrument, on "
        f"average over the spectrum, and {measured.harmonics_db:.1f} dB in its harmonics. Driven by real singing it "
        "differs more, as the plug-in hears its power, not its loudness. Set its Input Gain by ear."
    )


def to_bytes(instrument: Instrument) -> bytes:
    """The file, which the plug-in's own checks have passed; TensorFlow is imported, since it makes the model."""
    _require(instrument.config)
    from ddsing.engine.decoder import always_sure
    from ddsing.engine.tf import vst

    config, weights = always_sure(instrument.config, instrument.weights)
    powers = approximation.fit(config, weights, instrument.statistics)
    found = approximation.measure(config, weights, powers, instrument.statistics)
    document = writing.metadata(instrument) | {key: round(getattr(found, name), 3) for name, key in _KEYS.items()}
    made = writing.with_metadata(vst.model(config, weights, powers), document)
    check(made)
    return made


def measured(data: bytes) -> Measured:
    """What a file of `to_bytes` says of itself."""
    document = metadata_of(data)
    return Measured(**{name: float(document[key]) for name, key in _KEYS.items()})


def write(instrument: Instrument, path: Path | str) -> None:
    """Write the file."""
    writing.require_suffix(path)
    write_whole(Path(path), to_bytes(instrument))


def bytes_from_child(instrument: Instrument, *, progress: process.Progress | None = None) -> bytes:
    """The file of `write`, made by `process.call`, so that TensorFlow is not imported here."""
    _require(instrument.config)
    function = "ddsing.instrument.vst.approximating:rewrite"
    return in_child.made(function, instrument, suffix=writing.SUFFIX, progress=progress)


def rewrite(request: Mapping, progress: process.Progress) -> None:
    """What the child does: a native zip, ``source``, is written for the plug-in, ``target``."""
    from ddsing.engine.tf import runtime

    in_child.rewrite(request, progress, load=runtime.tensorflow, doing="writing the model", writing=write)


def _require(config: ModelConfig) -> None:
    reason = why_not(config)
    if reason:
        raise InstrumentError(reason)
