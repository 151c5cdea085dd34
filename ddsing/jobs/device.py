"""The devices that jobs take turns on: ``cpu``, ``gpu:0``, ``gpu:1`` and so on."""

import os

from ddsing import hardware
from ddsing.jobs import queue


def names() -> tuple[str, ...]:
    """The GPUs, numbered as NVML does, that ``CUDA_VISIBLE_DEVICES`` allows; ``("cpu",)`` where there is none.

    A slice of a GPU (MIG) that is named there counts as ``gpu:0``.
    """
    if hardware.gpus() and os.environ.get("CUDA_VISIBLE_DEVICES", "").startswith("MIG-"):
        return ("gpu:0",)
    return tuple(f"gpu:{gpu.index}" for gpu in hardware.visible_gpus()) or ("cpu",)


def choose(device: str) -> None:
    """Let TensorFlow, not imported yet, see this device and no other."""
    if device != "cpu" and os.environ.get("CUDA_VISIBLE_DEVICES", "").startswith("MIG-"):
        return  # chosen already, and has no number
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # as NVML numbers them
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1" if device == "cpu" else device.removeprefix("gpu:")


def name() -> str:
    """The device for the next job: the one with the shortest queue."""
    return min(names(), key=lambda device: len(queue.tickets(device)))


def describe(device: str) -> str:
    """A device for people: a GPU's own name, or ``CPU``."""
    for gpu in hardware.gpus():
        if device == f"gpu:{gpu.index}":
            return gpu.name
    return "CPU" if device == "cpu" else device
