"""The devices that jobs take turns on: ``cpu``, ``gpu:0``, ``gpu:1``, …"""

import os

from ddsing import machine
from ddsing.jobs import queue


def names() -> tuple[str, ...]:
    """The GPUs, numbered as NVML does, that ``CUDA_VISIBLE_DEVICES`` allows; ``("cpu",)`` where there is none."""
    gpus = machine.gpus()
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        wanted = [entry.strip() for entry in allowed.split(",")]
        gpus = tuple(gpu for gpu in gpus if str(gpu.index) in wanted or (gpu.uuid or "-") in wanted)
    return tuple(f"gpu:{gpu.index}" for gpu in gpus) or ("cpu",)


def name() -> str:
    """The device for the next job: the one with the shortest queue."""
    return min(names(), key=lambda device: len(queue.tickets(device)))


def describe(device: str) -> str:
    """A device for people: a GPU's own name, or ``CPU``."""
    for gpu in machine.gpus():
        if device == f"gpu:{gpu.index}":
            return gpu.name
    return "CPU" if device == "cpu" else device
