"""How much memory a training step takes."""

import psutil

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.tf import runtime
from ddsing.model.config import ModelConfig

_SHARE_OF_AVAILABLE = 0.6  # the rest is for the dashboard, and for the other programs


def n_parts_that_fit(config: ModelConfig, batch_size: int, window_frames: int) -> int:
    """In how many equal parts a batch is best taken: as few as leave memory for others."""
    if runtime.device().kind == "gpu":
        return 1
    free_bytes = _SHARE_OF_AVAILABLE * psutil.virtual_memory().available
    needed_bytes = batch_size * step_bytes(config, window_frames)
    divisors = [n for n in range(1, batch_size + 1) if batch_size % n == 0]
    return next((n for n in divisors if needed_bytes / n <= free_bytes), batch_size)


def step_bytes(config: ModelConfig, window_frames: int) -> float:
    """What one window adds to the memory that a step takes at its peak, roughly (see benchmarks/training.py)."""
    n_layers = (len(config.input_keys) + 1) * config.layers_per_stack
    layers = 4 * n_layers * config.ch
    recurrent = 32 * config.rnn_channels
    sound = HOP_SAMPLES * (config.n_harmonics + 160)
    return 4.0 * window_frames * (layers + recurrent + sound)
