"""ddsp's own `Autoencoder`, built from a `ModelConfig` by constructor arguments, and its weights by name.

Nothing here reads or changes gin's global state.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, POWER, SAMPLE_RATE
from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor
from ddsing.model.config import VOICING_KEY, ModelConfig
from ddsing.model.weights import checked


def autoencoder(config: ModelConfig, *, n_samples: int) -> Any:
    """ddsp's `Autoencoder` for batches of `n_samples` samples, with a multi-scale spectral loss; variables are built.

    Its loudness is fed as it comes (``compute_loudness=False``), on the scale of `config.generation`.
    """
    tf, ddsp = runtime.tensorflow(), runtime.ddsp()
    training = ddsp.training
    n_frames = n_samples // HOP_SAMPLES

    def scale(x: Tensor) -> Tensor:
        return ddsp.core.exp_sigmoid(x, config.scale_exponent, config.scale_max_value, config.scale_threshold)

    class Preprocessor(training.preprocessing.F0LoudnessPreprocessor):  # type: ignore[name-defined, misc]
        # ddsp reads the names of the outputs from the annotation.
        def call(self, loudness_db: Tensor, f0_hz: Tensor) -> ["f0_hz", "loudness_db", "f0_scaled", "ld_scaled"]:  # type: ignore # noqa: F821
            f0_hz, loudness_db = self.resample(f0_hz), self.resample(loudness_db)
            f0_scaled = training.preprocessing.scale_f0_hz(f0_hz)
            return f0_hz, loudness_db, f0_scaled, loudness_db / config.db_range + 1.0

    class PowerPreprocessor(Preprocessor):  # of ddsp-vst's models, fed with power
        def call(self, loudness_db: Tensor, f0_hz: Tensor) -> ["f0_hz", "loudness_db", "f0_scaled", "pw_scaled"]:  # type: ignore # noqa: F821
            return super().call(loudness_db, f0_hz)

    dag = [
        (
            ddsp.synths.Harmonic(
                n_samples=n_samples,
                sample_rate=SAMPLE_RATE,
                scale_fn=scale,
                normalize_below_nyquist=config.normalize_below_nyquist,
                amp_resample_method=config.amp_resample_method,
                name="harmonic",
            ),
            ["amps", "harmonic_distribution", "f0_hz"],
        ),
        (
            ddsp.synths.FilteredNoise(
                n_samples=n_samples,
                window_size=config.noise_window_size,
                scale_fn=scale,
                initial_bias=config.noise_initial_bias,
                name="filtered_noise",
            ),
            ["noise_magnitudes"],
        ),
        (ddsp.processors.Add(name="add"), ["filtered_noise/signal", "harmonic/signal"]),
    ]
    encoder = None
    if config.z:
        encoder = training.encoders.MfccTimeDistributedRnnEncoder(
            rnn_channels=config.z.rnn_channels,
            rnn_type="gru",
            z_dims=config.z.z_dims,
            z_time_steps=config.z.z_time_steps,
        )
    model = training.models.Autoencoder(
        preprocessor=(PowerPreprocessor if config.generation == POWER else Preprocessor)(
            time_steps=n_frames // config.hop_frames,
            frame_rate=FRAME_RATE // config.hop_frames,
            compute_loudness=False,
        ),
        encoder=encoder,
        decoder=training.decoders.RnnFcDecoder(
            rnn_channels=config.rnn_channels,
            rnn_type="gru",
            ch=config.ch,
            layers_per_stack=config.layers_per_stack,
            input_keys=config.input_keys,
            output_splits=config.output_splits,
        ),
        processor_group=ddsp.processors.ProcessorGroup(dag=dag),
        losses=[ddsp.losses.SpectralLoss(loss_type="L1", mag_weight=1.0, logmag_weight=1.0)],
    )
    features = {
        "audio": tf.zeros([1, n_samples]),
        "f0_hz": tf.fill([1, n_frames], 440.0),
        "loudness_db": tf.fill([1, n_frames], -40.0),
    }
    if config.voicing:
        features[VOICING_KEY] = tf.ones([1, n_frames, 1])
    model(features, training=False)
    return model


def variables(model: Any, config: ModelConfig) -> dict:
    """The model's TensorFlow variables under the names of `ModelConfig.weight_shapes`."""
    found = {}

    def gru(layer: Any, prefix: str) -> None:
        cell = layer.rnn.cell
        found.update({f"{prefix}/{name}": getattr(cell, name) for name in ("kernel", "recurrent_kernel", "bias")})

    def dense(layer: Any, prefix: str) -> None:
        found[f"{prefix}/kernel"], found[f"{prefix}/bias"] = layer.kernel, layer.bias

    def stack(layers: Any, prefix: str) -> None:
        for index, block in enumerate(layers.layers):
            dense(block.layers[0], f"{prefix}/layer_with_weights-{index}/layer_with_weights-0")
            norm = f"{prefix}/layer_with_weights-{index}/layer_with_weights-1"
            found[f"{norm}/gamma"], found[f"{norm}/beta"] = block.layers[1].gamma, block.layers[1].beta

    decoder = model.decoder
    for index, layers in enumerate(decoder.input_stacks):
        stack(layers, f"decoder/input_stacks/{index}")
    gru(decoder.rnn, "decoder/rnn/rnn/cell")
    stack(decoder.out_stack, "decoder/out_stack")
    dense(decoder.dense_out, "decoder/dense_out")
    if config.z:
        found["encoder/z_norm/scale"], found["encoder/z_norm/shift"] = (
            model.encoder.z_norm.scale,
            model.encoder.z_norm.shift,
        )
        gru(model.encoder.rnn, "encoder/rnn/rnn/cell")
        dense(model.encoder.dense_out, "encoder/dense_out")
    return found


def read_weights(model: Any, config: ModelConfig) -> dict[str, np.ndarray]:
    """The model's weights as arrays, by name."""
    return {name: variable.numpy() for name, variable in variables(model, config).items()}


def assign_weights(model: Any, config: ModelConfig, weights: Mapping[str, np.ndarray]) -> None:
    """Set all of the model's weights; raises `InstrumentError` if a name or shape differs."""
    weights = checked(weights, config)
    for name, variable in variables(model, config).items():
        variable.assign(weights[name])
