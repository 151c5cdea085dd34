"""Instruments that listen to timbre, and a space of what they hear, for tests; all of random numbers."""

import numpy as np

from ddsing.instrument import Instrument
from ddsing.model import latent_space
from ddsing.model.latent_space import LatentSpace
from tests.support import tiny_runs


def z_instrument(name: str = "Listener", *, seed: int = 3, latent: LatentSpace | None = None) -> Instrument:
    """A playable instrument that listens to timbre, with random weights."""
    config = tiny_runs.z_config()
    random = np.random.default_rng(seed)
    weights = {key: random.normal(0.0, 0.4, shape).astype(np.float32) for key, shape in config.weight_shapes().items()}
    return Instrument(name, config, None, weights, latent=latent)


def some_space(seed: int = 0) -> LatentSpace:
    random = np.random.default_rng(seed)
    return latent_space.measure(random.normal(0.0, [3.0, 1.0, 0.3, 0.1], (500, 4)) + [1.0, 2.0, 3.0, 4.0])
