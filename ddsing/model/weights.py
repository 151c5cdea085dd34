"""A model's weights, float32 arrays by name: what they must be, and random ones to begin with."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.model.config import ModelConfig

MAX_WEIGHTS_BYTES = 128 * 2**20  # the notebooks' largest model has 30 MB


def n_bytes(config: ModelConfig) -> int:
    """Bytes of all weights of a model, as float32; more than `MAX_WEIGHTS_BYTES` raises `InstrumentError`."""
    total = 4 * sum(math.prod(shape) for shape in config.weight_shapes().values())
    if total > MAX_WEIGHTS_BYTES:
        raise InstrumentError(
            f"The instrument's model has {total / 1e6:,.0f} MB of weights; ddsing plays models with up to "
            f"{MAX_WEIGHTS_BYTES / 1e6:.0f} MB."
        )
    return total


def checked(weights: Mapping[str, np.ndarray], config: ModelConfig) -> Mapping[str, np.ndarray]:
    """The weights, sorted, read-only and float32, where names, shapes and finiteness are those of `config`."""
    n_bytes(config)
    shapes = config.weight_shapes()
    missing, extra = sorted(set(shapes) - set(weights)), sorted(set(weights) - set(shapes))
    if missing or extra:
        what = (
            f"lacks {len(missing)} weights, such as {missing[0]}"
            if missing
            else f"has an unknown weight, {ascii(extra[0])[:80]}"
        )
        raise InstrumentError(f"The instrument {what}; its model configuration doesn't match its weights.")
    result: dict[str, np.ndarray] = {}
    for name in sorted(shapes):
        array = np.asarray(weights[name])
        if array.shape != shapes[name]:
            raise InstrumentError(
                f"The instrument's weight {name} has shape {array.shape}; its model needs {shapes[name]}."
            )
        if array.dtype.kind != "f":
            raise InstrumentError(f"The instrument's weight {name} holds {array.dtype}; weights are float32.")
        array = np.ascontiguousarray(array, "<f4").view()
        if not np.isfinite(array).all():
            raise InstrumentError(
                f"The instrument's weight {name} contains NaN or infinite values. Train or download it again."
            )
        array.flags.writeable = False
        result[name] = array
    return MappingProxyType(result)


def random_weights(config: ModelConfig, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Untrained weights: Glorot-uniform kernels, unit gains, zero biases."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in config.weight_shapes().items():
        if name.endswith("kernel"):
            limit = np.sqrt(6.0 / sum(shape))
            weights[name] = rng.uniform(-limit, limit, shape).astype(np.float32)
        else:
            fill = np.ones if name.endswith(("gamma", "scale")) else np.zeros
            weights[name] = fill(shape, np.float32)
    return weights
