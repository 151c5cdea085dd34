"""TensorFlow and ddsp, imported late and once, and the device they run on.

The only place that imports them. TensorFlow's settings must be in the environment before its import, and ddsp needs
stand-ins for packages that are not installed (`placeholders`); so everyone calls `tensorflow()` and `ddsp()` here. Any
thread may.
"""

import logging
import os
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ddsing import hardware
from ddsing.engine.tf import placeholders
from ddsing.process import TENSORFLOW

Tensor = Any  # a `tf.Tensor`, or what TensorFlow takes for one; it has no types of its own
_lock = threading.RLock()
_ready = False


@dataclass(frozen=True)
class Device:
    """Where models run: `kind` is ``gpu`` or ``cpu``, `name` is for people."""

    kind: str
    name: str


def tensorflow() -> ModuleType:
    """The tensorflow module, with tf-keras 2 as ``tf.keras`` as ddsp needs it, and no more threads than our cores."""
    global _ready
    with _lock:
        for name, value in TENSORFLOW.items():
            os.environ.setdefault(name, value)
        import tensorflow as tf

        if not _ready:
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
            try:
                tf.config.threading.set_intra_op_parallelism_threads(hardware.n_cores())
                tf.config.threading.set_inter_op_parallelism_threads(min(2, hardware.n_cores()))
            except RuntimeError:  # someone else has started TensorFlow already: its threads stay as they are
                pass
            _ready = True
        return tf


def ddsp() -> ModuleType:
    """The ddsp module with ``ddsp.training`` imported."""
    tensorflow()
    with _lock, placeholders.standing_in():
        import ddsp as module
        import ddsp.training

        return module


def device() -> Device:
    """The device that models are trained on; imports TensorFlow."""
    config = tensorflow().config
    gpus = config.list_physical_devices("GPU")
    if gpus:
        details = config.experimental.get_device_details(gpus[0])
        return Device("gpu", details.get("device_name", gpus[0].name))
    cores = hardware.n_cores()
    return Device("cpu", f"CPU, {cores} core{'s' if cores > 1 else ''}")
