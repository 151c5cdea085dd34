"""The GPU's benchmark, which nobody could run on one: each of its branches on a processor, and the table it prints."""

import json
import subprocess
import sys

import pytest

from benchmarks import gpu
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

ALL = """
import json
from benchmarks import gpu
from tests.support import tiny_training
with tiny_training.uncompiled():
    print(json.dumps({name: gpu.part(name, True) for name in gpu.PARTS}))
"""


@pytest.fixture(scope="module")
def found():
    """What all parts find, on a processor and tiny; in one process, since each loads TensorFlow."""
    done = subprocess.run([sys.executable, "-c", ALL], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_part_runs_and_every_way_computes_ddsp_s_loss(found):
    assert not [one for one in found.values() if "failed" in one]
    losses = {name: one["loss"] for name, one in found.items() if name.startswith("steps")}
    theirs, exact = losses.pop(f"steps: {gpu.DDSP}"), losses["steps: ours, own GRU"]
    assert len(losses) == len(gpu.WAYS)
    assert exact == pytest.approx(theirs, rel=0.01), "nothing is traced here, and so ddsp draws other noise"
    for name, loss in losses.items():
        assert loss == pytest.approx(exact, rel=1e-4 if "float16" not in name else 0.02), name
    shared = found["devices"]
    assert shared["2"]["loss"] == pytest.approx(shared["1"]["loss"], rel=1e-5)
    assert found["crepe"]["most apart"] < 1e-4


@pytest.mark.slow
def test_the_table_has_a_line_for_each_way(found):
    said = gpu.text(found).splitlines()
    for name in (gpu.DDSP, *gpu.WAYS, "1 device", "2 devices", "crepe", "NVML", "TensorFlow sees"):
        assert any(line.startswith(name) for line in said), name
    assert f"the notebooks of 2021 made {gpu.SEED_STEPS_PER_S} on Colab" in "\n".join(said)


def test_what_fails_or_finds_no_time_left_says_so_and_takes_nothing_else_along(monkeypatch):
    monkeypatch.setattr(gpu, "crepe", lambda small: 1 / 0)
    assert gpu.part("crepe", True) == {"failed": "ZeroDivisionError: division by zero"}
    monkeypatch.setattr(gpu, "MOST_S", 0.0)
    late = gpu.measure(["machine", "crepe"], "cpu", True)
    assert gpu.text(late) == "machine: no time left\ncrepe: no time left"
    assert "not done within" in gpu.in_child("machine", "cpu", True, 0.01)["failed"]


def test_without_a_card_it_says_how_to_try_it_out(monkeypatch):
    monkeypatch.setattr(gpu.hardware, "gpus", lambda: ())
    with pytest.raises(SystemExit, match="--device cpu --small"):
        gpu.main([])


def test_a_card_is_told_as_on_the_page():
    card = gpu.hardware.Gpu(0, "NVIDIA L4", None, 0.5, 2 * 2**30, 24 * 2**30, 61)
    assert gpu._tile(card) == "NVIDIA L4: 50% busy, 2.0 of 24.0 GB, 61 °C"
    assert gpu._tile(gpu.hardware.Gpu(0, "GPU 0")) == "GPU 0: ? busy, ?, ?"
