"""Writing a TensorFlow checkpoint that ddsp itself reads back."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.tf import autoencoder as engine_model
from ddsing.engine.tf import runtime
from ddsing.model.config import ModelConfig

_N_SAMPLES = 1000 * HOP_SAMPLES  # the notebooks' 4-second window, for which z_time_steps counts


def checkpoint(config: ModelConfig, weights: Mapping[str, np.ndarray], *, step: int) -> dict[str, bytes]:
    """File names and contents of a checkpoint of ddsp's `Autoencoder`, without optimizer state, as ``ckpt-<step>``."""
    tf = runtime.tensorflow()
    autoencoder = engine_model.autoencoder(config, n_samples=_N_SAMPLES)
    engine_model.assign_weights(autoencoder, config, weights)
    with tempfile.TemporaryDirectory(prefix="ddsing-export-") as folder:
        tf.train.Checkpoint(model=autoencoder).write(str(Path(folder) / f"ckpt-{step}"))
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
