"""The computer's hardware: what psutil says, and GPUs as NVML tells of them, or fails to.

A module object stands in for NVML, since tests can't count on a GPU; that the real one has the same functions is
checked, and the last test asks it, whatever it finds.
"""

import os
import sys
import threading
import time
import types

import psutil
import pytest

from ddsing import hardware
from ddsing.jobs import device
from tests.support.patience import until


class NVMLError(Exception):
    """As pynvml's."""


def unsupported(*_):
    raise NVMLError("Not Supported")


def nvml(n_gpus, **changes):
    """A module like pynvml on a machine with some GPUs; `changes` replace its functions, None removes one."""
    module = types.ModuleType("pynvml")
    memory, rates, process = types.SimpleNamespace, types.SimpleNamespace, types.SimpleNamespace
    functions = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: n_gpus,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: f"NVIDIA T{handle}",
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}",
        "nvmlDeviceGetUtilizationRates": lambda handle: rates(gpu=37 + handle, memory=5),
        "nvmlDeviceGetMemoryInfo": lambda handle: memory(total=16 * 2**30, used=3 * 2**30, free=13 * 2**30),
        "nvmlDeviceGetTemperature": lambda handle, sensor: 61 + sensor,
        "nvmlDeviceGetComputeRunningProcesses": lambda handle: [process(pid=os.getpid(), usedGpuMemory=2**30)],
        "nvmlDeviceGetGraphicsRunningProcesses": lambda handle: [
            process(pid=os.getpid(), usedGpuMemory=5),
            process(pid=2**31 - 1, usedGpuMemory=None),
        ],
    }
    for name, function in (functions | changes).items():
        if function is not None:
            setattr(module, name, function)
    return module


@pytest.fixture
def with_nvml(monkeypatch, tmp_path):
    """Puts a module in pynvml's place."""
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware, "_nvml", None)
    return lambda module: monkeypatch.setitem(sys.modules, "pynvml", module)


def test_the_real_module_has_all_that_is_asked_for():
    import pynvml

    asked = [name for name in dir(nvml(1)) if name.startswith("nvml")]
    assert len(asked) == 10 and all(callable(getattr(pynvml, name)) for name in asked)
    assert pynvml.NVML_TEMPERATURE_GPU == hardware._ON_CHIP


def test_a_gpu_as_nvml_tells_of_it(with_nvml):
    with_nvml(nvml(1))
    name = psutil.Process().name()
    expected = hardware.Gpu(
        index=0,
        name="NVIDIA T0",
        uuid="GPU-0",
        utilisation=0.37,
        memory_used_bytes=3 * 2**30,
        memory_total_bytes=16 * 2**30,
        temperature_c=61,
        processes=(hardware.GpuProcess(os.getpid(), name, 2**30), hardware.GpuProcess(2**31 - 1, None, None)),
    )
    assert hardware.gpus() == (expected,)
    assert device.names() == ("gpu:0",) and device.name() == "gpu:0" and device.describe("gpu:0") == "NVIDIA T0"


def test_several_gpus_in_their_order(with_nvml):
    with_nvml(nvml(3))
    found = hardware.gpus()
    assert [(gpu.index, gpu.name, gpu.utilisation) for gpu in found] == [
        (0, "NVIDIA T0", 0.37),
        (1, "NVIDIA T1", 0.38),
        (2, "NVIDIA T2", 0.39),
    ]
    assert device.names() == ("gpu:0", "gpu:1", "gpu:2")


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        ("1", ("gpu:1",)),
        ("2, 0", ("gpu:0", "gpu:2")),
        ("GPU-1", ("gpu:1",)),
        ("GPU-", ("gpu:0", "gpu:1", "gpu:2")),
        ("", ("cpu",)),
        ("-1", ("cpu",)),
        ("MIG-4", ("gpu:0",)),
    ],
)
def test_devices_are_those_that_cuda_may_see(with_nvml, monkeypatch, allowed, names):
    with_nvml(nvml(3))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert device.names() == names


@pytest.mark.parametrize(
    ("before", "name", "visible"),
    [("", "cpu", "-1"), ("0,1", "gpu:1", "1"), ("MIG-4", "gpu:0", "MIG-4"), ("MIG-4", "cpu", "-1")],
)
def test_a_job_lets_tensorflow_see_its_device_only(monkeypatch, before, name, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "")
    device.choose(name)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible


NONE = {
    "no card": nvml(0),
    "no driver": nvml(1, nvmlInit=unsupported),
    "no package": None,
    "driver lost": nvml(1, nvmlDeviceGetCount=unsupported),
    "card lost": nvml(1, nvmlDeviceGetHandleByIndex=unsupported),
    "a broken library": nvml(1, nvmlInit=lambda: (_ for _ in ()).throw(OSError("wrong ELF class"))),
}


