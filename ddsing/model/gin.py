"""Bindings of an operative gin text → `ModelConfig`: an allow-list of ``selector.parameter``, each value checked.

What decides the sound must be known here, by name, or the instrument is refused with the name; what only trained it
(losses, data providers, evaluators, the trainer) is passed over, in whichever scope it is bound. The loudness
generation follows from the preprocessor: from ddsp 3 on the operative text names both its ``compute_loudness`` (in 2.0
and 3.0, ``recompute_loudness``) and its ``frame_rate``.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, POWER, SAMPLE_RATE
from ddsing.errors import InstrumentError
from ddsing.formats.gin_text import Reference
from ddsing.model.config import VOICING_KEY, Z_SPECTRA, ModelConfig, ZConfig

_Number = TypeVar("_Number", int, float)
_ALIASES = {"Additive": "Harmonic", "DefaultPreprocessor": "F0LoudnessPreprocessor"}
_OLD_PARAMETERS = {("F0LoudnessPreprocessor", "recompute_loudness"): "compute_loudness"}  # of ddsp 2.0 and 3.0
_Z_ENCODER = "MfccTimeDistributedRnnEncoder"
_OF_POWER = "OnlineF0PowerPreprocessor"  # of ddsp-vst's models
_POWER_HOP = 320  # samples between two steps of such a model

# Selectors that decide the sound, and every parameter of theirs that is understood.
_SOUND: dict[str, frozenset[str]] = {
    selector: frozenset(parameters.split())
    for selector, parameters in {
        "Autoencoder": "preprocessor encoder decoder processor_group losses name",
        "F0LoudnessPreprocessor": "time_steps frame_rate sample_rate compute_loudness name",
        _OF_POWER: "frame_rate frame_size padding compute_power compute_f0 crepe_saved_model_path viterbi name",
        "Crop": "frame_size crop_location name",
        "RnnFcDecoder": "rnn_channels rnn_type ch layers_per_stack stateless input_keys output_splits name",
        _Z_ENCODER: "rnn_channels rnn_type z_dims z_time_steps f0_encoder name",
        "ProcessorGroup": "dag name",
        "Harmonic": "n_samples sample_rate scale_fn normalize_below_nyquist amp_resample_method "
        "use_angular_cumsum name",
        "FilteredNoise": "n_samples window_size scale_fn initial_bias name",
        "Add": "name",
        "exp_sigmoid": "exponent max_value threshold",
        "oscillator_bank": "sum_sinusoids use_angular_cumsum sample_rate",
        "angular_cumsum": "chunk_size",
        "harmonic_oscillator_bank": "use_angular_cumsum initial_phase sample_rate",
        "run_dag": "verbose",
        "DAGLayer": "name",
        "get_model": "model",
    }.items()
}
# Selectors that only trained the model; whatever they say, it is not heard.
_TRAINING = frozenset(
    name
    for names in (
        "Trainer get_trainer_class train evaluate sample run main prepare_tfrecord generate_notes generate_notes_v2",
        "RecordProvider TFRecordProvider LegacyTFRecordProvider BaseMultiProvider ZippedProvider MixedProvider",
        "ExperimentalDataProvider NSynthTfds SyntheticNotes Urmp UrmpMidi",
        "SpectralLoss LossGroup ParamLoss EmbeddingLoss PretrainedCREPEEmbeddingLoss TWMLoss HmmTranscriber",
        "HarmonicConsistencyLoss FilteredNoiseConsistencyLoss KDEConsistencyLoss WassersteinConsistencyLoss",
        "BasicEvaluator F0LdEvaluator TWMEvaluator MidiAutoencoderEvaluator MidiHeuristicEvaluator",
        "compute_mag compute_mel compute_logmag compute_logmel compute_mfcc compute_loudness compute_f0",
    )
    for name in names.split()
)


def read_config(bindings: Mapping[tuple[str, str], object]) -> ModelConfig:
    """The model that an operative gin text describes; `InstrumentError` names what ddsing does not know or play."""
    found, unknown = _sorted(bindings)
    preprocessor = "F0LoudnessPreprocessor"
    for selector in ("Autoencoder", "", "RnnFcDecoder", "ProcessorGroup"):
        if not selector:  # by now the text is known to be an autoencoder's
            with_z, preprocessor = _check_autoencoder(found["Autoencoder"])
        if (selector or preprocessor) not in found:
            raise _bad(f"it has no {selector or preprocessor}, so it is not the configuration of a singing model")
    of_power = preprocessor == _OF_POWER
    _check_graph(found["ProcessorGroup"], cropped=of_power)
    if unknown:
        raise _bad(f"it sets {unknown}, which the models that ddsing plays don't have")
    generation = _of_power(found) if of_power else _generation(found["F0LoudnessPreprocessor"])
    decoder, harmonic = found["RnnFcDecoder"], found.get("Harmonic", {})
    noise, scale = found.get("FilteredNoise", {}), found.get("exp_sigmoid", {})
    _check_decoder(decoder, with_z, first="pw_scaled" if of_power else "ld_scaled")
    _check_synthesisers(found)
    _check_rates(found, of_power=of_power)
    n_harmonics, n_noise_bands = _splits(decoder)
    return ModelConfig(
        generation=generation,
        rnn_channels=_number(decoder, "RnnFcDecoder", "rnn_channels", int, 512),
        ch=_number(decoder, "RnnFcDecoder", "ch", int, 512),
        layers_per_stack=_number(decoder, "RnnFcDecoder", "layers_per_stack", int, 3),
        n_harmonics=n_harmonics,
        n_noise_bands=n_noise_bands,
        z=_z_config(found.get(_Z_ENCODER, {})) if with_z else None,
        noise_initial_bias=_number(noise, "FilteredNoise", "initial_bias", float, -5.0),
        noise_window_size=_number(noise, "FilteredNoise", "window_size", int, 257),
        normalize_below_nyquist=_flag(harmonic, "Harmonic", "normalize_below_nyquist", True),
        amp_resample_method=_choice(
            harmonic, "Harmonic", "amp_resample_method", ("window", "linear", "cubic", "nearest"), "window"
        ),
        scale_exponent=_number(scale, "exp_sigmoid", "exponent", float, 10.0),
        scale_max_value=_number(scale, "exp_sigmoid", "max_value", float, 2.0),
        scale_threshold=_number(scale, "exp_sigmoid", "threshold", float, 1e-7),
        voicing=VOICING_KEY in cast(tuple, decoder.get("input_keys", ())),
    )


def _sorted(bindings: Mapping[tuple[str, str], object]) -> tuple[dict[str, dict[str, object]], str]:
    """What decides the sound, by selector and parameter under their new names; and the first that nobody knows."""
    found: dict[str, dict[str, object]] = {}
    unknown = ""
    for (scoped, parameter), value in bindings.items():
        scope, _, selector = scoped.rpartition("/")
        if selector in _TRAINING:
            continue
        if scope:
            raise _bad(f"it binds {ascii(parameter)[:40]} in a scope, which these models never use")
        selector = _ALIASES.get(selector, selector)
        shown = ascii(f"{selector}.{parameter}")[:80]
        parameter = _OLD_PARAMETERS.get((selector, parameter), parameter)
        if parameter not in _SOUND.get(selector, ()):
            unknown = unknown or shown
            continue
        if parameter in found.setdefault(selector, {}):
            raise _bad(f"it sets {selector}.{parameter} twice, under an old and a new name")
        found[selector][parameter] = value
    model = found.get("get_model", {}).get("model", Reference("Autoencoder", True))
    if not isinstance(model, Reference) or model.last != "Autoencoder":
        raise _bad(f"its model is {_shown(model)}; ddsing plays Autoencoder")
    return found, unknown


def _check_autoencoder(autoencoder: Mapping[str, object]) -> tuple[bool, str]:
    """Whether the model has the z encoder, and its preprocessor; its other parts must be those of singing models."""
    for parameter, wanted in (
        ("preprocessor", ("F0LoudnessPreprocessor", "DefaultPreprocessor", _OF_POWER)),
        ("decoder", ("RnnFcDecoder",)),
        ("processor_group", ("ProcessorGroup",)),
    ):
        value = autoencoder.get(parameter)
        if not isinstance(value, Reference) or value.last not in wanted:
            raise _bad(f"its Autoencoder.{parameter} is {_shown(value)}; ddsing plays models with {wanted[0]}")
    encoder, preprocessor = autoencoder.get("encoder"), autoencoder["preprocessor"]
    assert isinstance(preprocessor, Reference)
    of_power = preprocessor.last == _OF_POWER
    name = _OF_POWER if of_power else "F0LoudnessPreprocessor"
    if encoder is None:
        return False, name
    if not isinstance(encoder, Reference) or encoder.last != _Z_ENCODER or of_power:
        raise _bad(f"its Autoencoder.encoder is {_shown(encoder)}; ddsing plays models with {_Z_ENCODER} or none")
    return True, name


def _of_power(found: Mapping[str, Mapping[str, object]]) -> int:
    """The generation of a model of ddsp-vst's, whose power is that of the plug-in."""
    preprocessor, crop = found[_OF_POWER], found.get("Crop", {})
    wanted = {"frame_rate": SAMPLE_RATE // _POWER_HOP, "frame_size": 1024, "padding": "center", "compute_power": True}
    for parameter, value in (wanted | {"compute_f0": False}).items():
        if preprocessor.get(parameter) != value:
            raise _bad(
                f"its {_OF_POWER}.{parameter} is {_shown(preprocessor.get(parameter))}; ddsing plays models of "
                f"ddsp-vst with {value!r}"
            )
    if (crop.get("frame_size"), crop.get("crop_location")) != (_POWER_HOP, "back"):
        raise _bad(f"its Crop is not that of ddsp-vst's models, {_POWER_HOP} samples at the back")
    return POWER


def _check_graph(group: Mapping[str, object], *, cropped: bool) -> None:
    graph = group.get("dag")
    names = []
    for step in graph if isinstance(graph, tuple) else ():
        reference = step[0] if isinstance(step, tuple) and len(step) == 2 else None
        if not isinstance(reference, Reference):
            raise _bad("its ProcessorGroup.dag can't be read")
        names.append(_ALIASES.get(reference.last, reference.last))
    if sorted(names) != ["Add", *(["Crop"] if cropped else []), "FilteredNoise", "Harmonic"]:
        shown = ascii(", ".join(names))[:100]
        raise _bad(f"its synthesisers are {shown}; ddsing plays Harmonic + FilteredNoise added up, without effects")


def _generation(preprocessor: Mapping[str, object]) -> int:
    for parameter, wanted in (("frame_rate", FRAME_RATE), ("sample_rate", SAMPLE_RATE)):
        if preprocessor.get(parameter, wanted) != wanted:
            raise _bad(f"its F0LoudnessPreprocessor.{parameter} is not {wanted}, at which ddsing plays")
    return 3 if {"compute_loudness", "frame_rate"} <= set(preprocessor) else 1


def _check_decoder(decoder: Mapping[str, object], with_z: bool, *, first: str) -> None:
    _choice(decoder, "RnnFcDecoder", "rnn_type", ("gru",), "gru")
    if decoder.get("stateless", False) is not False:
        raise _bad("its RnnFcDecoder.stateless is set; ddsing plays models without it")
    wanted = (first, "f0_scaled") + (("z",) if with_z else ())
    if decoder.get("input_keys", ("ld_scaled", "f0_scaled", "z")) not in (wanted, (*wanted, VOICING_KEY)):
        raise _bad(f"its RnnFcDecoder.input_keys are {_shown(decoder.get('input_keys'))}; this model needs {wanted}")


def _splits(decoder: Mapping[str, object]) -> tuple[int, int]:
    splits: Any = decoder.get("output_splits")
    n_amps = n_harmonics = n_noise_bands = None
    try:
        (_, n_amps), (_, n_harmonics), (_, n_noise_bands) = splits
        names = tuple(name for name, _ in splits)
    except (TypeError, ValueError):
        names = ()
    if names != ("amps", "harmonic_distribution", "noise_magnitudes") or n_amps != 1:
        raise _bad(
            f"its RnnFcDecoder.output_splits are {_shown(splits)}; ddsing plays amps (1), harmonic_distribution and "
            "noise_magnitudes"
        )
    if type(n_harmonics) is not int or type(n_noise_bands) is not int:
        raise _bad("its RnnFcDecoder.output_splits are not whole numbers")
    return n_harmonics, n_noise_bands


def _check_synthesisers(found: Mapping[str, Mapping[str, object]]) -> None:
    for name in ("Harmonic", "FilteredNoise"):
        scale_fn = found.get(name, {}).get("scale_fn", Reference("exp_sigmoid", False))
        if not isinstance(scale_fn, Reference) or scale_fn.last != "exp_sigmoid" or scale_fn.called:
            raise _bad(f"its {name}.scale_fn is {_shown(scale_fn)}; ddsing plays models with exp_sigmoid")


def _check_rates(found: Mapping[str, Mapping[str, object]], *, of_power: bool) -> None:
    """16 kHz and 250 frames a second; from ddsp 1.x on the latter follows from the lengths of features and sound."""
    for name in ("Harmonic", "oscillator_bank", "harmonic_oscillator_bank"):
        rate = found.get(name, {}).get("sample_rate", SAMPLE_RATE)
        if rate != SAMPLE_RATE:
            raise _bad(f"its {name}.sample_rate is {_shown(rate)}; ddsing plays at {SAMPLE_RATE} Hz")
    if of_power:  # its rate is its preprocessor's
        return
    n_frames = _number(found["F0LoudnessPreprocessor"], "F0LoudnessPreprocessor", "time_steps", int, 1000)
    for name in ("Harmonic", "FilteredNoise"):
        n_samples = _number(found.get(name, {}), name, "n_samples", int, 64000)
        if n_samples != n_frames * HOP_SAMPLES:
            raise _bad(
                f"it has {n_frames:,} frames for {n_samples:,} samples; ddsing plays models of {FRAME_RATE} frames per "
                "second"
            )


def _z_config(encoder: Mapping[str, object]) -> ZConfig:
    _choice(encoder, _Z_ENCODER, "rnn_type", ("gru",), "gru")
    if encoder.get("f0_encoder") is not None:
        raise _bad(f"its {_Z_ENCODER}.f0_encoder is set; ddsing plays models without one")
    steps = _number(encoder, _Z_ENCODER, "z_time_steps", int, 250)
    if steps not in Z_SPECTRA:
        raise _bad(f"its {_Z_ENCODER}.z_time_steps is {steps}; ddsp supports {', '.join(map(str, Z_SPECTRA))}")
    return ZConfig(
        rnn_channels=_number(encoder, _Z_ENCODER, "rnn_channels", int, 512),
        z_dims=_number(encoder, _Z_ENCODER, "z_dims", int, 32),
        z_time_steps=steps,
    )


def _number(
    values: Mapping[str, object], selector: str, parameter: str, kind: type[_Number], default: _Number
) -> _Number:
    value = values.get(parameter, default)
    if kind is float and type(value) is int and abs(value) < 10**9:
        value = float(value)
    if type(value) is not kind:
        raise _bad(f"its {selector}.{parameter} is {_shown(value)}; it must be a number")
    return cast(_Number, value)


def _flag(values: Mapping[str, object], selector: str, parameter: str, default: bool) -> bool:
    value = values.get(parameter, default)
    if type(value) is not bool:
        raise _bad(f"its {selector}.{parameter} is {_shown(value)}; it must be True or False")
    return value


def _choice(values: Mapping[str, object], selector: str, parameter: str, allowed: tuple[str, ...], default: str) -> str:
    value = values.get(parameter, default)
    if type(value) is not str or value not in allowed:
        raise _bad(f"its {selector}.{parameter} is {_shown(value)}; ddsing plays {' or '.join(allowed)}")
    return value


def _shown(value: object) -> str:
    return f"@{value.name}"[:60] if isinstance(value, Reference) else ascii(value)[:60]


def _bad(what: str) -> InstrumentError:
    return InstrumentError(f"The instrument's operative_config-0.gin was refused: {what}.")
