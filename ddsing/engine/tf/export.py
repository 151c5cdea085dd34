"""Writing what ddsp itself reads back: a TensorFlow checkpoint, and pickled statistics with ddsp's own transformer."""

import pickle
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.tf import autoencoder as engine_model
from ddsing.engine.tf import runtime
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import DatasetStatistics

_POSTPROCESSING = "ddsp.training.postprocessing"
_N_SAMPLES = 1000 * HOP_SAMPLES  # the notebooks' 4-second window, for which z_time_steps counts


def checkpoint(config: ModelConfig, weights: Mapping[str, np.ndarray], *, step: int) -> dict[str, bytes]:
    """File names and contents of a checkpoint of ddsp's `Autoencoder`, without optimizer state, as ``ckpt-<step>``."""
    tf = runtime.tensorflow()
    autoencoder = engine_model.autoencoder(config, n_samples=_N_SAMPLES)
    engine_model.assign_weights(autoencoder, config, weights)
    with tempfile.TemporaryDirectory(prefix="ddsing-export-") as folder:
        tf.train.Checkpoint(model=autoencoder).write(str(Path(folder) / f"ckpt-{step}"))
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


class QuantileTransformer:
    """Stands for ``ddsp.training.postprocessing.QuantileTransformer`` in a pickle, so that ddsp need not be loaded."""

    def __init__(self, references: np.ndarray, quantiles: np.ndarray):
        self.n_quantiles, self.output_distribution, self.subsample = 1000, "uniform", 100_000  # ddsp's defaults
        self.random_state = None  # only fitting needs it, and its pickles differ between numpy versions
        self.n_quantiles_ = len(references)
        self.references_ = np.array(references)
        self.quantiles_ = np.array(quantiles)[:, np.newaxis]


def statistics_pickle(statistics: DatasetStatistics) -> bytes:
    """``dataset_statistics.pkl`` as the notebooks pickled it: numpy scalars, and ddsp's `QuantileTransformer`."""
    document: dict[str, object] = {name: _scalar(value) for name, value in statistics.values.items()}
    document["quantile_transform"] = QuantileTransformer(statistics.references, statistics.quantiles)
    # Protocol 3 is what Python 3.6 and 3.7 read; numpy 1 knows its core under the old name, numpy 2 under both.
    data = pickle.dumps(document, protocol=3).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    ours, theirs = (f"c{module}\nQuantileTransformer\n".encode() for module in (__name__, _POSTPROCESSING))
    return data.replace(ours, theirs)


def _scalar(value: float) -> np.floating:
    single = np.float32(value)
    return single if float(single) == value else np.float64(value)
