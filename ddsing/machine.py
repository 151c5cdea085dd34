"""This computer's hardware and how busy it is: GPUs through NVML, the rest through psutil.

Without a driver there are simply no GPUs, and what one does not tell is None; nothing here raises for it.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GpuProcess:
    """A process that uses a GPU: `name` is None where it can't be seen (another container's)."""

    pid: int
    name: str | None
    memory_bytes: int | None


@dataclass(frozen=True)
class Gpu:
    """A GPU at one moment; `utilisation` is a share from 0 to 1."""

    index: int
    name: str
    uuid: str | None = None
    utilisation: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_c: int | None = None
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True)
class Machine:
    """The computer at one moment; `cpu_utilisation` is a share from 0 to 1 of all cores, since the last look."""

    n_cores: int
    cpu_utilisation: float
    memory_available_bytes: int
    memory_total_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    gpus: tuple[Gpu, ...] = ()


def gpus() -> tuple[Gpu, ...]:
    """The GPUs that NVML tells of, in its order; empty without a driver."""
    raise NotImplementedError


def look(folder: Path) -> Machine:
    """Everything at a glance; the disk is the one that `folder` lies on."""
    raise NotImplementedError
