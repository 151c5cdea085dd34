"""TensorFlow and ddsp, imported late and once, and the device they run on."""

import logging
import os
import sys
import threading
from dataclasses import dataclass

from ddsing.engine import placeholders

_lock = threading.Lock()


@dataclass(frozen=True)
class Device:
    """Where models run: `kind` is ``gpu`` or ``cpu``, `name` is for people."""

    kind: str
    name: str


def tensorflow():
    """The tensorflow module, with tf-keras 2 as ``tf.keras`` as ddsp needs it."""
    with _lock:
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow as tf

        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        return tf


def ddsp():
    """The ddsp module with ``ddsp.training`` imported."""
    tensorflow()
    with _lock:
        placeholders.install()
        import ddsp as module
        import ddsp.training

        return module


def is_loaded() -> bool:
    """Whether TensorFlow is imported already."""
    return "tensorflow" in sys.modules and hasattr(sys.modules["tensorflow"], "config")


def device() -> Device:
    """The device that training uses; imports TensorFlow."""
    gpus = tensorflow().config.list_physical_devices("GPU")
    if gpus:
        details = tensorflow().config.experimental.get_device_details(gpus[0])
        return Device("gpu", details.get("device_name", gpus[0].name))
    return Device("cpu", f"CPU, {os.cpu_count()} cores")
