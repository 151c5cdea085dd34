"""The 2021 notebooks' own zip, written so that ddsp restores it: checkpoint, operative gin text, pickled statistics.

The gin text is composed from the model's configuration, in the manner of the generation that it was trained with: a
model of generation 3 names its preprocessor's ``compute_loudness`` (False: loudness is fed, not recomputed) and
``frame_rate``, one of generation 1 only ``time_steps``.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ddsing import process
from ddsing.constants import FRAME_RATE, POWER, SAMPLE_RATE
from ddsing.errors import InstrumentError
from ddsing.instrument import in_child
from ddsing.instrument.format import GIN_NAME, add_member, write_whole
from ddsing.instrument.instrument import Instrument
from ddsing.model import statistics_pickle
from ddsing.model.config import ModelConfig

WINDOW_S = 4
STATISTICS_NAME = "dataset_statistics.pkl"
NO_TOP = "The 2021 format ends at 8 kHz: the instrument's top is left out."


def write_notebook(instrument: Instrument, path: Path | str) -> None:
    """Write the instrument as the 2021 notebooks did, to take it back to them."""
    write_whole(Path(path), to_notebook_bytes(instrument))


def why_not(config: ModelConfig) -> str:
    """Why the notebooks can't have a model, as a sentence; "" where they can."""
    if config.voicing:
        return "The 2021 notebooks play no model that hears how sure the pitch is; train one without voicing for them."
    if config.generation == POWER:
        return "The 2021 notebooks play no models of ddsp-vst's kind, which hear power instead of loudness."
    return ""


def notebook_bytes_from_child(instrument: Instrument, *, progress: process.Progress | None = None) -> bytes:
    """The zip of `write_notebook`, made by `process.call`, so that TensorFlow is not imported here."""
    _require(instrument.config)
    return in_child.made("ddsing.instrument.notebook:rewrite", instrument, progress=progress)


def rewrite(request: Mapping, progress: process.Progress) -> None:
    """What the child does: a native zip, ``source``, is written as the notebooks' own, ``target``."""
    from ddsing.engine.tf import runtime

    in_child.rewrite(request, progress, load=runtime.ddsp, doing="writing the checkpoint", writing=write_notebook)


def to_notebook_bytes(instrument: Instrument) -> bytes:
    """The zip of `write_notebook`; TensorFlow is imported, since it writes the checkpoint."""
    _require(instrument.config)
    from ddsing.engine.tf import export

    members = export.checkpoint(instrument.config, instrument.weights, step=instrument.provenance.step or 0)
    members[GIN_NAME] = gin_text(instrument.config).encode()
    if instrument.statistics is not None:
        members[STATISTICS_NAME] = statistics_pickle.dumps(instrument.statistics)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in sorted(members.items()):
            add_member(file, name, data)
    return buffer.getvalue()


def _require(config: ModelConfig) -> None:
    reason = why_not(config)
    if reason:
        raise InstrumentError(reason)


def gin_text(config: ModelConfig) -> str:
    """An operative gin text that describes the model to ddsp."""
    n_samples = WINDOW_S * SAMPLE_RATE
    preprocessor: dict[str, object] = {"time_steps": WINDOW_S * FRAME_RATE}
    if config.generation == 3:
        preprocessor |= {"compute_loudness": False, "frame_rate": FRAME_RATE, "sample_rate": SAMPLE_RATE}
    sections: dict[str, dict[str, object]] = {
        "Autoencoder": {
            "decoder": "@decoders.RnnFcDecoder()",
            "encoder": "@encoders.MfccTimeDistributedRnnEncoder()" if config.z else None,
            "losses": "[@losses.SpectralLoss()]",
            "preprocessor": "@preprocessing.F0LoudnessPreprocessor()",
            "processor_group": "@processors.ProcessorGroup()",
        },
        "exp_sigmoid": {
            "exponent": config.scale_exponent,
            "max_value": config.scale_max_value,
            "threshold": config.scale_threshold,
        },
        "F0LoudnessPreprocessor": preprocessor,
        "FilteredNoise": {
            "initial_bias": config.noise_initial_bias,
            "n_samples": n_samples,
            "name": "'filtered_noise'",
            "scale_fn": "@core.exp_sigmoid",
            "window_size": config.noise_window_size,
        },
        "get_model": {"model": "@models.Autoencoder()"},
        "Harmonic": {
            "amp_resample_method": f"'{config.amp_resample_method}'",
            "n_samples": n_samples,
            "name": "'harmonic'",
            "normalize_below_nyquist": config.normalize_below_nyquist,
            "sample_rate": SAMPLE_RATE,
            "scale_fn": "@core.exp_sigmoid",
        },
        "oscillator_bank": {"use_angular_cumsum": True},
        "processors.Add": {"name": "'add'"},
        "ProcessorGroup": {
            "dag": "\\\n    [(@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),\n"
            "     (@synths.FilteredNoise(), ['noise_magnitudes']),\n"
            "     (@processors.Add(), ['filtered_noise/signal', 'harmonic/signal'])]"
        },
        "RnnFcDecoder": {
            "ch": config.ch,
            "input_keys": config.input_keys,
            "layers_per_stack": config.layers_per_stack,
            "output_splits": config.output_splits,
            "rnn_channels": config.rnn_channels,
            "rnn_type": "'gru'",
        },
    }
    if config.z:
        sections["MfccTimeDistributedRnnEncoder"] = {
            "rnn_channels": config.z.rnn_channels,
            "rnn_type": "'gru'",
            "z_dims": config.z.z_dims,
            "z_time_steps": config.z.z_time_steps,
        }
    blocks = ["import ddsp\nimport ddsp.training"]
    for selector, parameters in sections.items():
        lines = [f"# Parameters for {selector}:", f"# {'=' * 78}"]
        lines += [f"{selector}.{parameter} = {value}" for parameter, value in parameters.items()]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"
