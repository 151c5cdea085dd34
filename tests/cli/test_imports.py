"""What a transfer imports once the pitch is known: what sings, and nothing that takes a second of its own."""

import shutil
import subprocess
import sys

import pytest

from tests.support import tiny_workspace
from tests.support.paths import ROOT

SLOW = (
    "tensorflow",
    "streamlit",
    "plotly",
    "pandas",
    "gin",
    "onnxruntime",
    "numba",
    "librosa",
    "scipy.signal",
    "scipy.stats",
    "scipy.interpolate",
    "scipy.ndimage",
)


@pytest.mark.slow
def test_a_transfer_with_known_pitch(sung, tmp_path):
    root = tmp_path / "w"
    shutil.copytree(sung, root)
    source = next(root.glob("**/examples/*.wav"))
    words = ["transfer", source, "--instrument", tiny_workspace.NAMES[0], "--tracker", "tiny"]
    words = [*map(str, words), "--workspace", str(root), "--out", str(tmp_path / "out.wav")]
    program = "import sys\nfrom ddsing import cli\nassert cli.main(sys.argv[1:]) == 0\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    imported = done.stdout.splitlines()[-1].split()
    assert "ddsing.engine.render" in imported and not [name for name in SLOW if name in imported]
    assert (tmp_path / "out.wav").stat().st_size > 1_000
