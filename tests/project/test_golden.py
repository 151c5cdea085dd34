"""Golden files whose generator runs with the packages of the lock are made again, and are the same."""

import subprocess
import sys

import numpy as np
import pytest

from tests.support.paths import GOLDEN
from tests.support.patience import PATIENCE_S

GENERATED = {
    "conditioning_80.npz": "conditioning.py",
    "conditioning_120.npz": "conditioning.py",
    "crepe_full.npz": "crepe_0_0_16.py",
    "crepe_tiny.npz": "crepe_0_0_16.py",
    "singing_2021.npz": "singing_1_6_3.py",
    "singing_z_2021.npz": "singing_1_6_3.py",
    "workspace_0_1.zip": "workspace_0_1.py",
    "workspace_0_1.json": "workspace_0_1.py",
    "vst_ddsp.tflite": "vst.py",
    "vst_ddsing.tflite": "vst.py",
}
FOUND = {  # random weights, and what 0.1.0 left in its caches: they can't be had again
    "singing_2021.zip",
    "singing_z_2021.zip",
    "features_center.npz",
    "features_same.npz",
    "traces.json",  # how long works took on a real computer, see benchmarks/traces.py
}


@pytest.fixture(scope="module")
def made_again(tmp_path_factory):
    """A folder with the files that ``conditioning.py`` makes."""
    out = tmp_path_factory.mktemp("made again")
    program = [sys.executable, str(GOLDEN / "make" / "conditioning.py"), "--out", str(out)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


@pytest.mark.slow
@pytest.mark.parametrize("scale", [80, 120])
def test_ddsp_conditions_as_it_did(made_again, scale):
    name = f"conditioning_{scale}.npz"
    golden, again = np.load(GOLDEN / name), np.load(made_again / name)
    assert set(golden.files) == set(again.files)
    for key in golden.files:
        assert golden[key].dtype == again[key].dtype
        np.testing.assert_allclose(again[key], golden[key], rtol=1e-6, atol=1e-6, err_msg=key)


def test_every_golden_file_says_how_it_came_to_be():
    there = {path.name for path in GOLDEN.iterdir() if path.is_file()}
    assert there == {*GENERATED, *FOUND}
    told = (GOLDEN / "make" / "README.md").read_text("utf-8")
    for name in there:
        assert f"`{name}`" in told, name
    for generator in GENERATED.values():
        assert f"`{generator}`" in told and (GOLDEN / "make" / generator).is_file()