@pytest.mark.parametrize("module", NONE.values(), ids=NONE)
def test_without_gpus_there_are_none_and_no_error(with_nvml, module):
    with_nvml(module)
    assert hardware.gpus() == ()
    assert device.names() == ("cpu",) and device.name() == "cpu" and device.describe("cpu") == "CPU"


@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetCount"])
def test_a_driver_that_comes_later_or_again_is_found(with_nvml, function):
    with_nvml(nvml(1, **{function: unsupported}))
    assert hardware.gpus() == ()
    with_nvml(nvml(1))
    assert len(hardware.gpus()) == 1


TOLD = {
    "nvmlDeviceGetUUID": "uuid",
    "nvmlDeviceGetUtilizationRates": "utilisation",
    "nvmlDeviceGetMemoryInfo": "memory_used_bytes",
    "nvmlDeviceGetTemperature": "temperature_c",
}


@pytest.mark.parametrize("how", [unsupported, None], ids=["not supported", "not in this version"])
def test_what_a_card_does_not_tell_is_none_and_the_rest_is_there(with_nvml, how):
    for function, field in TOLD.items():
        hardware._nvml = None
        with_nvml(nvml(1, **{function: how}))
        (gpu,) = hardware.gpus()
        assert getattr(gpu, field) is None
        others = set(TOLD.values()) - {field}
        assert all(getattr(gpu, other) is not None for other in others) and len(gpu.processes) == 2
    hardware._nvml = None
    processes = ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses")
    with_nvml(nvml(1, nvmlDeviceGetName=how, **dict.fromkeys(processes, how)))
    (gpu,) = hardware.gpus()
    assert gpu.name == "GPU 0" and gpu.processes == () and gpu.utilisation == 0.37


def test_names_may_be_bytes_as_older_versions_give_them(with_nvml):
    with_nvml(nvml(1, nvmlDeviceGetName=lambda handle: b"Tesla \xff"))
    assert hardware.gpus()[0].name == "Tesla \ufffd"


def test_the_machine_at_a_glance_is_what_the_system_says(tmp_path):
    found = hardware.look(tmp_path)
    assert found.n_cores == os.cpu_count() and 0.0 <= found.cpu_utilisation <= 1.0
    assert found.memory_total_bytes == psutil.virtual_memory().total >= found.memory_available_bytes > 0
    space = os.statvfs(tmp_path)
    assert found.disk_total_bytes == space.f_blocks * space.f_frsize > found.disk_free_bytes > 0
    assert [gpu.name for gpu in found.gpus] == [gpu.name for gpu in hardware.gpus()]


def test_how_busy_the_processor_is_does_not_begin_with_nothing_in_each_thread(tmp_path):
    """Each run of a page's script is a thread of its own."""
    hardware.look(tmp_path)
    seen = []

    def work_and_look():
        until(lambda: time.process_time() > began_s + 0.2, every_s=0.0)
        seen.append(hardware.look(tmp_path).cpu_utilisation)

    began_s = time.process_time()
    one = threading.Thread(target=work_and_look)
    one.start()
    one.join()
    assert 0.0 < seen[0] <= 1.0


def test_the_device_is_the_first_card_that_may_be_used(with_nvml, monkeypatch):
    with_nvml(nvml(2))
    monkeypatch.setattr(sys, "platform", "linux")
    assert hardware.device() == hardware.Device("gpu", "NVIDIA T0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert hardware.device() == hardware.Device("gpu", "NVIDIA T1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert hardware.device().kind == "cpu"


def test_without_a_card_it_is_the_processor_and_its_cores(with_nvml, monkeypatch):
    with_nvml(nvml(0))
    monkeypatch.setattr(hardware, "processor", lambda: "CPU")
    monkeypatch.setattr(hardware, "n_cores", lambda: 8)
    assert hardware.device() == hardware.Device("cpu", "CPU, 8 cores")
    monkeypatch.setattr(hardware, "n_cores", lambda: 1)
    assert hardware.device().name == "CPU, 1 core"


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "Intel Xeon"),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "Intel Core i7-8550U"),
        ("AMD Ryzen 9 5950X 16-Core Processor            ", "AMD Ryzen 9 5950X"),
        ("Apple M2 Pro\n", "Apple M2 Pro"),
        ("unknown", "CPU"),
        ("x86_64", "CPU"),
        ("", "CPU"),
    ],
)
def test_a_processors_name_without_its_makers_marks(monkeypatch, told, name):
    monkeypatch.setattr(hardware, "_told_processor", lambda: told)
    assert hardware.processor.__wrapped__() == name


def test_a_processor_that_can_not_be_asked_is_a_cpu(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")  # winreg is not there
    assert hardware.processor.__wrapped__() == "CPU"
    monkeypatch.undo()
    assert hardware.processor.__wrapped__()
