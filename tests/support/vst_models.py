"""Models of ddsp-vst's kind: small ones, ddsp 3.7's own class with their weights, and the files that it makes."""

import tempfile

import numpy as np

from ddsing.constants import POWER, SAMPLE_RATE
from ddsing.engine.tf import autoencoder, runtime
from ddsing.instrument import Instrument
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import DatasetStatistics
from ddsing.model.weights import random_weights

SWEET_SPOT = {"pitch_note": (52.0, 71.5), "power_note": (-48.0, -17.5)}


def config(**changes) -> ModelConfig:
    sizes = {"rnn_channels": 24, "ch": 16, "layers_per_stack": 1, "n_harmonics": 60, "n_noise_bands": 65}
    return ModelConfig(
        **{"generation": POWER, **sizes, "noise_window_size": 0, "amp_resample_method": "linear", **changes}
    )


def weights(model: ModelConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Random ones, with biases and gains that tell where they belong."""
    rng = np.random.default_rng(seed)
    return {
        name: (value + 0.2 * rng.standard_normal(value.shape)).astype(np.float32)
        for name, value in random_weights(model, seed=seed).items()
    }


def instrument(seed: int = 0, **changes) -> Instrument:
    model = config(**changes)
    values = {
        f"{measure}_{quantity}": ends[end]
        for quantity, ends in SWEET_SPOT.items()
        for end, measure in enumerate(("mean_min", "mean_max"))
    }
    statistics = DatasetStatistics(POWER, values, [0.0, 1.0], SWEET_SPOT["power_note"])
    return Instrument("Ada", model, statistics, weights(model, seed))


def of_ddsp(model: ModelConfig, values):
    """ddsp's `VSTStatelessPredictControls` of a configuration, without gin and checkpoint, with these weights."""
    ddsp = runtime.ddsp()
    from ddsp.training import inference

    class Own(inference.VSTStatelessPredictControls):
        def parse_gin(self, ckpt):
            self.state_size = model.rnn_channels

        def configure_gin(self):
            pass

        def restore(self, checkpoint_path, verbose=True):
            pass

    n_samples = 4 * SAMPLE_RATE
    dag = [
        (ddsp.synths.Harmonic(n_samples=n_samples, name="harmonic"), ["amps", "harmonic_distribution", "f0_hz"]),
        (ddsp.synths.FilteredNoise(n_samples=n_samples, window_size=0, name="filtered_noise"), ["noise_magnitudes"]),
        (ddsp.processors.Add(name="add"), ["filtered_noise/signal", "harmonic/signal"]),
    ]
    decoder = ddsp.training.decoders.RnnFcDecoder(
        rnn_channels=model.rnn_channels,
        rnn_type="gru",
        ch=model.ch,
        layers_per_stack=model.layers_per_stack,
        stateless=True,
        input_keys=("pw_scaled", "f0_scaled"),
        output_splits=model.output_splits,
    )
    group = ddsp.processors.ProcessorGroup(dag=dag)
    made = Own(ckpt="", preprocessor=None, encoder=None, decoder=decoder, processor_group=group, losses=[])
    autoencoder.assign_weights(made, model, values)
    return made


def ddsp_file(model: ModelConfig, values) -> bytes:
    """What ``ddsp_export --tflite`` makes of it, without the zip behind."""
    tf = runtime.tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        made = of_ddsp(model, values)
        tf.saved_model.save(made, folder, signatures=made._signatures)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()
