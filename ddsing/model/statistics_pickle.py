"""Statistics as the notebooks pickled them, with ddsp's own transformer, written without ddsp."""

import pickle

import numpy as np

from ddsing.model.statistics import DatasetStatistics

_POSTPROCESSING = "ddsp.training.postprocessing"


class QuantileTransformer:
    """Stands for ``ddsp.training.postprocessing.QuantileTransformer`` in a pickle, so that ddsp need not be loaded."""

    def __init__(self, references: np.ndarray, quantiles: np.ndarray):
        self.n_quantiles, self.output_distribution, self.subsample = 1000, "uniform", 100_000  # ddsp's defaults
        self.random_state = None  # only fitting needs it, and its pickles differ between numpy versions
        self.n_quantiles_ = len(references)
        self.references_ = np.array(references)
        self.quantiles_ = np.array(quantiles)[:, np.newaxis]


def dumps(statistics: DatasetStatistics) -> bytes:
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
