"""The computer's hardware and how busy it is: GPUs through NVML, the rest through psutil.

Without a driver there are simply no GPUs, and what one does not tell is None; nothing here raises for it.
"""

import contextlib
import functools
import os
import platform
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_ON_CHIP = 0  # NVML_TEMPERATURE_GPU, the sensor that every card has
_lock = threading.Lock()
_nvml = None
_cpu_seen = psutil.cpu_times()


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
class Device:
    """What trains here: `kind` is ``gpu`` or ``cpu``, `name` is for people."""

    kind: str
    name: str


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
    with _lock:
        nvml = _start_nvml()
        if nvml is None:
            return ()
        found = []
        n_gpus = _ask(nvml, "Count")
        if n_gpus is None:  # the driver went away: begin anew the next time
            _forget_nvml()
        for index in range(n_gpus or 0):
            handle = _ask(nvml, "HandleByIndex", index)
            if handle is not None:
                found.append(_gpu(nvml, index, handle))
        return tuple(found)


def visible_gpus() -> tuple[Gpu, ...]:
    """The GPUs that ``CUDA_VISIBLE_DEVICES`` allows, in NVML's order.

    Where a slice of a GPU (MIG) is named there, which has no number, that is the first one.
    """
    found = gpus()
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None or not found:
        return found
    if allowed.startswith("MIG-"):
        return found[:1]
    wanted = [entry.strip() for entry in allowed.split(",")]
    return tuple(gpu for gpu in found if str(gpu.index) in wanted or _named(gpu.uuid or "", wanted))


def device() -> Device:
    """The device that trains, named without TensorFlow: a GPU where it can use one, else the processor."""
    cards = visible_gpus() if sys.platform == "linux" else ()  # elsewhere TensorFlow has no CUDA
    if cards:
        return Device("gpu", cards[0].name)
    cores = n_cores()
    return Device("cpu", f"{processor()}, {cores} core{'s' if cores > 1 else ''}")


@functools.cache
def processor() -> str:
    """The processor's name as its maker gives it, without marks and clock; ``CPU`` where the system tells none."""
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError, ImportError):
        return _plain(_told_processor()) or "CPU"
    return "CPU"


def n_cores() -> int:
    """The cores that this process may use: no more than ``DDSING_CORES``, which background work is given."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("DDSING_CORES", "")
    return max(1, min(cores, int(limit))) if limit.isdecimal() else cores


def crowd() -> float:
    """How many processes have wanted a core of late, for each core: 0 where the computer was idle, 1 where it was full.

    The mean of about a minute; 0 where the system does not tell.
    """
    try:
        return max(0.0, psutil.getloadavg()[0]) / (psutil.cpu_count() or 1)
    except OSError:
        return 0.0


def look(folder: Path) -> Machine:
    """Everything at a glance; the disk is the one that `folder` lies on."""
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(folder))
    return Machine(
        n_cores=psutil.cpu_count() or 1,
        cpu_utilisation=_busy(),
        memory_available_bytes=memory.available,
        memory_total_bytes=memory.total,
        disk_free_bytes=disk.free,
        disk_total_bytes=disk.total,
        gpus=gpus(),
    )


def _busy() -> float:
    """The share of all cores since the last look, in whichever thread: psutil.cpu_percent begins with 0 in each."""
    global _cpu_seen
    with _lock:
        before, _cpu_seen = _cpu_seen, psutil.cpu_times()
        passed = {name: now - then for name, now, then in zip(before._fields, _cpu_seen, before)}
    total_s = sum(seconds for name, seconds in passed.items() if not name.startswith("guest"))  # part of user and nice
    idle_s = passed["idle"] + passed.get("iowait", 0.0)
    return min(1.0, max(0.0, 1.0 - idle_s / total_s)) if total_s > 0.0 else 0.0


def _told_processor() -> str:
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as key:
            return str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
    told = Path("/proc/cpuinfo").read_text(errors="replace")
    found = re.search(r"^model name\s*:(.*)$", told, re.MULTILINE)
    return found[1] if found else platform.processor()


def _plain(told: str) -> str:
    """``Intel(R) Xeon(R) CPU @ 2.20GHz`` as people say it: Intel Xeon."""
    said = re.sub(r"\((?:R|TM|C)\)|@.*|\bCPU\b|\bProcessor\b|\b\S+-Core\b", " ", told, flags=re.IGNORECASE)
    said = " ".join(said.split())
    return "" if said.lower() in ("", "unknown", "x86_64", "aarch64") else said


def _named(uuid: str, wanted: list[str]) -> bool:
    """CUDA takes the beginning of a name for the whole."""
    return any(entry.startswith("GPU-") and uuid.startswith(entry) for entry in wanted)


def _start_nvml():
    """The module, initialised once it can be; None without it or without a driver, which may still come."""
    global _nvml
    if _nvml is None:
        try:
            import pynvml

            pynvml.nvmlInit()
        except Exception:  # NVMLError, or whatever loading the driver's library raises
            return None
        _nvml = pynvml
    return _nvml


def _forget_nvml():
    global _nvml
    _nvml = None


def _ask(nvml: Any, what: str, *arguments: Any):
    """What NVML's ``nvmlDeviceGet…`` answers; None if this card, driver or version of NVML has no answer."""
    try:
        return getattr(nvml, f"nvmlDeviceGet{what}")(*arguments)
    except Exception:  # NVMLError; ctypes' errors where the driver is older than the module
        return None


def _gpu(nvml: Any, index: int, handle: Any):
    memory = _ask(nvml, "MemoryInfo", handle)
    rates = _ask(nvml, "UtilizationRates", handle)
    used, busy = getattr(memory, "used", None), getattr(rates, "gpu", None)
    return Gpu(
        index=index,
        name=_text(_ask(nvml, "Name", handle)) or f"GPU {index}",
        uuid=_text(_ask(nvml, "UUID", handle)),
        utilisation=None if busy is None else busy / 100.0,
        memory_used_bytes=used,
        memory_total_bytes=getattr(memory, "total", None),
        temperature_c=_ask(nvml, "Temperature", handle, _ON_CHIP),
        processes=_processes(nvml, handle),
    )


def _processes(nvml: Any, handle: Any):
    """Those that compute, then those that only draw, each once."""
    found: dict[int, GpuProcess] = {}
    for what in ("ComputeRunningProcesses", "GraphicsRunningProcesses"):
        for process in _ask(nvml, what, handle) or ():
            memory = getattr(process, "usedGpuMemory", None)
            found.setdefault(process.pid, GpuProcess(process.pid, _process_name(process.pid), memory))
    return tuple(found.values())


def _process_name(pid: int):
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).name()
    return None


def _text(value: Any):
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
