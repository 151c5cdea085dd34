"""The first page: what has happened by the time it is there, as counts. How long it takes is `benchmarks.first_page`'s.

In a process of its own, because that of the tests has long imported everything.
"""

import json
import subprocess
import sys

import pytest

from tests.support import tiny_workspace
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

SLOW_TO_IMPORT = (
    "tensorflow",
    "tf_keras",
    "ddsp",
    "librosa",
    "sklearn",
    "numba",
    "matplotlib",
    "scipy",
    "h5py",
    "pandas",
    "onnxruntime",
)
PROGRAM = """
import json, os, sys

import pytest
from streamlit.testing.v1 import AppTest
from ddsing.ui.shell import warmup
os.environ["DDSING_WORKSPACE"] = sys.argv[2]
runs = []  # what of the slow modules is there at the end of each run of the script, when the warm-up may begin
warmup.start = lambda: runs.append([name for name in sys.argv[4:] if name in sys.modules])
app = AppTest.from_file(sys.argv[1], default_timeout=float(sys.argv[3])).run()
told = [error.message for error in app.exception] + [error.value for error in app.error]
print(json.dumps({"titles": [title.value for title in app.title], "runs": runs, "errors": told}))
"""


def test_it_takes_one_run_of_the_script_and_no_slow_import(tmp_path):
    workspace = tiny_workspace.fill(tmp_path / "ws")
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "app.py"), str(workspace), str(PATIENCE_S), *SLOW_TO_IMPORT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {"titles": ["Timbre transfer"], "runs": [[]], "errors": []}
