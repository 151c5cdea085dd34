"""The operative gin texts that ddsp's releases write for their own models, put together as gin writes them.

Parameters and defaults are those of the releases on PyPI, 1.0.0 to 3.7.0, read from their source; what changed between
them is marked with the first release that has it. PyPI lacks 2.0 and 3.0; their preprocessor's parameter is said to be
``recompute_loudness``.
"""

RELEASES = ("1.0.0", "1.1.0", "1.6.3", "1.7.0", "1.9.0", "2.0.0", "3.0.0", "3.1.0", "3.2.0", "3.4.0", "3.7.0")
MODELS = ("ae", "plain", "solo_instrument", "tiny_instrument", "nsynth_ae", "vst")

_ADD = "(@processors.Add(), ['filtered_noise/signal', 'harmonic/signal'])"
_GRAPH = (
    "\\\n    [(@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),\n"
    "     (@synths.FilteredNoise(), ['noise_magnitudes']),\n     "
)


def number(release: str) -> tuple[int, ...]:
    """A release, to be compared."""
    return tuple(int(part) for part in release.split("."))


def operative_text(release: str, model: str) -> str:
    """What a training of one of ddsp's own models (`MODELS`) writes with a release."""
    with_z, vst = model in ("ae", "nsynth_ae"), model == "vst"
    effect = {"vst": "FilteredNoiseReverb"}.get(model, "Reverb" if "instrument" in model else "")
    preprocessor = "OnlineF0PowerPreprocessor" if vst else "F0LoudnessPreprocessor"
    sections: dict[str, dict[str, object]] = {
        "processors.Add": {"name": "'add'"},
        "Autoencoder": {
            "decoder": "@decoders.RnnFcDecoder()",
            "encoder": "@encoders.MfccTimeDistributedRnnEncoder()" if with_z else None,
            "losses": "[@losses.SpectralLoss()]",
            "preprocessor": f"@preprocessing.{preprocessor}()",
            "processor_group": "@processors.ProcessorGroup()",
        },
        "evaluate": {"batch_size": 32, "data_provider": "@data.TFRecordProvider()", "evaluator_classes": "%evaluators"},
        "exp_sigmoid": {"exponent": 10.0, "max_value": 2.0, "threshold": "1e-07"},
        preprocessor: _preprocessor(release, vst),
        "FilteredNoise": {
            "initial_bias": -5.0, "n_samples": 64320 if vst else 64000, "name": "'filtered_noise'",
            "scale_fn": "@core.exp_sigmoid", "window_size": 0,
        },
        "get_model": {"model": "@models.Autoencoder()"},
        "Harmonic": _harmonic(release, vst),
        "oscillator_bank": {"sum_sinusoids": True},
        "ProcessorGroup": {"dag": _GRAPH + _ADD + (f", (@effects.{effect}(), ['add/signal'])]" if effect else "]")},
        "RnnFcDecoder": _decoder(release, model),
        "run_dag": {"verbose": False},
        "SpectralLoss": {
            "cumsum_freq_weight": 0.0, "delta_freq_weight": 0.0, "delta_time_weight": 0.0,
            "fft_sizes": "(2048, 1024, 512, 256, 128, 64)", "logmag_weight": 1.0, "loss_type": "'L1'",
            "loudness_weight": 0.0, "mag_weight": 1.0, "name": "'spectral_loss'",
        },
        "train": {
            "batch_size": "%batch_size", "data_provider": "@data.TFRecordProvider()", "num_steps": 1000000,
            "steps_per_save": 300, "steps_per_summary": 300,
        },
        "Trainer": {
            "checkpoints_to_keep": 100, "grad_clip_norm": 3.0, "learning_rate": "%learning_rate", "lr_decay_rate": 0.98,
            "lr_decay_steps": 10000, "restore_keys": None,
        },
    }  # fmt: skip
    if number(release) < (1, 7):
        sections["oscillator_bank"]["use_angular_cumsum"] = False
    if with_z:
        sections["MfccTimeDistributedRnnEncoder"] = {
            "rnn_channels": 512, "rnn_type": "'gru'", "z_dims": 16, "z_time_steps": 125,
        }  # fmt: skip
    if effect:
        sections[effect] = {"add_dry": True, "reverb_length": 48000, "trainable": True, "name": "'reverb'"}
    _add_data(sections, release, model)
    text = "import ddsp\nimport ddsp.training as ddsp2\n\n# Macros:\n# ====\nbatch_size = 32\nlearning_rate = 0.0003\n"
    text += "evaluators = [@BasicEvaluator, @F0LdEvaluator]\n"
    for selector, parameters in sections.items():
        text += f"\n# Parameters for {selector}:\n# {'=' * 78}\n"
        text += "".join(f"{selector}.{name} = {value}\n" for name, value in parameters.items())
    return text


def _preprocessor(release: str, vst: bool) -> dict[str, object]:
    if vst:
        return {"compute_f0": False, "compute_power": True, "crepe_saved_model_path": None, "frame_rate": 50,
                "frame_size": 1024, "padding": "'center'", "viterbi": False}  # fmt: skip
    if number(release) < (2,):
        return {"time_steps": 1000}
    name = "recompute_loudness" if number(release) < (3, 1) else "compute_loudness"
    return {name: True, "frame_rate": 250, "sample_rate": 16000, "time_steps": 1000}


def _harmonic(release: str, vst: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "n_samples": 64320 if vst else 64000, "name": "'harmonic'", "normalize_below_nyquist": True,
        "sample_rate": 16000, "scale_fn": "@core.exp_sigmoid",
    }  # fmt: skip
    if number(release) >= (1, 1):
        found["amp_resample_method"] = "'linear'" if vst else "'window'"
    if number(release) >= (1, 7):
        found["use_angular_cumsum"] = False
    return found


def _decoder(release: str, model: str) -> dict[str, object]:
    keys = {"ae": "('ld_scaled', 'f0_scaled', 'z')", "nsynth_ae": "('ld_scaled', 'f0_scaled', 'z')"}
    n_harmonics = 100 if model in keys else 60
    found: dict[str, object] = {
        "ch": 512,
        "input_keys": keys.get(model, "('pw_scaled', 'f0_scaled')" if model == "vst" else "('ld_scaled', 'f0_scaled')"),
        "layers_per_stack": 0 if model == "tiny_instrument" else 3,
        "output_splits": f"\\\n    (('amps', 1),\n     ('harmonic_distribution', {n_harmonics}),\n"
        "     ('noise_magnitudes', 65))",
        "rnn_channels": 512,
        "rnn_type": "'gru'",
    }
    if number(release) >= (3, 2):
        found["stateless"] = False
    return found


def _add_data(sections: dict[str, dict[str, object]], release: str, model: str) -> None:
    """The data providers, which NSynth's model binds in scopes."""
    if model == "nsynth_ae":
        for name, split in (("train", "train"), ("eval", "valid"), ("sample", "test")):
            sections[f"{name}_data/data.NSynthTfds"] = {"split": f"'{split}'"}
        sections["train"]["data_provider"] = "@train_data/data.NSynthTfds()"
    provider: dict[str, object] = {
        "example_secs": 4, "file_pattern": "'/data/train.tfrecord*'", "frame_rate": 250, "sample_rate": 16000,
    }  # fmt: skip
    sections["TFRecordProvider"] = provider | ({"centered": False} if number(release) >= (3, 1) else {})
